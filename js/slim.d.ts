export * from "./index.js";

/**
 * Loads the wasm. Call it once before the first other call, with a URL (of the file `doorward/doorward_bg.wasm`), a
 * Response, its bytes, or a compiled module. Rejects with `WASM_UNAVAILABLE`.
 */
export function init(
  source: string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module | Promise<Response>,
): Promise<void>;
