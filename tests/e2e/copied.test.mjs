// A localStorage copied into another browser is useless there, and does no harm in the original browser (D-7).

import assert from "node:assert/strict";
import { openChromium, openContext, sharedServer, signedIn, signUp, test, withClient } from "./world.mjs";

const server = await sharedServer();
const chromium = await openChromium();

/** A signed-in user, and a thief's browser with a copy of the localStorage. */
async function robbed() {
  const person = await signUp(server);
  const { context, page } = await signedIn(chromium, server, person);
  const loot = await page.evaluate(() => ({ ...localStorage }));
  const thief = await openContext(chromium);
  const den = await thief.newPage();
  await den.goto(`${server.url}/favicon.svg`);
  await den.evaluate((entries) => Object.assign(localStorage, entries), loot);
  const session = JSON.parse(loot["doorward.session"]);
  return { person, context, page, thief, den, session };
}

const goesOn = async (page, person) => {
  const told = await withClient(page, async () => {
    const before = await auth.getProfile();
    await auth.refreshToken();
    return { before: before.email, after: (await auth.getProfile()).email, events };
  });
  assert.deepEqual([told.before, told.after], [person.email, person.email]);
  assert.ok(!told.events.some((event) => /SIGNED_OUT|EXPIRED/.test(event)), told.events.join());
};

test("sec_F14_the SDK in the thief's browser reports the missing key, and the original browser keeps its session", async () => {
  const { person, context, page, thief, den } = await robbed();
  const told = await withClient(den, async () => {
    const profile = await auth.getProfile();
    const token = await auth.getAccessToken();
    await new Promise((resolve) => setTimeout(resolve));
    return { profile, token, user: auth.user, events };
  });
  assert.deepEqual([told.profile, told.token, told.user], [null, null, null]);
  assert.ok(told.events.includes("WARNING key_lost"), told.events.join());
  await goesOn(page, person);
  await Promise.all([context.close(), thief.close()]);
});

test("sec_F14_the server rejects every use of a copied token, also with a proof of the thief's own key", async () => {
  const { person, context, page, thief, den, session } = await robbed();
  // A proof that the thief has intercepted.
  const overheard = await new Promise((resolve) => {
    page.on("request", (request) => request.url().endsWith("/v1/profile") && resolve(request.allHeaders()));
    withClient(page, () => auth.getProfile());
  });
  const answers = await den.evaluate(
    async ([tokens, recorded, { href }]) => {
      const encode = (bytes) =>
        btoa(String.fromCharCode(...new Uint8Array(bytes)))
          .replace(/\+/g, "-")
          .replace(/\//g, "_")
          .replace(/=/g, "");
      const text = (value) => encode(new TextEncoder().encode(JSON.stringify(value)));
      const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
      const { publicKey, privateKey } = await crypto.subtle.generateKey(algorithm, true, ["sign"]);
      const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
      let nonce;
      const proof = async (htm, path, token) => {
        const ath = token && encode(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token)));
        const claims = { htm, htu: new URL(path, href).href, iat: Math.floor(Date.now() / 1000), jti: crypto.randomUUID(), ath, nonce };
        const message = `${text({ typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y } })}.${text(claims)}`;
        return `${message}.${encode(await crypto.subtle.sign(algorithm, privateKey, new TextEncoder().encode(message)))}`;
      };
      const results = {};
      const attempt = async (what, method, path, headers, body) => {
        const own = typeof headers === "function";
        for (let tries = 0; tries < 2; tries += 1) {
          const answer = await fetch(path, { method, body, headers: own ? await headers() : headers });
          nonce = answer.headers.get("dpop-nonce") ?? nonce;
          const said = await answer.json().catch(() => ({}));
          results[what] = [answer.status, said.error ?? said.code];
          if (!own || !/use_dpop_nonce/i.test(results[what][1])) break;
        }
      };
      const { access_token: access, refresh_token: refresh } = tokens;
      const form = () => new URLSearchParams({ grant_type: "refresh_token", client_id: "doorward", refresh_token: refresh });
      const asDpop = (method, path) => async () => ({ authorization: `DPoP ${access}`, dpop: await proof(method, path, access) });
      await attempt("profile as Bearer", "GET", "/v1/profile", { authorization: `Bearer ${access}` });
      await attempt("profile without proof", "GET", "/v1/profile", { authorization: `DPoP ${access}` });
      await attempt("profile with another key", "GET", "/v1/profile", asDpop("GET", "/v1/profile"));
      await attempt("profile with an overheard proof", "GET", "/v1/profile", {
        authorization: recorded.authorization,
        dpop: recorded.dpop,
      });
      await attempt("sessions with another key", "GET", "/v1/sessions", asDpop("GET", "/v1/sessions"));
      await attempt("the token's state", "GET", "/v1/session", asDpop("GET", "/v1/session"));
      await attempt("refresh without proof", "POST", "/v1/token", {}, form());
      await attempt("refresh with another key", "POST", "/v1/token", async () => ({ dpop: await proof("POST", "/v1/token") }), form());
      await attempt("refresh with an overheard proof", "POST", "/v1/token", { dpop: recorded.dpop }, form());
      return results;
    },
    [session, overheard, { href: server.url }],
  );
  for (const [what, [status, word]] of Object.entries(answers)) {
    assert.ok(status === 401 || status === 400, `${what}: ${status} ${word}`);
    assert.doesNotMatch(word ?? "", /use_dpop_nonce/i, `${what} was refused for a reason that passes`);
  }
  assert.equal(answers["refresh with another key"][1], "invalid_grant");
  await goesOn(page, person);
  await Promise.all([context.close(), thief.close()]);
});

test("sec_D09_no script can extract the key from its browser", async () => {
  const { context, page, thief } = await robbed();
  const keys = await page.evaluate(async () => {
    const found = [];
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise(
        (resolve) => (indexedDB.open(name).onsuccess = (/** @type {any} */ { target }) => resolve(target.result)),
      );
      for (const store of database.objectStoreNames) {
        const all = database.transaction(store).objectStore(store).getAll();
        found.push(...(await new Promise((resolve) => (all.onsuccess = () => resolve(all.result)))));
      }
      database.close();
    }
    const keys = found.flatMap((entry) => [entry, ...Object.values(entry)]).filter((value) => value instanceof CryptoKey);
    return Promise.all(
      keys
        .filter(({ type }) => type === "private")
        .map(async (key) => ({
          extractable: key.extractable,
          exported: await crypto.subtle.exportKey("jwk", key).then(
            () => true,
            () => false,
          ),
        })),
    );
  });
  assert.deepEqual(keys, [{ extractable: false, exported: false }]);
  await Promise.all([context.close(), thief.close()]);
});

test("sec_D09_the SDK rejects a key that scripts can read, and does not sign in with it", async () => {
  const person = await signUp(server);
  const context = await openContext(chromium);
  await context.addInitScript(() => {
    const { generateKey } = SubtleCrypto.prototype;
    SubtleCrypto.prototype.generateKey = function (
      /** @type {any} */ algorithm,
      /** @type {boolean} */ _extractable,
      /** @type {any} */ uses,
    ) {
      return /** @type {any} */ (generateKey.call(this, algorithm, true, uses));
    };
  });
  const page = await context.newPage();
  await page.goto(`${server.url}/favicon.svg`);
  const told = await withClient(
    page,
    (credentials) =>
      auth.login(credentials).then(
        () => "in",
        ({ code }) => code,
      ),
    { argument: person },
  );
  assert.equal(told, "INTERNAL");
  assert.equal(await page.evaluate(() => localStorage.getItem("doorward.session")), null);
  await context.close();
});
