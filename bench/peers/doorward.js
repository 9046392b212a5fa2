// The default entry, as an app's bundler takes it in.
import { AuthClient } from "../../pkg/index.js";
export const construct = () => new AuthClient({ url: location.origin });
// Constructing leaves the wasm for later; reading the user needs it.
export const use = (auth) => auth.user;
