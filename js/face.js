// The class that pages use: forwards each call to the Rust class `AuthClient`, from which it takes the names of the methods, and does what
// must happen without an instance of the wasm, or outlive one.

import bindings from "../target/sdk/bindings.js";
import { authError, DISPOSED, unavailable } from "./errors.js";
import { attempt, busy, define, guarded, hold, memory, refused, seen } from "./instance.js";

/**
 * @typedef {import("../target/sdk/bindings.js").Core} Core
 * @typedef {{ outer?: Promise<unknown>, fail?: (cause: unknown) => void }} Pending the promise of a caller, and how to reject it
 */

/** @type {{ [name: string]: any }} what a client without the wasm has: it is signed out */
const WITHOUT_WASM = { user: null, persistence: "memory", event: ["INITIAL_SESSION", null] };

/**
 * `compile` gives the WebAssembly.Module, and `compileAhead` a promise of it. Both fail where it cannot be had.
 * @param {() => WebAssembly.Module} compile
 * @param {() => Promise<WebAssembly.Module>} compileAhead
 * @returns {typeof import("./index.js").AuthClient}
 */
export function face(compile, compileAhead) {
  const page = memory(); // Rust keeps values for all clients of the page in it
  /** @type {WebAssembly.Module | undefined} */
  let module; // compiled once for all of them
  const members = Object.getOwnPropertyDescriptors(bindings().AuthClient.prototype);
  const names = Object.keys(members).filter((name) => !/^(constructor|free|__)/.test(name));
  class AuthClient {
    #options;
    /** @type {Core | undefined} the Rust object: made at the first use, and again after a trap */
    #core;
    /**
     * @type {AbortController | null | undefined} aborted when the core ends: its listeners and requests end with it; null for a client that
     * was disposed of
     */
    #life;
    #own = new Map(); // Rust keeps values for this client in it
    /** @type {Map<Promise<unknown>, Pending>} by the promise of the core */
    #pending = new Map();
    /** @type {Set<() => unknown>} repeated on a new core */
    #subscriptions = new Set();

    /** @param {unknown} options */
    constructor(options) {
      this.#options = options;
      // Bound, so that they can be passed as handlers: form.addEventListener("submit", auth.login).
      for (const name of [...names, "dispose"])
        if (!members[name]?.get) define(this, name, { value: /** @type {any} */ (this)[name].bind(this) });
      // On a page, be ready before the first submit; elsewhere do nothing before the first call.
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
     * The core is over, by a trap or for good: no call may wait for it any longer.
     * @param {unknown} cause
     */
    #end(cause) {
      this.#life?.abort((this.#core = undefined));
      for (const { fail } of /** @type {Required<Pending>[]} */ ([...this.#pending.values()])) fail(cause);
    }

    /**
     * The promise of the caller; the same one for calls that joined.
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
      const call = new Error(); // its stack is the error's
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
