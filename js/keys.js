// The keys that sessions are bound to (RFC 9449): made by WebCrypto, which never shows their private half, kept in
// IndexedDB, and the proofs that are signed with them. All of it is calls of the browser, and less than a fifth of the
// weight that it would have in the wasm.

const ES256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const PATIENCE = 5000; // milliseconds for IndexedDB, which in some browsers never answers
const HEARSAY = 250; // until a sign-out in another tab is seen in this one
const LONGEST = 400 * 86_400_000; // milliseconds for which the key of a session that vanished is kept
const LOOSE = 86_400_000; // and one that no session has taken
const FRESH = 60_000; // milliseconds for which a nonce is good for sure

const bytes = (text) => new TextEncoder().encode(text);
const base64url = (data) =>
  btoa(String.fromCharCode(...new Uint8Array(data))).replace(/[+/=]/g, (c) => ({ "+": "-", "/": "_" })[c] ?? "");
const json = (value) => base64url(bytes(JSON.stringify(value)));
const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
// Nothing where it takes too long.
export const inTime = (promise) => {
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, PATIENCE)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};
const originOf = (url) => new URL(url).origin;

// The keys of one database, by id. A key is `{ secret, x, y, kept }`, and in the database `id` and `at`; one that is kept "loose"
// belongs to no session yet. `greet` asks the server at this address for its first nonce: a request without one would be
// refused with one, which is the same way there and back, and an error in the console of the browser. `flows` says with
// `next` the id of the key that the next session is to have, and with `end` whether a key must stay; `isOwn` says whether
// the session that is there now has this key.
export function keyring(name, greet, flows, isOwn) {
  const held = new Map(); // those that were used, and those that no database keeps
  const nonces = new Map(); // by origin, the last that it gave, and when
  let greeting; // one for all calls that wait for it
  let database;
  let spare; // the key of whoever signs in next
  let dropping; // what is being forgotten

  const open = () =>
    (database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(`${name}.keys`, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("keys");
      request.onblocked = request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const opened = request.result;
        // Lost, or somebody wants to delete it: the next use opens it anew.
        opened.onclose = opened.onversionchange = () => {
          opened.close();
          database = undefined;
        };
        resolve(opened);
      };
    }));

  async function attempt(method, args) {
    const transaction = (await open()).transaction("keys", method.startsWith("get") ? "readonly" : "readwrite");
    return new Promise((resolve, reject) => {
      const request = transaction.objectStore("keys")[method](...args);
      transaction.oncomplete = () => resolve([request.result]);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  // That a connection was lost is told at its next use: once more, then.
  async function ask(method, ...args) {
    for (let first = true; ; first = false) {
      const outcome = await inTime(attempt(method, args).catch(() => {}));
      if (outcome) return outcome[0];
      database = undefined;
      if (!first) throw new Error("IndexedDB does not answer.");
    }
  }

  // As it is kept now: another tab may have signed out.
  async function stored(id) {
    await dropping;
    const key = await ask("get", id);
    // A key that scripts can read is none of ours, whoever has put it there.
    return key?.secret.extractable ? undefined : key;
  }

  async function find(id) {
    const key = held.get(id) ?? (await stored(id));
    if (key) held.set(id, key);
    return key;
  }

  // A flow that another tab has begun may still need it.
  async function forget(id, key) {
    const isWanted = await flows?.end(id);
    if (!id || (key && !key.kept)) return;
    key ??= await ask("get", id);
    await (isWanted && key ? ask("put", { ...key, kept: "loose", id, at: Date.now() }, id) : ask("delete", id));
  }

  // A session that was removed from the storage by others has left its key.
  async function clean() {
    for (const { id, at, kept } of await ask("getAll"))
      if (at < Date.now() - (kept === "loose" ? LOOSE : LONGEST)) await ask("delete", id);
  }

  const learn = (url, headers) => {
    const nonce = headers.get("dpop-nonce");
    if (nonce) nonces.set(originOf(url), { nonce, at: performance.now() });
    return !!nonce;
  };

  async function nonceFor(url) {
    const known = () => nonces.get(originOf(url));
    if (!known() || performance.now() - known().at > FRESH) {
      greeting ??= inTime(greet?.(url))
        .then((answer) => answer && learn(url, answer.headers), () => {})
        .finally(() => (greeting = undefined));
      await greeting;
    }
    return known()?.nonce;
  }

  return {
    // The id of a key that no session has yet.
    async make() {
      if (!spare) {
        const id = flows?.next();
        const key = id && (await stored(id).catch(() => {}));
        // Not that of another client's session, which it would take along when it ends.
        if (key && (key.kept === "loose" || isOwn(id))) {
          held.set((spare = id), key);
          return spare;
        }
        const { privateKey: secret, publicKey } = await crypto.subtle.generateKey(ES256, false, ["sign"]);
        if (secret.extractable) throw new Error("This browser's keys can be read.");
        const { x, y } = await crypto.subtle.exportKey("jwk", publicKey);
        held.set((spare = crypto.randomUUID()), { secret, x, y });
      }
      return spare;
    },
    stored,
    // A session has it now: beyond this page, unless the session is not to outlive it either. Or it is "loose", unless a
    // session has it already.
    async keep(id, beyond) {
      if (spare === id && beyond !== "loose") spare = undefined;
      if (!beyond) return;
      const key = held.get(id);
      const kept = (beyond === "loose" && (await ask("get", id))?.kept) || beyond;
      await ask("put", { ...key, kept, id, at: Date.now() }, id);
      key.kept = kept;
      clean().catch(() => {});
    },
    // Its session is over.
    drop(id) {
      const key = held.get(id);
      if (spare === id) spare = undefined;
      held.delete(id);
      return (dropping = forget(id, key).catch(() => {}));
    },

    // Adds the headers that show who asks, with the key of this id if there is one; false where it is gone.
    async show(headers, id, token, method, url, iat) {
      if (token) headers.Authorization = `${id ? "DPoP" : "Bearer"} ${token}`;
      if (!id) return true;
      // A session that is signed out in another tab goes before its key, but the news may be on the way.
      const key = (await find(id)) ?? (await later(HEARSAY));
      if (!key) return false;
      const claims = { htm: method, htu: url.replace(/[?#].*/, ""), iat: Math.floor(iat), jti: crypto.randomUUID() };
      if (token) claims.ath = base64url(await crypto.subtle.digest("SHA-256", bytes(token)));
      claims.nonce = await nonceFor(url);
      const jwk = { kty: "EC", crv: "P-256", x: key.x, y: key.y };
      const text = json({ typ: "dpop+jwt", alg: "ES256", jwk }) + "." + json(claims);
      headers.DPoP = text + "." + base64url(await crypto.subtle.sign(ES256, key.secret, bytes(text)));
      return true;
    },
    // Remembers the nonce that an answer brings. Is there one?
    learn,
  };
}
