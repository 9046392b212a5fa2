export * from "./index.js";

/**
 * Loads the wasm, once, before the first call: from its address (`doorward/doorward_bg.wasm` is the file), a Response,
 * its bytes, or a compiled module. Rejects with `WASM_UNAVAILABLE`.
 */
export function init(
  source: string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module | Promise<Response>,
): Promise<void>;
