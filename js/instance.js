// The guard around an instance of the wasm, and small helpers of the face.

import { isSeen } from "./forms.js";

/**
 * A class for the bindings to use as `WebAssembly.Instance`. When an exception leaves the wasm, its memory may be inconsistent: the instance
 * ends, `onTrap(error)` is called once, and the exception is thrown on. Later calls into it return an empty array, of which the bindings
 * read undefined: so its pending timers and callbacks do not disturb the page.
 * @param {(cause: unknown, lost: true) => void} onTrap
 */
export const guarded = (onTrap) =>
  class Instance {
    /**
     * @param {WebAssembly.Module} module
     * @param {WebAssembly.Imports} imports
     */
    constructor(module, imports) {
      // wasm-opt put all imports in one module, `a`.
      const a = Object.assign({}, ...Object.values(imports));
      const { exports } = new WebAssembly.Instance(module, { a });
      let lost = false;
      /** @type {(inner: Function) => (...args: unknown[]) => unknown} */
      const guard =
        (inner) =>
        (...args) => {
          if (lost) return [];
          try {
            return inner(...args);
          } catch (error) {
            if (!lost) onTrap(error, (lost = true));
            throw error;
          }
        };
      /** @param {[string, WebAssembly.ExportValue]} entry */
      const safe = ([name, value]) => [name, typeof value === "function" ? guard(value) : value];
      this.exports = Object.fromEntries(Object.entries(exports).map(safe));
    }
  };

// The messages in other languages than English are modules of their own. Service workers cannot import them: there messages are English.
/** @type {{ [language: string]: () => Promise<{ default: Record<string, string> }> }} */
const locales = {
  de: () => import("./messages-de.js"),
  id: () => import("./messages-id.js"),
  zh: () => import("./messages-zh.js"),
};

/**
 * Loads the messages of a language. Returns a function that translates one; nothing for a language without messages.
 * @param {string} language
 */
function translator(language) {
  /** @type {Record<string, string> | undefined} */
  let texts;
  /** @type {Promise<unknown> | undefined} */
  let waits;
  const loading = locales[language]?.().then(
    (module) => (texts = module.default),
    () => {},
  );
  return (
    loading &&
    (async (/** @type {string} */ message) => {
      // A module that does not come must not keep an error back for long.
      await (waits ??= Promise.race([loading, new Promise((resolve) => setTimeout(resolve, 500))]));
      const numbers = /** @type {string[]} */ (message.match(/\d+/g));
      return texts?.[message.replace(/\d+/g, "#")]?.replace(/#/g, () => /** @type {string} */ (numbers.shift()));
    })
  );
}

/** What the clients of a page share, at first. */
export const memory = () => /** @type {Map<string, unknown>} */ (new Map([["translator", translator]]));

/**
 * The fallback where this throws: the first call tells why.
 * @template T
 * @param {() => T} work
 * @param {any} [fallback]
 * @returns {T | undefined}
 */
export function attempt(work, fallback) {
  try {
    return work();
  } catch {
    return fallback;
  }
}

/**
 * Keeps the browser from submitting a form, also where WebAssembly is refused. Returns the event, if it was given one.
 * @param {any} arg
 * @returns {SubmitEvent | undefined}
 */
export function hold(arg) {
  const event = typeof arg?.preventDefault === "function" ? arg : arg?.nativeEvent;
  event?.preventDefault?.();
  return event;
}

/**
 * The error of a call. It causes no `unhandledrejection` of its promise where a person has seen it, or the page has taken it.
 * @param {import("./errors.js").AuthError} error
 * @param {SubmitEvent | undefined} event
 * @param {Promise<unknown>} promise
 */
export function seen(error, event, promise) {
  if (event && attempt(() => isSeen(event, error))) promise.catch(() => {});
  return error;
}

/**
 * The promise of a call that could not begin.
 * @param {import("./errors.js").AuthError} error
 * @param {SubmitEvent | undefined} event
 */
export function refused(error, event) {
  const promise = Promise.reject(error);
  seen(error, event, promise);
  return promise;
}

/**
 * Marks a form that was submitted while its call is under way, for styles and for screen readers.
 * @param {SubmitEvent | undefined} event
 * @param {boolean} isBusy
 */
export function busy(event, isBusy) {
  const form = attempt(() => event?.target instanceof HTMLFormElement && event.target);
  if (form) Element.prototype[isBusy ? "setAttribute" : "removeAttribute"].call(form, "aria-busy", "true");
}

/** @type {(target: object, name: PropertyKey, member: PropertyDescriptor) => object} */
export const define = (target, name, member) =>
  Object.defineProperty(target, name, { configurable: true, ...(member.get ? {} : { writable: true }), ...member });
