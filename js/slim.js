// The entry without the wasm: call `await init(…)` once before the first other call, with the .wasm from any source.

import { unavailable } from "./errors.js";
import { face } from "./face.js";

export { AuthError, isAuthError } from "./errors.js";

/** @type {WebAssembly.Module | undefined} */
let module;

/** @param {Source | Promise<Source>} source */
export async function init(source) {
  try {
    module = await load(await source);
  } catch (cause) {
    throw unavailable(cause, "The .wasm of doorward could not be loaded.");
  }
}

const compiled = () => {
  if (!module) throw new Error("Call init(…) of doorward/slim first.");
  return module;
};
export const AuthClient = /* @__PURE__ */ face(compiled, async () => compiled());

/**
 * @typedef {string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module} Source
 * @param {any} source a {@link Source}
 */
async function load(source) {
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL) source = await fetch(source);
  if (typeof source.arrayBuffer === "function") {
    if (source.ok === false) throw new Error(`The server answered ${source.status}.`);
    source = await source.arrayBuffer();
  }
  // Some servers return their HTML page for every unknown path.
  const [first] = new Uint8Array(source.buffer ?? source, source.byteOffset ?? 0);
  if (first === 0x3c) throw new Error("The file was not served: a page came in its place.");
  return WebAssembly.compile(source);
}
