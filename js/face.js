// The class that pages use. It forwards each call to the Rust class `AuthClient`, from which it takes the method names.
// Here is only the code that must run without an instance of the wasm, or that must outlive one.

import bindings from "../target/sdk/bindings.js";
import { authError, DISPOSED, unavailable } from "./errors.js";
import { attempt, busy, define, guarded, hold, memory, refused, seen } from "./instance.js";

/**
 * @typedef {import("../target/sdk/bindings.js").Core} Core
 * @typedef {{ outer?: Promise<unknown>, fail?: (cause: unknown) => void }} Pending the caller's promise, and the function that rejects it
 */

/** @type {{ [name: string]: any }} values of a client without the wasm, which counts as signed out */
const WITHOUT_WASM = { user: null, persistence: "memory", event: ["INITIAL_SESSION", null] };

/**
 * `compile` returns the WebAssembly.Module, and `compileAhead` a promise of it. Both fail if the module is unavailable.
 * @param {() => WebAssembly.Module} compile
 * @param {() => Promise<WebAssembly.Module>} compileAhead
 * @returns {typeof import("./index.js").AuthClient}
 */
export function face(compile, compileAhead) {
  const page = memory(); // Rust stores values for all clients of the page here.
  /** @type {WebAssembly.Module | undefined} */
  let module; // Compiled once for all clients.
  const members = Object.getOwnPropertyDescriptors(bindings().AuthClient.prototype);
  const names = Object.keys(members).filter((name) => !/^(constructor|free|__)/.test(name));
  class AuthClient {
    #options;
    /** @type {Core | undefined} the Rust object, created at the first use and again after a trap */
    #core;
    /**
     * @type {AbortController | null | undefined} aborted when the core ends, which ends its listeners and requests; null after `dispose()`
     */
    #life;
    #own = new Map(); // Rust stores values for this client here.
    /** @type {Map<Promise<unknown>, Pending>} the key is the promise of the core */
    #pending = new Map();
    /** @type {Set<() => unknown>} called again for a new core */
    #subscriptions = new Set();

    /** @param {unknown} options */
    constructor(options) {
      this.#options = options;
      // Bound, so that a page can pass them as handlers: form.addEventListener("submit", auth.login).
      for (const name of [...names, "dispose"])
        if (!members[name]?.get) define(this, name, { value: /** @type {any} */ (this)[name].bind(this) });
      // On a page, compile before the first submit; elsewhere do nothing before the first call.
      if (typeof document !== "undefined")
        setTimeout(() =>
          compileAhead()
            .then((ready) => {
              module ??= ready;
              this.#open();
            })
            .catch(() => {}),
        );
    }

    dispose() {
      this.#subscriptions.clear();
      this.#end(DISPOSED);
      this.#life = null;
    }

    /** @returns {Core} */
    #open() {
      if (this.#core) return this.#core;
      if (this.#life === null) throw DISPOSED;
      const life = new AbortController();
      try {
        const fresh = bindings(guarded((trap) => this.#life === life && this.#end(trap)));
        fresh.initSync({ module: (module ??= compile()) });
        this.#life = life;
        this.#core = new fresh.AuthClient(this.#options, life.signal, page, this.#own);
      } catch (cause) {
        throw unavailable(cause);
      }
      for (const begin of this.#subscriptions) begin();
      return this.#core;
    }

    /**
     * Ends the core after a trap or `dispose()`, and rejects all pending calls.
     * @param {unknown} cause
     */
    #end(cause) {
      this.#life?.abort((this.#core = undefined));
      for (const { fail } of /** @type {Required<Pending>[]} */ ([...this.#pending.values()])) fail(cause);
    }

    /**
     * Returns the caller's promise. Joined calls share one.
     * @param {Promise<unknown>} inner
     * @param {Error} call
     * @param {SubmitEvent | undefined} event
     */
    #promise(inner, call, event) {
      const entry = /** @type {Pending} */ (this.#pending.get(inner) ?? this.#pending.set(inner, {}).get(inner));
      return (entry.outer ??= new Promise((resolve, reject) => {
        /** @type {(how: (value: any) => void, value: unknown) => void} */
        const settle = (how, value) => this.#pending.delete(inner) && (busy(event, false), how(value));
        entry.fail = (/** @type {unknown} */ cause) =>
          settle(reject, seen(authError(cause, call), event, /** @type {Promise<unknown>} */ (entry.outer)));
        inner.then((value) => settle(resolve, value), entry.fail);
        busy(event, true);
      }));
    }

    /**
     * @param {string} name
     * @param {Function} listener
     */
    #subscribe(name, listener) {
      let hasBegun = false;
      /** @type {Function | undefined} */
      let end;
      const tell = (/** @type {unknown[]} */ ...event) => ((hasBegun = true), listener(...event));
      const begin = () => (end = this.#open()[name](tell, hasBegun));
      const answer = attempt(begin);
      if (answer instanceof Promise) return answer;
      if (!answer) queueMicrotask(() => this.#subscriptions.has(begin) && tell(...WITHOUT_WASM.event));
      this.#subscriptions.add(begin);
      return () => this.#subscriptions.delete(begin) && end?.();
    }

    /**
     * @param {string} name
     * @param {any[]} args
     */
    #call(name, args) {
      const call = new Error(); // for the stack of an error
      const event = args
        .slice(0, 2)
        .map((arg) => attempt(() => hold(arg)))
        .find(Boolean);
      try {
        const answer = typeof args[0] === "function" ? this.#subscribe(name, args[0]) : this.#open()[name](...args);
        return answer instanceof Promise ? this.#promise(answer, call, event) : answer;
      } catch (cause) {
        return refused(authError(cause, call), event);
      }
    }

    static {
      const method = (/** @type {string} */ name) => ({
        /**
         * @this {AuthClient}
         * @param {any[]} args
         */
        value(...args) {
          return this.#call(name, args);
        },
      });
      const getter = (/** @type {string} */ name) => ({
        /** @this {AuthClient} */
        get() {
          return attempt(() => this.#open()[name], WITHOUT_WASM[name]);
        },
      });
      for (const name of names) define(AuthClient.prototype, name, members[name].get ? getter(name) : method(name));
      if (Symbol.dispose) define(AuthClient.prototype, Symbol.dispose, { value: AuthClient.prototype.dispose });
    }
  }
  return /** @type {any} */ (AuthClient);
}
