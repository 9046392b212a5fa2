import { AuthClient } from "@supabase/auth-js";
export const construct = () => new AuthClient({ url: location.origin, headers: { apikey: "key" } });
