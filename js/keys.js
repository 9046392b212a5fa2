// The keys that sessions are bound to (RFC 9449), and the DPoP proofs signed with them. WebCrypto creates the keys and
// never reveals the private half; IndexedDB stores them.

const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const PATIENCE = 5000; // milliseconds; IndexedDB never responds in some browsers
const LONGEST = 400 * 86_400_000; // milliseconds; the database keeps the key of a lost session no longer
const LOOSE = 86_400_000; // milliseconds; the same for a loose key

/**
 * A key. The database also has its `id` and the time `at` of the last write. `kept` is `true` for the key of a session,
 * and "loose" for a key that no session uses yet. A key that exists only in memory has no `kept`.
 * @typedef {{ secret: CryptoKey, x?: string, y?: string, kept?: true | "loose" }} Key
 * @typedef {import("./index.js").AuthStorage} Storage
 */

const bytes = (/** @type {string} */ text) => new TextEncoder().encode(text);
const base64url = (/** @type {ArrayBuffer | Uint8Array} */ data) =>
  btoa(String.fromCharCode(...new Uint8Array(data))).replace(/[+/=]/g, (c) => ({ "+": "-", "/": "_" })[c] ?? "");
const json = (/** @type {unknown} */ value) => base64url(bytes(JSON.stringify(value)));
/**
 * Resolves with undefined on a timeout.
 * @template T
 * @param {Promise<T>} promise
 * @returns {Promise<T | undefined>}
 */
const inTime = (promise) => {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** Keys by their id. */
export class KeyStore {
  #name;
  /** @type {Map<string, Key>} keys that were used, and keys that exist only in memory */
  #held = new Map();
  /** @type {Promise<IDBDatabase> | undefined} */
  #database;
  /** @type {Promise<void> | undefined} the pending removal */
  #removing;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
  }

  /**
   * Reads a key from the database, after any pending removal. Returns its `kept`; undefined if the key is missing or
   * scripts can read it.
   * @param {string} id
   */
  async #load(id) {
    await this.#removing;
    const key = await this.#ask("get", id);
    if (!key || key.secret.extractable) return undefined;
    this.#held.set(id, key);
    return key.kept;
  }

  /**
   * Returns the id of the first key that exists: `known` in the database; `next` only in memory, or in the database if
   * it is loose or, with `isOwn`, the key of a session. Otherwise creates a key in memory.
   * @param {string} known
   * @param {string} next
   * @param {boolean} isOwn
   */
  async take(known, next, isOwn) {
    const stored = async (/** @type {string} */ id) => id && (await this.#load(id).catch(() => {}));
    if (await stored(known)) return known;
    if (this.#held.has(next) && !this.#held.get(next)?.kept) return next;
    const kept = await stored(next);
    if (kept === "loose" || (kept && isOwn)) return next;
    const { privateKey: secret, publicKey } = await crypto.subtle.generateKey(ES256, false, ["sign"]);
    if (secret.extractable) throw new Error("This browser's keys can be read.");
    const { x, y } = await crypto.subtle.exportKey("jwk", publicKey);
    const made = crypto.randomUUID();
    this.#held.set(made, { secret, x, y });
    return made;
  }

  /**
   * Like `take`, for a key that must outlive the page. Returns an empty id if the browser cannot store keys.
   * @param {string} known
   * @param {string} next
   * @param {boolean} isOwn
   */
  async takeLoose(known, next, isOwn) {
    const id = await this.take(known, next, isOwn);
    return this.keep(id, false).then(
      () => id,
      () => "",
    );
  }

  /**
   * Writes a key from memory to the database: as the key of a session, or as a loose key unless it already belongs to a
   * session.
   * @param {string} id
   * @param {boolean} forSession
   */
  async keep(id, forSession) {
    const key = /** @type {Key} */ (this.#held.get(id));
    const kept = forSession || ((await this.#ask("get", id))?.kept ?? "loose");
    await this.#ask("put", { ...key, kept, id, at: Date.now() }, id);
    key.kept = kept;
    this.#removeOld().catch(() => {});
  }

  /**
   * Forgets the key of an ended session. If `isWanted` resolves with true, the key stays in the database as a loose
   * key.
   * @param {string} id
   * @param {Promise<boolean>} isWanted
   */
  drop(id, isWanted) {
    const key = this.#held.get(id);
    this.#held.delete(id);
    this.#removing = this.#remove(id, key, isWanted).catch(() => {});
  }

  /**
   * Returns a DPoP proof; undefined if the key is lost.
   * @param {string} id
   * @param {string} method
   * @param {string} url
   * @param {number} iat
   * @param {string} [nonce]
   * @param {string} [token]
   */
  async prove(id, method, url, iat, nonce, token) {
    if (!this.#held.has(id)) await this.#load(id);
    const key = this.#held.get(id);
    if (!key) return undefined;
    /** @type {Record<string, string | number | undefined>} */
    const claims = { htm: method, htu: url.replace(/[?#].*/, ""), iat: Math.floor(iat), jti: crypto.randomUUID(), nonce };
    if (token) claims.ath = base64url(await crypto.subtle.digest("SHA-256", bytes(token)));
    const jwk = { kty: "EC", crv: "P-256", x: key.x, y: key.y };
    const text = `${json({ typ: "dpop+jwt", alg: "ES256", jwk })}.${json(claims)}`;
    return `${text}.${base64url(await crypto.subtle.sign(ES256, key.secret, bytes(text)))}`;
  }

  #open() {
    return (this.#database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(`${this.#name}.keys`, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("keys");
      request.onblocked = request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const opened = request.result;
        // The connection is lost, or other code is about to delete the database: the next use reopens it.
        opened.onclose = opened.onversionchange = () => {
          opened.close();
          this.#database = undefined;
        };
        resolve(opened);
      };
    }));
  }

  /**
   * @param {string} method
   * @param {unknown[]} args
   * @returns {Promise<[any]>}
   */
  async #attempt(method, args) {
    const transaction = (await this.#open()).transaction("keys", method.startsWith("get") ? "readonly" : "readwrite");
    return new Promise((resolve, reject) => {
      const request = /** @type {any} */ (transaction.objectStore("keys"))[method](...args);
      transaction.oncomplete = () => resolve([request.result]);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  /**
   * A lost connection shows only at its next use, so this retries once.
   * @param {string} method
   * @param {unknown[]} args
   */
  async #ask(method, ...args) {
    for (let first = true; ; first = false) {
      /** @type {any} */
      let cause;
      const outcome = await inTime(this.#attempt(method, args).catch((error) => void (cause = error)));
      if (outcome) return outcome[0];
      this.#database = undefined;
      if (!first) throw new Error("IndexedDB does not answer.", { cause });
      // A database with a later version or without our store would fail at every use, so it is replaced.
      if (["VersionError", "NotFoundError"].includes(cause?.name)) await inTime(this.#clear());
    }
  }

  // Open connections close themselves at `versionchange`.
  #clear() {
    return new Promise((resolve) => {
      const request = indexedDB.deleteDatabase(`${this.#name}.keys`);
      request.onsuccess = request.onerror = request.onblocked = resolve;
    });
  }

  /**
   * @param {string} id
   * @param {Key | undefined} key
   * @param {Promise<boolean>} isWanted
   */
  async #remove(id, key, isWanted) {
    const stays = await inTime(isWanted);
    if (!id || (key && !key.kept)) return;
    key ??= await this.#ask("get", id);
    await (stays && key ? this.#ask("put", { ...key, kept: "loose", id, at: Date.now() }, id) : this.#ask("delete", id));
  }

  // Removes keys whose session other code has deleted from the storage.
  async #removeOld() {
    for (const { id, at, kept } of await this.#ask("getAll"))
      if (at < Date.now() - (kept === "loose" ? LOOSE : LONGEST)) await this.#ask("delete", id);
  }
}

const storageIn = (/** @type {Map<string, any>} */ map) => ({
  getItem: (/** @type {string} */ name) => map.get(name),
  setItem: (/** @type {string} */ name, /** @type {string} */ text) => map.set(name, text),
  removeItem: (/** @type {string} */ name) => map.delete(name),
});

/**
 * Changes one entry in several storages or maps, some of them asynchronous. `change` gets the text, or null, and
 * returns the new text. Resolves with the new texts; undefined for a storage that cannot be read in time.
 * @typedef {(before: string | null) => string | null | undefined} Change
 * @param {(Storage | Map<string, string>)[]} storages
 * @param {string} name
 * @param {Change} change
 */
export const changeAll = (storages, name, change) =>
  Promise.all(
    storages.map((storage) => changeOne(storage instanceof Map ? /** @type {any} */ (storageIn(storage)) : storage, name, change)),
  );

/**
 * @param {Storage} storage
 * @param {string} name
 * @param {Change} change
 */
async function changeOne(storage, name, change) {
  /** @type {string | null | undefined} */
  let after;
  const access = async () => {
    const before = (await storage.getItem(name)) ?? null;
    after = change(before);
    if (after === null && before !== null) await storage.removeItem(name);
    if (typeof after === "string" && after !== before) await storage.setItem(name, after);
  };
  await inTime(access()).catch(() => {});
  return after;
}

/**
 * Waits for another write, then writes `text`, or removes the entry if there is no text.
 * @param {Promise<unknown>} before
 * @param {Storage} storage
 * @param {string} name
 * @param {string} [text]
 */
export async function writeAfter(before, storage, name, text) {
  await before.catch(() => {});
  return text === undefined ? storage.removeItem(name) : storage.setItem(name, text);
}
