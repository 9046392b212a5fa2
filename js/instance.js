// The guard around an instance of the wasm.

/**
 * Returns a class for the bindings to use as `WebAssembly.Instance`. When an exception leaves the wasm, memory may be
 * inconsistent: the instance ends, `onTrap(error)` is called once, and the exception is thrown on. Later calls into the
 * instance return undefined, so that its pending timers and callbacks do not disturb the instance that replaces it.
 */
export const guarded = (onTrap) =>
  class Instance {
    exports = {};

    constructor(module, imports) {
      // wasm-opt put all imports in one module, `a`.
      const a = Object.assign({}, ...Object.values(imports));
      const { exports } = new WebAssembly.Instance(module, { a });
      let lost = false;
      for (const [name, value] of Object.entries(exports)) {
        this.exports[name] = typeof value !== "function" ? value : (...args) => {
          if (lost) return;
          try {
            return value(...args);
          } catch (error) {
            if (!lost) {
              lost = true;
              onTrap(error);
            }
            throw error;
          }
        };
      }
    }
  };
