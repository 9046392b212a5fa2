// The error of every rejection. `isAuthError` also recognises errors of another copy of this package.

const BRAND = Symbol.for("doorward.AuthError");
const OPTIONAL = /** @type {const} */ (["field", "retry_after", "id", "business_code", "captcha"]);

/** @typedef {ConstructorParameters<typeof import("./index.js").AuthError>[0]} Details */

export class AuthError extends Error {
  /**
   * @param {Details & { cause?: unknown }} details
   * @param {{ cause?: unknown }} [options]
   */
  constructor({ code, message, status, cause, ...rest }, options) {
    super(message, cause === undefined ? options : { cause });
    Object.defineProperty(this, "name", { value: "AuthError" });
    Object.defineProperty(this, BRAND, { value: true });
    this.code = code;
    this.status = status ?? 0;
    for (const name of OPTIONAL) if (rest[name] !== undefined) /** @type {any} */ (this)[name] = rest[name];
  }

  toJSON() {
    return { name: this.name, message: this.message, .../** @type {object} */ (this) };
  }
}

export const isAuthError = /** @type {(value: any) => value is AuthError} */ ((value) => value?.[BRAND] === true);

/**
 * Converts an exception from the wasm into an `AuthError`, with the stack of the call: the stack inside the wasm is of
 * no use to a developer.
 * @param {any} cause
 * @param {Error} call
 */
export function authError(cause, call) {
  const known = typeof cause?.code === "string" && !(cause instanceof Error);
  const internal = () => new AuthError({ code: "INTERNAL", message: "Something went wrong on our side.", cause });
  const error = isAuthError(cause) ? cause : known ? new AuthError(cause) : internal();
  if (call.stack) error.stack = call.stack.replace(/^Error(?=\n|$)/, () => `AuthError: ${error.message}`);
  return error;
}

export const DISPOSED = { code: "ABORTED", message: "The client was disposed of." };

/**
 * The error when the wasm cannot be started.
 * @param {any} cause
 */
export const unavailable = (cause, what = "WebAssembly is not available here.") =>
  new AuthError({ code: "WASM_UNAVAILABLE", message: `${what} ${cause?.message ?? cause}` }, { cause });
