import { createAuthClient } from "better-auth/client";
export const construct = () => createAuthClient({ baseURL: location.origin });
