// The guard around an instance of the wasm, and small helpers of `face.js`.

import { isSeen } from "./forms.js";

/**
 * Returns a class that the bindings use as `WebAssembly.Instance`. An exception that leaves the wasm may leave its
 * memory inconsistent: the guard ends the instance, calls `onTrap(error)` once, and rethrows the exception. Later calls
 * return an empty array, which the bindings read as undefined, so that pending timers and callbacks do not disturb the
 * page.
 * @param {(cause: unknown, lost: true) => void} onTrap
 */
export const guarded = (onTrap) =>
  class Instance {
    /**
     * @param {WebAssembly.Module} module
     * @param {WebAssembly.Imports} imports
     */
    constructor(module, imports) {
      // wasm-opt puts all imports into one module, `a`.
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

// Messages in other languages than English are separate modules. Service workers cannot import them, so their messages
// are English.
/** @type {{ [language: string]: () => Promise<{ default: Record<string, string> }> }} */
const locales = {
  de: () => import("./messages-de.js"),
  id: () => import("./messages-id.js"),
  zh: () => import("./messages-zh.js"),
};

/**
 * Loads the messages of a language. Returns a function that translates a message; undefined for a language without
 * messages.
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
      // A missing module must not delay an error for long.
      await (waits ??= Promise.race([loading, new Promise((resolve) => setTimeout(resolve, 500))]));
      const numbers = /** @type {string[]} */ (message.match(/\d+/g));
      return texts?.[message.replace(/\d+/g, "#")]?.replace(/#/g, () => /** @type {string} */ (numbers.shift()));
    })
  );
}

/** The initial state that all clients of a page share. */
export const memory = () => /** @type {Map<string, unknown>} */ (new Map([["translator", translator]]));

/**
 * Returns the fallback if `work` throws. The first call reports the reason.
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
 * Keeps the browser from submitting a form, even if WebAssembly is unavailable. Returns the event if the argument is
 * one.
 * @param {any} arg
 * @returns {SubmitEvent | undefined}
 */
export function hold(arg) {
  const event = typeof arg?.preventDefault === "function" ? arg : arg?.nativeEvent;
  event?.preventDefault?.();
  return event;
}

/**
 * Returns the error of a call. If the error was shown or the page handled it, its promise causes no
 * `unhandledrejection`.
 * @param {import("./errors.js").AuthError} error
 * @param {SubmitEvent | undefined} event
 * @param {Promise<unknown>} promise
 */
export function seen(error, event, promise) {
  if (event && attempt(() => isSeen(event, error))) promise.catch(() => {});
  return error;
}

/**
 * Returns the rejected promise of a call that could not begin.
 * @param {import("./errors.js").AuthError} error
 * @param {SubmitEvent | undefined} event
 */
export function refused(error, event) {
  const promise = Promise.reject(error);
  seen(error, event, promise);
  return promise;
}

/**
 * Marks a submitted form while its call is pending, for styles and screen readers.
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
