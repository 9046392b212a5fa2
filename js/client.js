// AuthClient: the face of the wasm's `Core`. What must happen before the wasm, or survive it, is here.

import newBindings from "../target/sdk/bindings.js";
import { AuthError, authError } from "./errors.js";
import { authorised } from "./fetch.js";
import { flowsOf } from "./flows.js";
import { taken } from "./forms.js";
import { transport } from "./http.js";
import { guarded } from "./instance.js";
import { keyring } from "./keys.js";
import * as providers from "./providers.js";

// Bound, so that they can be passed as handlers: form.addEventListener("submit", auth.login).
const METHODS = [
  "signup", "logout", "getProfile", "getSession", "getAccessToken", "refreshToken",
  "forgotPassword", "resetPassword", "checkEmail", "resendVerification", "resendSignupConfirmation",
  "verifyAccount", "verifyEmail", "getSettings", "restoreToken", "listSessions", "revokeSession",
  "sendSmsCode", "sendEmail", "updatePassword", "updateProfile", "getUser", "updateEmail", "bindEmail", "unbindEmail",
  "updatePhone", "bindPhone", "unbindPhone", "listUdv", "setUdv", "removeUdv", "deleteAccount", "getCaptcha",
  "listIdentities", "unlink",
];
const BY_PROVIDER = ["register", "oauthRedirect", "redoOAuth"];
const OWN = ["login", "onAuthStateChange", "checkLoginStatus", "authHeaders", "fetch", "dispose"];

// `compile` gives the WebAssembly.Module; it is asked at the first use, and again until it gives one.
export function authClient(compile) {
  let module;
  // Those that someone listens to: the browser tells of changes by other pages only, so these tell each other.
  const heard = new Set();
  const memories = new Map(); // by place and key: what stands in for the browser's storage on this page

  return class AuthClient {
    #options;
    #core; // the wasm's side; made at the first use, and anew after a trap
    #life; // aborted when the core ends: its listeners and requests end with it
    #memory; // what is stored where the browser's storage is not to be had
    #disposed = false;
    #pending = new Set(); // how to reject the calls that wait for the core
    #submitting = new Map(); // by method: the forms whose submit is under way
    #flights = new Map(); // by method and arguments: calls about a provider that are under way
    #listeners = new Set();
    #warnings = new Set(); // told to later listeners too
    #refused = new Map(); // by origin, the last new access token that it refused

    constructor(options) {
      this.#options = options;
      for (const name of [...METHODS, ...BY_PROVIDER, ...OWN]) {
        Object.defineProperty(this, name, { value: this[name].bind(this), writable: true, configurable: true });
      }
      // On a page, be ready before the first submit; elsewhere stay inert until called.
      if (typeof document !== "undefined") setTimeout(() => this.#try(() => this.#open()));
    }

    get user() {
      return this.#try(() => this.#open().user) ?? null;
    }

    get persistence() {
      return this.#try(() => this.#open().persistence) ?? "memory";
    }

    onAuthStateChange(listener) {
      const entry = { listener, begun: false };
      this.#listeners.add(entry);
      heard.add(this);
      const begin = (session) => {
        entry.begun = true;
        // What happened meanwhile is in the initial state, and no event of its own.
        if (entry.session === undefined) entry.session = session;
        this.#tell(entry, "INITIAL_SESSION", entry.session);
        for (const code of this.#warnings) this.#tell(entry, "WARNING", entry.session, { code });
      };
      this.#call("getSession", []).then(begin, () => begin(null));
      return () => {
        this.#listeners.delete(entry);
        if (!this.#listeners.size) heard.delete(this);
      };
    }

    // By a provider, if its name comes first.
    login(...args) {
      return typeof args[0] === "string" ? this.#by("login", args) : this.#submit("login", args);
    }

    // A token is valid or not: neither is an error.
    async checkLoginStatus(token, options) {
      try {
        const call = token == null ? this.#call("getStatus", [options]) : this.#call("getStatusOf", [token, options]);
        const { exp, iat, user_id: id } = await call;
        return { status: true, code: 200, message: "Signed in.", exp, iat, data: { id } };
      } catch (error) {
        if (error.status !== 401 && error.code !== "SESSION_REQUIRED") throw error;
        return { status: false, code: 401, message: error.message };
      }
    }

    authHeaders(method, url, options) {
      return this.#call("authHeaders", [method, `${url}`, options]);
    }

    fetch(input, init) {
      const here = new Error();
      const call = (name, ...args) => this.#call(name, args);
      const life = this.#try(() => this.#open() && this.#life.signal);
      const inside = { call, life, keys: this.#memory?.keys, refused: this.#refused, fetch: this.#options?.fetch };
      return authorised(input, init, inside).catch((cause) => {
        throw authError(cause, here);
      });
    }

    dispose() {
      this.#disposed = true;
      this.#listeners.clear();
      heard.delete(this);
      this.#end({ code: "ABORTED", message: "The client was disposed of." });
    }

    // A call, perhaps by a form: prevents its submission first, come what may, and joins one that is under way.
    #submit(name, args) {
      const form = this.#try(() => heldForm(args[0]));
      if (!form) return this.#call(name, args);
      if (!this.#submitting.has(name)) this.#submitting.set(name, new WeakMap());
      const forms = this.#submitting.get(name);
      if (forms.has(form)) return forms.get(form);
      let over = false; // a call may fail before it returns
      const call = this.#call(name, args, () => {
        over = true;
        forms.delete(form);
      });
      if (!over) forms.set(form, call);
      return call;
    }

    // A call about a provider. What React's second run of an effect asks joins the first.
    #by(name, args) {
      const form = this.#try(() => heldForm(args[1]));
      const signal = args.find((arg) => arg?.signal)?.signal;
      const isPlain = !form && !signal && !args.some((arg) => Object.prototype.toString.call(arg) === "[object FormData]");
      const flights = (isPlain && this.#try(() => providers.flightsOf(name, args))) || [];
      if (this.#flights.has(flights[0])) return this.#flights.get(flights[0]);
      const flows = () => this.#open() && this.#memory.flows;
      const inside = { call: (name, ...args) => this.#submit(name, args), flows };
      const call = this.#wait((isOver) => providers[name]({ ...inside, isOver }, ...args), () => {
        for (const flight of flights) if (this.#flights.get(flight) === call) this.#flights.delete(flight);
      }, signal);
      for (const flight of flights) this.#flights.set(flight, call);
      return call;
    }

    #call(name, args, settled) {
      return this.#wait(() => this.#open().call(name, ...args), settled);
    }

    // For what this begins, as long as the core lives and the signal is not aborted.
    #wait(begin, settled, signal) {
      const here = new Error();
      return new Promise((resolve, reject) => {
        let isOver = false;
        const end = (answer, value) => {
          if (isOver) return;
          isOver = true;
          this.#pending.delete(fail);
          signal?.removeEventListener?.("abort", stop);
          settled?.();
          answer(value);
        };
        const fail = (cause) => end(reject, authError(cause, here));
        const stop = () => fail({ code: "ABORTED", message: "The call was ended." });
        this.#pending.add(fail);
        try {
          begin(() => isOver).then((value) => end(resolve, value), fail);
        } catch (cause) {
          fail(cause);
        }
        signal?.addEventListener?.("abort", stop);
        if (signal?.aborted) stop();
      });
    }

    #open() {
      if (this.#disposed) throw { code: "ABORTED", message: "The client was disposed of." };
      if (this.#core) return this.#core;
      try {
        module ??= compile();
        const life = new AbortController();
        const bindings = newBindings(guarded((trap) => this.#life === life && this.#end(trap)));
        bindings.initSync({ module });
        this.#life = life;
        const emit = (...event) => this.#emit(...event);
        const settings = new bindings.Settings(this.#options);
        this.#memory ??= memoryOf(settings, memories);
        this.#core = new bindings.Core(settings, emit, life.signal, this.#memory);
        return this.#core;
      } catch (cause) {
        if (cause instanceof AuthError) throw cause;
        const message = `WebAssembly is not available here. ${cause?.message ?? cause}`;
        throw new AuthError({ code: "WASM_UNAVAILABLE", message }, { cause });
      }
    }

    // The core is over, by a trap or for good: nothing may wait for it any longer.
    #end(cause) {
      this.#core = undefined;
      this.#life?.abort();
      for (const fail of [...this.#pending]) fail(cause);
    }

    #emit(event, session = null, code) {
      if (this.#warnings.has(code)) return;
      // What is over by then, those who come later are not told.
      if (code && code !== "offline" && code !== "key_lost") this.#warnings.add(code);
      // One that looks at its storage anew sees the change, and is silent where there is none.
      if (!code) for (const other of heard) if (other !== this) other.getSession().catch(() => {});
      // Later, so that a listener may call us; but before the call that caused it resolves.
      queueMicrotask(() => {
        for (const entry of [...this.#listeners]) {
          if (!code) entry.session = session;
          if (entry.begun) this.#tell(entry, event, entry.session, code && { code });
        }
      });
    }

    #tell(entry, event, session, detail) {
      if (!this.#listeners.has(entry)) return;
      try {
        entry.listener(event, session, detail);
      } catch (error) {
        // A listener that throws harms nobody else, and is seen where uncaught errors are.
        (globalThis.reportError ?? console.error)(error);
      }
    }

    #try(read) {
      try {
        return read();
      } catch {
        return undefined; // told by the first call
      }
    }

    static {
      const define = (name, value) =>
        Object.defineProperty(this.prototype, name, { value, writable: true, configurable: true });
      for (const name of METHODS) {
        define(name, function (...args) {
          return this.#submit(name, args);
        });
      }
      for (const name of BY_PROVIDER) {
        define(name, function (...args) {
          return this.#by(name, args);
        });
      }
      if (Symbol.dispose) define(Symbol.dispose, this.prototype.dispose);
    }
  };
}

// What is stored or held as long as the page lives, and what the wasm uses of the page; no storage key is called so.
function newMemory(settings) {
  const flows = flowsOf(settings, () => keys);
  const { key } = settings; // the settings go into the core
  const isOwn = (id) => `${memory[`${key}.session`]}`.includes(`"key":"${id}"`);
  const keys = keyring(key, greeter(settings), flows, isOwn);
  const memory = { keys, flows, transport: transport(keys), taken };
  return memory;
}

// Asks our own server for a nonce, and no other: what an app's API has at that path is its own affair.
const greeter = ({ base, fetch = globalThis.fetch }) => async (url) => {
  if (url.startsWith(`${base}/v1/`)) return fetch(`${base}/v1/nonce`, { credentials: "omit" });
};

// One for all clients of a page that would share the storage. Off a page they serve different people.
function memoryOf(settings, memories) {
  const { place, key } = settings;
  if (typeof document === "undefined" || (place !== "local" && place !== "session")) return newMemory(settings);
  const name = `${place} ${key}`;
  if (!memories.has(name)) memories.set(name, newMemory(settings));
  return memories.get(name);
}

// Keeps the browser from submitting, and gives the form that it would have submitted.
function heldForm(input) {
  const event = typeof input?.preventDefault === "function" ? input : input?.nativeEvent;
  if (typeof event?.preventDefault === "function") event.preventDefault();
  const form = isForm(input) ? input : (input?.nativeEvent ?? event)?.target;
  return isForm(form) ? form : undefined;
}

// Also of another frame, and whatever its controls are called.
const isForm = (value) => Object.prototype.toString.call(value) === "[object HTMLFormElement]";
