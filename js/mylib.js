// The client of seed 003 on top of an AuthClient, for programs that were written for it (D-18). It has the same calls,
// which resolve with the documented results and never reject. The AuthClient does the work; this file only renames.

import { AuthClient } from "./index.js";

const SOCIAL = ["google", "twitter", "facebook", "apple"];
// Profile fields that mylib has under another name or not at all.
const OWN = [
  "user_id",
  "email_verified",
  "phone_number_verified",
  "email_subscription",
  "disabled",
  "logins_count",
  "last_login",
  "email_public",
  "phone_number_public",
  "address_public",
  "gender_public",
  "birthdate_public",
];
const RESET = "/v1/password/reset";
// Required properties of a call.
const NEEDED = ["provider", "email", "password", "token", "callback", "oauthToken", "oauthVerifier", "oauthKey"];

/**
 * @typedef {Record<string, any>} Fields
 * @typedef {typeof globalThis.fetch} Fetch
 * @typedef {import("./index.js").RequestOptions | undefined} Options
 */

/**
 * @param {import("./mylib.js").MylibOptions} [options]
 * @returns {import("./mylib.js").MylibClient}
 */
export function createClient({ columns, ...options } = {}) {
  /** @type {Users} */
  const users = new Map();
  if (options.fetch === undefined || typeof options.fetch === "function") options.fetch = hearing(options.fetch, users);
  const core = new AuthClient(options);
  /**
   * @param {Fields} profile
   * @param {Fields | false} [social]
   */
  const withUser = async (profile, social) => userOf(profile, columns ?? (await declared(core)), social);

  const auth = {
    checkEmail: (/** @type {string} */ email, /** @type {Options} */ options) =>
      said({ given: { email } }, () => core.checkEmail({ email }, options)),

    register: (/** @type {string} */ provider, /** @type {any} */ data, /** @type {Options} */ options) =>
      said({ given: object(data) }, async () => {
        const { data: profile, message, id } = await core.register(provider, object(data), options);
        return { data: await withUser(profile, provider !== "local" && { [provider]: id ?? null }), message };
      }),

    resendVerification: (/** @type {string} */ email, /** @type {Options} */ options) =>
      said({ given: { email }, unknown: "email" }, () => core.resendVerification({ email }, options)),

    oauthRedirect: (/** @type {string} */ provider, /** @type {string} */ callback, /** @type {Options} */ options) =>
      said({ given: { provider, callback } }, () => core.oauthRedirect(provider, callback, options)),

    redoOAuth: (/** @type {string} */ provider, /** @type {Options} */ options) =>
      said({ given: { provider } }, () => core.redoOAuth(provider, options)),

    login: (
      /** @type {string} */ provider,
      /** @type {any} */ data,
      /** @type {"register" | "link" | undefined} */ intent,
      /** @type {Options} */ options,
    ) =>
      said({ given: object(data), names: namesFor(provider) }, async () => {
        const { type, data: found, message } = await core.login(provider, object(data), intent, options);
        const { verified, ...offer } = found;
        return { data: type === "LoginOAuth" ? offer : found, type, message };
      }),

    forgotPassword: (/** @type {string} */ email, /** @type {Options} */ options) =>
      said({ given: { email }, unknown: "email" }, async () => {
        await core.forgotPassword({ email }, options);
        return null;
      }),

    resetPassword: (/** @type {string} */ token, /** @type {string} */ password, /** @type {Options} */ options) =>
      said({ given: { token, password }, names: { email: "token", new_password: "password" } }, async () => {
        await core.resetPassword({ token, new_password: password }, options);
        const profile = users.get(token);
        users.delete(token);
        return { data: await withUser(profile ?? {}), message: "User password reset" };
      }),
  };
  return { auth, core };
}

/** @typedef {Map<string, Fields>} Users keyed by the token of the reset link */

/**
 * The AuthClient does not return the user of a reset, but the server's response has it. The response is read once and
 * rebuilt, because a custom fetch may return a body that cannot be read twice.
 * @param {Fetch | undefined} fetch
 * @param {Users} users
 * @returns {Fetch}
 */
const hearing = (fetch, users) => async (/** @type {any} */ request) => {
  const asked = request.url.endsWith(RESET) && (await request.clone().json());
  const response = await (fetch ?? globalThis.fetch)(request);
  if (!asked || !response?.json) return response;
  const { status, headers } = response;
  const answer = await response.json();
  if (answer?.user) users.set(asked.token, answer.user);
  return Response.json(answer, { status, headers });
};

// Any other value counts as an empty object, so that the error names the missing property.
const object = (/** @type {any} */ data) => (typeof data === "object" ? (data ?? {}) : {});

// mylib's names of doorward's fields. The first property that a login needs depends on the provider.
const namesFor = (/** @type {string} */ provider) => ({
  callback: /** @type {Fields} */ ({ twitter: "oauthToken", apple: "oauthKey" })[provider] ?? "callback",
  oauth_token: "oauthToken",
  oauth_verifier: "oauthVerifier",
  oauth_key: "oauthKey",
});

// The columns that the operator declares; null if empty.
const declared = (/** @type {AuthClient} */ core) =>
  core.getSettings().then(
    ({ extras }) => extras.map(({ name }) => name),
    () => [],
  );

/**
 * @param {Fields} profile
 * @param {string[]} columns
 * @param {Fields | false} [social]
 * @returns {any}
 */
function userOf(profile, columns, social) {
  const user = /** @type {Fields} */ (Object.fromEntries(columns.map((name) => [name, null])));
  for (const [name, value] of Object.entries(flat(profile))) if (!OWN.includes(name)) user[name] = value;
  return {
    ...user,
    social_ids: social || Object.fromEntries(SOCIAL.map((name) => [name, null])),
    verified: profile.email_verified ?? false,
    fcm_tokens: profile.fcm_tokens ?? [],
    ...(profile.user_id && { id: profile.user_id }),
  };
}

/**
 * mylib has the parts of an address as separate columns; its column `address` is the formatted text.
 * @param {Fields} profile
 */
function flat({ address, ...profile }) {
  if (typeof address !== "object" || address === null) return address === undefined ? profile : { ...profile, address };
  const { formatted, ...parts } = address;
  return { ...profile, ...parts, ...(formatted !== undefined && { address: formatted }) };
}

/**
 * Returns the result of a call, or `{ error }`.
 * @param {About} about
 * @param {() => Promise<any>} call
 * @returns {Promise<any>}
 */
async function said(about, call) {
  try {
    return await call();
  } catch (cause) {
    return { error: errorOf(cause, about) };
  }
}

/**
 * Facts about a call for its errors: the given properties, the field that names an account, and mylib's names of
 * fields.
 * @typedef {{ given: Fields, unknown?: string, names?: Fields }} About
 */

/**
 * @param {any} cause
 * @param {About} about
 */
function errorOf(cause, about) {
  const { code, message } = cause;
  if (code === "SOCIAL_ACCOUNT_IN_USE") return hidden(cause, { name: "ForbiddenError", message: "Social account already in use" });
  const [status, short, title = message] = wordsOf(cause, about);
  return hidden(cause, { id: `${Date.now()}`, status: `${status}`, code: short, title });
}

/**
 * @param {import("./index.js").AuthError} cause
 * @param {About} about
 * @returns {[status: number, code: string, title?: string]}
 */
function wordsOf({ code, message, field, status = 0 }, { given, unknown, names }) {
  const name = names?.[/** @type {string} */ (field)] ?? field;
  // The message is in the client's language, so it cannot be compared.
  const isMissing = NEEDED.includes(name) && [undefined, null, ""].includes(given[name]);
  switch (code) {
    case "INVALID_PARAMETER":
      if (isMissing) return [400, "BADREQ", `root param should have required property '${name}'`];
      if (name === "token") return [400, "JWTERR"];
      if (name === unknown) return [404, "NOTFND", `'${name}' is not valid`];
      return [400, "BADREQ", name ? `'${name}' is not valid: ${message}` : message];
    case "NOT_FOUND":
      return [404, "NOTFND", unknown && `'${unknown}' is not valid`];
    case "INCORRECT_USERNAME_OR_PASSWORD":
      return [404, "NOTFND", "'email' and 'password' do not match any resource"];
    case "EXISTS":
      return [403, "FORBDN", `Key (${name ?? "email"})=(${given.email ?? ""}) already exists.`];
    case "OAUTH_REUSED":
      return [403, "FORBDN", `'${["oauthVerifier", "oauthKey"].find((name) => given[name]) ?? "code"}' is not reusable`];
    case "TOKEN_REVOKED":
    case "TOKEN_EXPIRED":
      return [400, "JWTERR"];
    default:
      // A forbidden call is 403; other errors keep their status, which is 0 without a response.
      if (status === 401 || status === 403) return [403, "FORBDN"];
      return [status, status === 429 ? "FORBDN" : "BADREQ"];
  }
}

// Not enumerable, so that logs and comparisons do not see the AuthError.
const hidden = (/** @type {unknown} */ cause, /** @type {object} */ error) => Object.defineProperty(error, "cause", { value: cause });
