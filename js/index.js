// The default entry: the wasm is inside, and compiled synchronously at the first use. Importing does nothing.

import wasm from "../target/sdk/wasm.js";
import { authClient } from "./client.js";

export { AuthError, isAuthError } from "./errors.js";

export const AuthClient = /* @__PURE__ */ authClient(() => new WebAssembly.Module(wasm()));
