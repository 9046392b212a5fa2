// The class that pages use: forwards each call to the Rust class `AuthClient`, from which it takes the names of the methods, and does what
// must happen without an instance of the wasm, or outlive one.

import bindings from "../target/sdk/bindings.js";
import { authError, DISPOSED, unavailable } from "./errors.js";
import { attempt, busy, define, guarded, hold, memory, refused, seen } from "./instance.js";

const WITHOUT_WASM = { user: null, persistence: "memory", event: ["INITIAL_SESSION", null] }; // signed out
/** `compile` gives the WebAssembly.Module, and `compileAhead` a promise of it. Both fail where it cannot be had. */
export function face(compile, compileAhead) {
  const page = memory(); // Rust keeps values for all clients of the page in it
  let module; // compiled once for all of them
  const members = Object.getOwnPropertyDescriptors(bindings().AuthClient.prototype);
  const names = Object.keys(members).filter((name) => !/^(constructor|free|__)/.test(name));
  class AuthClient {
    #options;
    #core; // the Rust object: made at the first use, and again after a trap
    #life; // aborted when the core ends: its listeners and requests end with it; null for a client that was disposed of
    #own = new Map(); // Rust keeps values for this client in it
    #pending = new Map(); // by the promise of the core: the promise of the caller, and how to reject it
    #subscriptions = new Set(); // repeated on a new core

    constructor(options) {
      this.#options = options;
      // Bound, so that they can be passed as handlers: form.addEventListener("submit", auth.login).
      for (const name of [...names, "dispose"]) if (!members[name]?.get) define(this, name, { value: this[name].bind(this) });
      // On a page, be ready before the first submit; elsewhere do nothing before the first call.
      if (typeof document !== "undefined")
        setTimeout(() =>
          compileAhead()
            .then((ready) => this.#open((module ??= ready)))
            .catch(() => {}),
        );
    }

    dispose() {
      this.#subscriptions.clear();
      this.#end(DISPOSED);
      this.#life = null;
    }

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

    // The core is over, by a trap or for good: no call may wait for it any longer.
    #end(cause) {
      this.#life?.abort((this.#core = undefined));
      for (const { fail } of [...this.#pending.values()]) fail(cause);
    }

    // The promise of the caller; the same one for calls that joined.
    #promise(inner, call, event) {
      const entry = this.#pending.get(inner) ?? this.#pending.set(inner, {}).get(inner);
      return (entry.outer ??= new Promise((resolve, reject) => {
        const settle = (how, value) => this.#pending.delete(inner) && (busy(event, false), how(value));
        entry.fail = (cause) => settle(reject, seen(authError(cause, call), event, entry.outer));
        inner.then((value) => settle(resolve, value), entry.fail);
        busy(event, true);
      }));
    }

    #subscribe(name, listener) {
      let [hasBegun, end] = [false];
      const tell = (...event) => ((hasBegun = true), listener(...event));
      const begin = () => (end = this.#open()[name](tell, hasBegun));
      const answer = attempt(begin);
      if (answer instanceof Promise) return answer;
      if (!answer) queueMicrotask(() => this.#subscriptions.has(begin) && tell(...WITHOUT_WASM.event));
      this.#subscriptions.add(begin);
      return () => this.#subscriptions.delete(begin) && end?.();
    }

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
      const method = (name) => ({
        value(...args) {
          return this.#call(name, args);
        },
      });
      const getter = (name) => ({
        get() {
          return attempt(() => this.#open()[name], WITHOUT_WASM[name]);
        },
      });
      for (const name of names) define(AuthClient.prototype, name, members[name].get ? getter(name) : method(name));
      if (Symbol.dispose) define(AuthClient.prototype, Symbol.dispose, { value: AuthClient.prototype.dispose });
    }
  }
  return AuthClient;
}
