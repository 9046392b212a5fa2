import { Auth0Client } from "@auth0/auth0-spa-js";
export const construct = () => new Auth0Client({ domain: location.host, clientId: "bench" });
