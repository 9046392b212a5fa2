// The default entry, as the bundler of an app includes it.
import { AuthClient } from "../../pkg/index.js";
export const construct = () => new AuthClient({ url: location.origin });
// Constructing does not compile the wasm; reading the user does.
export const use = (auth) => auth.user;
