// The default entry, with the wasm inside. Importing it does not compile the wasm.

import wasm from "../target/sdk/wasm.js";
import { face } from "./face.js";

export { AuthError, isAuthError } from "./errors.js";

export const AuthClient = /* @__PURE__ */ face(
  () => new WebAssembly.Module(wasm()),
  async () => WebAssembly.compile(wasm()),
);
