// Types of the module that xtask/bindings.mjs generates in target/sdk/. `cargo xtask check` copies this file there.

type Instance = new (module: WebAssembly.Module, imports: WebAssembly.Imports) => { exports: object };

/** Creates new bindings, with an instance of the wasm of the given class. */
export default function bindings(Instance?: Instance): {
  AuthClient: new (options: unknown, life: AbortSignal, page: Map<string, unknown>, own: Map<string, unknown>) => Core;
  initSync(init: { module: WebAssembly.Module }): void;
};

/** The Rust class: its methods and getters by their names. */
export interface Core {
  [name: string]: any;
}
