// Signing in with a provider, around the wasm: going there, coming back on another page, what is remembered meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, problem, tokens } from "./page.mjs";
import { emptyProject, run } from "./world.mjs";

const existing = {
  type: "LoginExisting",
  data: { provider: "google", email: "ada@example.com", verified: true, id: "u1" },
  message: "You have been logged in with google account",
};
const unknown = {
  type: "LoginOAuth",
  data: { provider: "google", email: "ada@example.com", name: "Ada", id: "7", oauthKey: "k1" },
  message: "Please register or link to an existing user",
};
const linked = { type: "LoginLinked", data: { provider: "google", verified: true, id: "u1" }, message: "The google account has been linked" };
const registered = { data: { user_id: "u1" }, message: "You have been registered with google account" };

/** A server whose flows are `s1`, `s2`, …, and what else or different it has. */
function server(more) {
  let flows = 0;
  const begin = ({ name, headers }) => {
    const provider = name.split("/").at(-1);
    const state = `s${(flows += 1)}`;
    const url = `http://${headers.host}/consent?state=${state}`;
    return [200, { data: { url, provider, id: provider }, state, ...(headers.dpop ? {} : { flow: `secret-${state}` }) }];
  };
  return {
    "POST /v1/flows/google": begin,
    "POST /v1/flows/github": begin,
    "POST /v1/login/provider/google": [200, { ...existing, session: tokens() }],
    "POST /v1/login": [200, tokens()],
    "POST /v1/logout": [200, {}],
    ...more,
  };
}

/** Begins a flow and goes along to the consent screen. */
async function leave(page, provider = "google", options = {}) {
  const gone = page.waitForURL("**/consent?*");
  const said = page.evaluate(
    ([provider, options]) => new AuthClient(options).oauthRedirect(provider, `${location.origin}/back`),
    [provider, options],
  );
  // The page may be gone before it can say.
  await Promise.all([gone, said.catch(() => null)]);
}

/** Comes to a page, with the package. */
async function come(page, path) {
  await page.goto(new URL(path, page.url()).href);
  await page.evaluate(async () => Object.assign(window, await import("/doorward.js")));
}

/** The call, or `CODE field` of why it was refused. */
const call = (page, method, ...args) => callWith(page, {}, method, ...args);
const callWith = (page, options, method, ...args) =>
  page.evaluate(
    ([options, method, args]) =>
      new AuthClient(options)[method](...args).catch(({ code, field }) => [code, field].filter(Boolean).join(" ")),
    [options, method, args],
  );

/** What the browser keeps: of each key, whether a session has it. */
const storedKeys = (page) =>
  page.evaluate(() =>
    new Promise((resolve) => {
      const request = indexedDB.open("doorward.keys");
      request.onsuccess = () => {
        const all = request.result.transaction("keys").objectStore("keys").getAll();
        all.onsuccess = () => (request.result.close(), resolve(all.result.map(({ kept }) => kept)));
      };
    }),
  );

/** A consent screen that never comes: the browser stays on the page. */
const stay = { "GET /consent": [204, {}] };

const body = (call) => JSON.parse(call.body);
const claims = (call, part) => JSON.parse(Buffer.from(call.headers.dpop.split(".")[part], "base64url"));
const keyOf = (call) => claims(call, 0).jwk.x;

test("seed_m25: oauthRedirect goes to the consent screen and resolves with null", async (t) => {
  // The browser asks before the server hears of it.
  let arrive;
  const arrived = new Promise((resolve) => (arrive = resolve));
  const consent = () => (arrive(), [204, {}]);
  const { page, asked, names } = await open(t, { routes: server({ "GET /consent": consent }) });
  assert.equal(await page.evaluate(() => new AuthClient().oauthRedirect("google", `${location.origin}/back`)), null);
  await arrived;
  assert.deepEqual(names(), ["POST /v1/flows/google", "GET /consent"]);
  assert.match(body(asked[0]).callback, /\/back$/);
  assert.equal(asked[0].headers.authorization, undefined);
});

test("seed_m36_m43: on another page, the same key signs in with what came back", async (t) => {
  const { page, asked } = await open(t, { routes: server() });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  const callback = page.url();
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const result = await auth.login("google", { callback: location.href });
    return [result, auth.user.email, JSON.stringify(localStorage).includes("refresh-1"), (await auth.getSession()).token_type];
  });
  assert.deepEqual(told, [existing, "ada@example.com", true, "DPoP"]);
  const [begun, , , ended] = asked;
  assert.equal(ended.name, "POST /v1/login/provider/google");
  assert.deepEqual(body(ended), { callback });
  assert.equal(keyOf(ended), keyOf(begun));
  assert.equal(claims(ended, 1).htm, "POST");
  assert.ok(ended.headers["idempotency-key"]);
});

test("seed_m38: a code may stand beside the callback; the state is this tab's, unless the page has said one", async (t) => {
  const { page, asked } = await open(t, { routes: server() });
  await leave(page);
  await come(page, "/back");
  const callback = page.url();
  await call(page, "login", "google", { callback, code: "c1" });
  await call(page, "login", "google", { callback, code: "c1", state: "mine" });
  await call(page, "login", "google", { callback: `${callback}?code=c1&state=theirs` });
  await call(page, "login", "google", { callback: `${callback}?code=somebody-else-s` });
  await call(page, "login", "google", { callback: `${callback}?oauth_token=t&oauth_verifier=v` });
  await call(page, "login", "google", { callback: `${callback}?oauthKey=k` });
  await call(page, "login", "google", { oauthToken: "t", oauthVerifier: "v" });
  const sent = asked.filter(({ name }) => name.startsWith("POST /v1/login/")).map(body);
  assert.deepEqual(sent.map(({ state }) => state), ["s1", "mine", undefined, undefined, undefined, undefined, undefined]);
  assert.deepEqual(sent.at(-1), { oauth_token: "t", oauth_verifier: "v" });
});

test("two tabs at once do not disturb each other", async (t) => {
  const { page, tab, asked } = await open(t, { routes: server() });
  const other = await tab();
  await leave(page);
  await leave(other);
  await come(page, "/back");
  await call(page, "login", "google", { callback: page.url(), code: "c1" });
  await come(other, "/back");
  await call(other, "login", "google", { callback: other.url(), code: "c2" });
  const begun = asked.filter(({ name }) => name === "POST /v1/flows/google");
  const ended = asked.filter(({ name }) => name === "POST /v1/login/provider/google");
  assert.deepEqual(ended.map((call) => body(call).state), ["s1", "s2"]);
  assert.deepEqual(ended.map(keyOf), begun.map(keyOf));
  assert.notEqual(keyOf(begun[0]), keyOf(begun[1]));
});

test("a provider may come back in another tab than it was gone to", async (t) => {
  const { page, tab, asked } = await open(t, { routes: server() });
  await leave(page);
  await leave(page);
  const other = await tab();
  await come(other, "/back?code=c1&state=s1");
  assert.deepEqual(await call(other, "login", "google", { callback: other.url() }), existing);
  const third = await tab();
  await come(third, "/back");
  await call(third, "login", "google", { callback: third.url(), code: "c2" });
  const [first, second] = asked.filter(({ name }) => name === "POST /v1/login/provider/google");
  const [begun] = asked;
  assert.equal(keyOf(first), keyOf(begun));
  assert.equal(body(second).state, undefined, "which of the other tab's flows it is, the server knows");
});

test("seed_m45: whoever registers has the key that the oauthKey was given to, also on a later page", async (t) => {
  const routes = server({
    "POST /v1/login/provider/google": [200, unknown],
    "POST /v1/signup/provider/google": [200, registered],
  });
  const { page, asked } = await open(t, { routes });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  assert.deepEqual(await call(page, "login", "google", { callback: page.url() }), unknown);
  await come(page, "/register");
  const data = { oauthKey: "k1", email: "ada@example.com", extras: { name: "Ada", coins: 5 } };
  assert.deepEqual(await call(page, "register", "google", data, { email_subscription: true }), registered);
  const sent = asked.at(-1);
  assert.deepEqual(body(sent), {
    oauth_key: "k1", email: "ada@example.com", name: "Ada", extras: { coins: 5 }, options: { email_subscription: true },
  });
  assert.equal(keyOf(sent), keyOf(asked[0]));
  assert.ok(sent.headers["idempotency-key"]);
  assert.equal(await call(page, "getSession"), null, "seed_m18: nobody is signed in");
});

test("seed_m29_m30_m35: redoOAuth goes the same way again with the same key, and says so", async (t) => {
  const routes = server({
    "GET /consent": ({ search }) => (search.includes("s1") ? [200, {}] : [204, {}]),
    "POST /v1/login/provider/google": [200, unknown],
    "POST /v1/signup/provider/google": [200, registered],
  });
  const { page, asked } = await open(t, { routes });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", "google", { callback: page.url() });
  await call(page, "register", "google", { oauthKey: "k1" });
  const gone = page.waitForRequest("**/consent?state=s2");
  assert.equal(await call(page, "redoOAuth", "google"), null);
  await gone;
  const [first, again] = asked.filter(({ name }) => name === "POST /v1/flows/google");
  assert.deepEqual(body(again), { ...body(first), again: true });
  assert.equal(keyOf(again), keyOf(first));
});

test("seed_m31_m35: redoOAuth is refused before the first oauthRedirect, and for a consent that is good for once", async (t) => {
  const { page, names } = await open(t, { routes: server() });
  for (const provider of ["google", "twitter", "apple"]) {
    assert.equal(await call(page, "redoOAuth", provider), "INVALID_REQUEST");
  }
  assert.deepEqual(names(), []);
});

test("redoOAuth goes on with a new key where the old is gone", async (t) => {
  const routes = server({ "GET /consent": ({ search }) => (search.includes("s1") ? [200, {}] : [204, {}]) });
  const { page, asked } = await open(t, { routes });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", "google", { callback: page.url() });
  await call(page, "logout");
  const gone = page.waitForRequest("**/consent?state=s2");
  assert.equal(await call(page, "redoOAuth", "google"), null);
  await gone;
  const [first, again] = asked.filter(({ name }) => name === "POST /v1/flows/google");
  assert.notEqual(keyOf(again), keyOf(first));
});

test("seed_m46: the signed-in user begins a flow, and links what came of it", async (t) => {
  const { page, asked } = await open(t, { routes: server({ "POST /v1/identities/google": [200, linked] }) });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  assert.deepEqual(await call(page, "login", "google", { callback: page.url() }, "link"), linked);
  const [login, begun, , , ended] = asked;
  assert.deepEqual([begun, ended].map(({ headers }) => headers.authorization), ["DPoP access-1", "DPoP access-1"]);
  assert.equal(ended.name, "POST /v1/identities/google");
  assert.deepEqual(new Set([login, begun, ended].map(keyOf)).size, 1);
  assert.equal(await page.evaluate(() => new AuthClient().getSession().then(({ access_token }) => access_token)), "access-1");
});

test("seed_m46: whoever must sign in anew to link ends the same flow, with the same key", async (t) => {
  let isFresh = false;
  const link = () => (isFresh ? [200, linked] : [401, problem("REAUTH_REQUIRED")]);
  const { page, asked } = await open(t, { routes: server({ "POST /v1/identities/google": link }) });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  const callback = page.url();
  assert.equal(await call(page, "login", "google", { callback }, "link"), "REAUTH_REQUIRED");
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  isFresh = true;
  assert.deepEqual(await call(page, "login", "google", { callback }, "link"), linked);
  const proofs = asked.filter(({ headers }) => headers.dpop).map(keyOf);
  assert.equal(proofs.length, 5);
  assert.equal(new Set(proofs).size, 1);
});

for (const options of [{}, { dpop: false }]) {
  test(`whoever was unknown and signs in links with the oauthKey, and what it was given to: ${JSON.stringify(options)}`, async (t) => {
    const routes = server({
      "POST /v1/login": [200, tokens(options.dpop === false && { token_type: "Bearer" })],
      "POST /v1/login/provider/google": [200, unknown],
      "POST /v1/identities/google": [200, linked],
    });
    const { page, asked } = await open(t, { routes });
    await leave(page, "google", options);
    await come(page, "/back?code=c1&state=s1");
    await callWith(page, options, "login", "google", { callback: page.url() });
    await callWith(page, options, "login", { email: "ada@example.com", password: "secret" });
    assert.deepEqual(await callWith(page, options, "login", "google", { oauthKey: "k1" }, "link"), linked);
    const { name, headers, body: sent } = asked.at(-1);
    assert.equal(name, "POST /v1/identities/google");
    assert.match(headers.authorization, / access-1$/);
    assert.deepEqual(JSON.parse(sent), options.dpop === false ? { oauth_key: "k1", flow: "secret-s1" } : { oauth_key: "k1" });
    if (options.dpop !== false) assert.equal(keyOf(asked.at(-1)), keyOf(asked[0]));
  });
}

test("a token that nobody is known by does not take the key from the session", async (t) => {
  const { page, asked } = await open(t, { routes: server({ "POST /v1/login/provider/google": [200, unknown] }) });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back");
  assert.deepEqual(await call(page, "login", "google", { token: "t" }), unknown);
  assert.equal(keyOf(asked.at(-1)), keyOf(asked[0]));
  assert.deepEqual(await storedKeys(page), [true]);
});

test("a key that a session in memory had is gone after the sign-out", async (t) => {
  const { page, asked } = await open(t, { routes: server() });
  const options = { storage: "memory" };
  await leave(page, "google", options);
  await come(page, "/back?code=c1&state=s1");
  await page.evaluate(async (options) => {
    const auth = new AuthClient(options);
    await auth.login("google", { callback: location.href });
    await auth.logout();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }, options);
  assert.deepEqual(await storedKeys(page), []);
  await callWith(page, options, "login", { email: "bob@example.com", password: "secret" });
  assert.notEqual(keyOf(asked.at(-1)), keyOf(asked[0]));
});

test("two clients with storages of their own have keys of their own", async (t) => {
  const { page, asked } = await open(t, { routes: server({ ...stay, "GET /v1/profile": [200, tokens().user] }) });
  const told = await page.evaluate(async () => {
    const client = () => {
      const texts = new Map();
      const getItem = async (key) => texts.get(key) ?? null;
      return new AuthClient({ storage: { getItem, setItem: async (key, text) => texts.set(key, text), removeItem: async (key) => texts.delete(key) } });
    };
    const [first, second] = [client(), client()];
    await first.login({ email: "ada@example.com", password: "secret" });
    await first.oauthRedirect("google", `${location.origin}/back`);
    await second.login({ email: "bob@example.com", password: "secret" });
    await first.logout();
    await new Promise((resolve) => setTimeout(resolve, 100));
    return (await second.getProfile())?.user_id;
  });
  assert.equal(told, "u1");
  const [first, second] = asked.filter(({ name }) => name === "POST /v1/login").map(keyOf);
  assert.notEqual(first, second);
  assert.equal((await storedKeys(page)).length, 1);
});

test("who signs in in another tab leaves a flow of this one its key", async (t) => {
  const { page, tab, asked } = await open(t, { routes: server() });
  const other = await tab();
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await call(other, "login", { email: "ada@example.com", password: "secret" });
  await come(page, "/back?code=c1&state=s1");
  assert.deepEqual(await call(page, "login", "google", { callback: page.url() }), existing);
  const proofs = asked.filter(({ headers }) => headers.dpop).map(keyOf);
  assert.equal(proofs.at(-1), proofs[0]);
  assert.notEqual(proofs.at(-2), proofs[0]);
});

test("seed_m46: after a sign-in in another tab, one in this tab links with the key of the flow", async (t) => {
  const { page, tab, asked } = await open(t, { routes: server({ "POST /v1/identities/google": [200, linked] }) });
  const other = await tab();
  const ada = { email: "ada@example.com", password: "secret" };
  await call(page, "login", ada);
  await leave(page);
  await call(other, "login", ada);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", ada);
  assert.deepEqual(await call(page, "login", "google", { callback: page.url() }, "link"), linked);
  const [before, , theirs, anew, link] = asked.filter(({ headers }) => headers.dpop).map(keyOf);
  assert.deepEqual([anew, link], [before, before]);
  assert.notEqual(theirs, before);
});

for (const isDeleted of [false, true]) {
  test(`redoOAuth after a sign-out in another tab comes back with a key that is there${isDeleted ? ", if need be a new one" : ""}`, async (t) => {
    const { page, tab, asked } = await open(t, { routes: server() });
    const other = await tab();
    await leave(page);
    await come(page, "/back?code=c1&state=s1");
    await page.evaluate(async () => {
      window.auth = new AuthClient();
      await auth.login("google", { callback: location.href });
    });
    await call(other, "logout");
    await other.evaluate(async (isDeleted) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (isDeleted) await new Promise((resolve) => (indexedDB.deleteDatabase("doorward.keys").onsuccess = resolve));
    }, isDeleted);
    const gone = page.waitForURL("**/consent?state=s2");
    await Promise.all([gone, page.evaluate(() => auth.redoOAuth("google")).catch(() => null)]);
    await come(page, "/back?code=c2&state=s2");
    assert.deepEqual(await call(page, "login", "google", { callback: page.url() }), existing);
    const [begun, again] = asked.filter(({ name }) => name === "POST /v1/flows/google");
    assert.equal(keyOf(asked.at(-1)), keyOf(again));
    assert.equal(keyOf(again) === keyOf(begun), !isDeleted);
  });
}

for (const options of [{}, { dpop: false }]) {
  test(`a sign-out ends what this tab has begun, and no other: ${JSON.stringify(options)}`, async (t) => {
    const bearer = { "POST /v1/login": [200, tokens({ token_type: "Bearer" })] };
    const { page, tab } = await open(t, { routes: server({ ...stay, ...(options.dpop === false && bearer) }) });
    const other = await tab();
    await callWith(page, options, "login", { email: "ada@example.com", password: "secret" });
    const back = "https://app.example.com/back";
    await callWith(page, options, "oauthRedirect", "google", back);
    await callWith(other, options, "oauthRedirect", "google", back);
    await callWith(page, options, "logout");
    const told = await page.evaluate(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return [sessionStorage, localStorage].map((storage) => JSON.parse(storage["doorward.flow"]).map(({ state }) => state ?? null));
    });
    assert.deepEqual(told, [[null], ["s2", null]]);
    const left = await page.evaluate(() => sessionStorage["doorward.flow"] + localStorage["doorward.flow"]);
    assert.doesNotMatch(left, /secret-s1/);
  });
}

test("after a sign-out, here or in another tab, the next session has a key that stays", async (t) => {
  const wrong = [401, problem("INCORRECT_USERNAME_OR_PASSWORD")];
  const routes = server({
    "POST /v1/login": ({ body }) => (JSON.parse(body).password === "wrong" ? wrong : [200, tokens()]),
    "GET /v1/profile": [200, tokens().user],
  });
  const { page, tab, names } = await open(t, { routes });
  const other = await tab();
  const ada = (password) => ({ email: "ada@example.com", password });
  for (const where of [other, page]) {
    await leave(page);
    await come(page, "/back?code=c1");
    await page.evaluate(() => (window.auth = new AuthClient()));
    const ask = (method, ...args) =>
      page.evaluate(([method, args]) => auth[method](...args).catch(({ code }) => code), [method, args]);
    assert.deepEqual(await ask("login", "google", { callback: page.url() }), existing);
    assert.equal(await ask("login", ada("wrong")), "INCORRECT_USERNAME_OR_PASSWORD");
    if (where === page) await ask("logout");
    else await call(other, "logout");
    assert.equal((await ask("login", ada("secret"))).user_id, "u1");
    await come(page, "/home");
    assert.equal((await call(page, "getProfile"))?.user_id, "u1");
    await call(page, "logout");
  }
  assert.equal(names().at(-1), "POST /v1/logout");
});

test("whoever was unknown and signs in another way, on a later page, does so with the key of the flow", async (t) => {
  const { page, asked } = await open(t, { routes: server({ "POST /v1/login/provider/google": [200, unknown] }) });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", "google", { callback: page.url() });
  await come(page, "/signin");
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  const proofs = asked.filter(({ headers }) => headers.dpop).map(keyOf);
  assert.equal(proofs.length, 3);
  assert.equal(new Set(proofs).size, 1);
  // The key is that session's alone: the next one gets its own.
  await call(page, "logout");
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  assert.notEqual(keyOf(asked.at(-1)), proofs[0]);
});

test("a provider that signs somebody in who is signed in keeps the key that both sessions have", async (t) => {
  const routes = server({ "GET /v1/profile": [200, tokens().user] });
  const { page, asked } = await open(t, { routes });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", "google", { callback: page.url() });
  await come(page, "/home");
  assert.equal((await call(page, "getProfile")).user_id, "u1");
  assert.equal(keyOf(asked.at(-1)), keyOf(asked[0]));
});

test("where the flow's key is gone, the call says to start again, and sends nothing", async (t) => {
  const { page, asked, names } = await open(t, { routes: server() });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "logout");
  const before = asked.length;
  const data = { callback: page.url() };
  assert.equal(await call(page, "login", "google", data), "OAUTH_STATE_MISMATCH");
  assert.equal(await call(page, "register", "google", { oauthKey: "k" }), "OAUTH_STATE_MISMATCH");
  assert.equal(await call(page, "login", "google", data, "link"), "SESSION_REQUIRED");
  assert.deepEqual(names().slice(before), []);
});

test("a key that is about to be deleted is taken by nobody", async (t) => {
  const { page, names } = await open(t, { routes: server(stay) });
  const told = await page.evaluate(async () => {
    let slow = 500;
    const texts = new Map();
    const getItem = async (key) => {
      if (key.endsWith(".flow")) await new Promise((resolve) => setTimeout(resolve, slow));
      return texts.get(key) ?? null;
    };
    const storage = { getItem, setItem: async (key, text) => texts.set(key, text), removeItem: async (key) => texts.delete(key) };
    const auth = new AuthClient({ storage });
    await auth.login({ email: "ada@example.com", password: "secret" });
    await auth.oauthRedirect("google", `${location.origin}/back`);
    await auth.logout();
    slow = 0;
    return auth.login("google", { callback: `${location.origin}/back?code=c1&state=s1` }).catch(({ code }) => code);
  });
  assert.equal(told, "OAUTH_STATE_MISMATCH");
  assert.equal(names().at(-1), "POST /v1/logout");
});

test("a flow of which this browser knows nothing is for the server to judge", async (t) => {
  const routes = server({ "POST /v1/login/provider/google": [400, problem("OAUTH_STATE_MISMATCH")] });
  const { page, asked } = await open(t, { routes });
  assert.equal(await call(page, "login", "google", { callback: "https://a.example/?code=c&state=s" }), "OAUTH_STATE_MISMATCH");
  assert.deepEqual(body(asked[0]), { callback: "https://a.example/?code=c&state=s" });
});

test("React's second run of an effect joins the first; a reload asks again, in the same words", async (t) => {
  const { page, asked, names } = await open(t, { routes: server() });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const run = () => auth.login("google", { callback: location.href });
    const [first, second] = [run(), run()];
    const other = auth.login("google", { callback: location.href, code: "c2" });
    await Promise.all([first, second, other]);
    const later = run();
    await later;
    return [first === second, first === other, first === later];
  });
  assert.deepEqual(told, [true, false, false]);
  assert.equal(names().filter((name) => name === "POST /v1/login/provider/google").length, 3);
  const [first, , last] = asked.filter(({ name }) => name === "POST /v1/login/provider/google");
  assert.equal(last.body, first.body);
  await come(page, "/back?code=c1&state=s1");
  assert.deepEqual(await call(page, "login", "google", { callback: page.url() }), existing);
  assert.equal(keyOf(asked.at(-1)), keyOf(first));
});

test("React's second run of an effect joins the first, which has taken the code out of the address", async (t) => {
  const { page, names } = await open(t, { routes: server() });
  await leave(page);
  await come(page, "/back?provider=google&code=c1&state=s1");
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const run = (...rest) => {
      const callback = location.href;
      history.replaceState(null, "", location.pathname);
      return auth.login("google", { callback }, ...rest);
    };
    const [first, second] = [run(), run()];
    const others = [run("link"), auth.login("google", { callback: `${location.origin}/elsewhere` })];
    const isJoined = [second, ...others].map((call) => call === first);
    await Promise.allSettled(others);
    return [isJoined, await second, (await run().catch(({ code }) => code)) === (await first)];
  });
  assert.deepEqual(told, [[true, false, false], existing, false]);
  assert.equal(names().filter((name) => name === "POST /v1/login/provider/google").length, 3, "the page, another, and once it was over");
});

test("an effect that is cleaned up takes its own call along, and no other", async (t) => {
  const { page } = await open(t, { routes: server() });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const first = new AbortController();
    const run = (signal) =>
      auth.login("google", { callback: location.href }, { signal }).then(({ type }) => type, ({ code }) => code);
    const both = [run(first.signal), run(new AbortController().signal)];
    first.abort();
    return Promise.all(both);
  });
  assert.deepEqual(told, ["ABORTED", "LoginExisting"]);
});

test("seed_m10: a token that the app has is shown with the key of the session that comes of it", async (t) => {
  const routes = server({
    "POST /v1/login/provider/google": ({ body }) => [200, JSON.parse(body).token === "new" ? unknown : { ...existing, session: tokens() }],
    "POST /v1/signup/provider/google": [200, registered],
    "GET /v1/profile": [200, tokens().user],
  });
  const { page, asked } = await open(t, { routes });
  assert.deepEqual(await call(page, "login", "google", { token: "new", nonce: "n" }), unknown);
  await come(page, "/register");
  await call(page, "register", "google", { oauthKey: "k1" });
  assert.equal(keyOf(asked.at(-1)), keyOf(asked[0]));
  assert.deepEqual(body(asked[0]), { token: "new", nonce: "n" });
  await call(page, "login", "google", { token: "known" }, "register", { autoRegister: true });
  assert.deepEqual(body(asked.at(-1)), { token: "known", options: { auto_register: true } });
  await call(page, "getProfile");
  assert.equal(keyOf(asked.at(-1)), keyOf(asked.at(-2)));
});

test("seed_m07_m14_m37_m42: \"local\" signs up and in with a password, in the same words", async (t) => {
  const user = { user_id: "u1", email: "ada@example.com", email_verified: false, name: "Ada" };
  const routes = server({
    "POST /v1/signup": ({ body }) => [200, { confirmation_required: true, user: JSON.parse(body).name ? user : undefined }],
    "POST /v1/login": [200, tokens({ user })],
  });
  const { page, asked } = await open(t, { routes });
  const data = { email: "ada@example.com", password: "secret" };
  const said = await call(page, "register", "local", { ...data, extras: { name: "Ada", address: "Area18" } });
  assert.deepEqual(said, { data: user, message: "Please confirm your email" });
  assert.deepEqual(body(asked[0]), { name: "Ada", address: "Area18", ...data });
  const quiet = await call(page, "register", "local", data);
  assert.deepEqual(quiet, { data: { email: data.email, email_verified: false }, message: "Please confirm your email" });
  assert.equal(await call(page, "getSession"), null);
  assert.deepEqual(await call(page, "login", "local", data), {
    type: "LoginExisting",
    data: { provider: "local", email: data.email, verified: false, id: "u1" },
    message: "You have been logged in",
  });
  assert.notEqual(await call(page, "getSession"), null);
});

test("seed_m27: what is wrong with an argument is told by its name, and nothing is sent", async (t) => {
  const { page, names } = await open(t, { routes: server() });
  const callback = "https://app.example.com/back";
  for (const [field, ...args] of [
    [" provider", "oauthRedirect", 7, callback],
    [" provider", "oauthRedirect", "", callback],
    [" callback", "oauthRedirect", "google"],
    [" callback", "oauthRedirect", "google", "javascript:alert(1)"],
    [" callback", "oauthRedirect", "google", 7],
    [" provider", "redoOAuth"],
    [" provider", "register", { email: "ada@example.com" }],
    [" provider", "login", "", { callback }],
    [" provider", "unlink"],
    [" callback", "login", "google"],
    [" callback", "login", "google", {}],
    [" intent", "login", "google", { callback }, "marry"],
    [" intent", "login", "local", { email: "a@b.de", password: "secret" }, "link"],
    [" colour", "login", "google", { callback, colour: "red" }],
    [" oauthKey", "register", "google", {}],
    [" oauthKey", "login", "google", { oauthKey: 7 }],
    [" oauth_token", "login", "google", { oauth_token: 7, oauth_verifier: "v" }],
    [" oauthVerifier", "login", "google", { oauthToken: "t", oauthVerifier: 7 }],
    [" email", "register", "google", { oauthKey: "k", email: "nobody" }],
    [" birthdate", "register", "google", { oauthKey: "k", extras: { birthdate: "1990-02-30" } }],
    [" email", "register", "local", { password: "secret" }],
    [" auto_register", "login", "google", { token: "t" }, "register", { autoRegister: "yes" }],
    ["", "login", "google", "c1"],
    ["", "register", "google", 7],
  ]) {
    assert.equal(await call(page, ...args), `INVALID_PARAMETER${field}`, JSON.stringify(args));
  }
  assert.deepEqual(names(), []);
});

test("a form may register; it is held back, and what is wrong is shown on its control", async (t) => {
  const html = `<form id="f" method="post" action="/home"><input name="oauthKey" value="k1"><input name="email" value="ada">
    <input name="extras.coins" type="number" value="5"><button>Go</button></form>`;
  const routes = server({ "POST /v1/signup/provider/google": [200, registered] });
  const { page, asked } = await open(t, { html, routes });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const told = new Promise((resolve) => {
      f.onsubmit = (event) => auth.register("google", event).catch(({ field }) => resolve([event.defaultPrevented, field]));
    });
    f.requestSubmit();
    return [await told, f.elements.email.validity.customError];
  });
  assert.deepEqual(told, [[true, "email"], true]);
  await page.fill("[name=email]", "ada@example.com");
  await page.click("button");
  await page.waitForURL("**/home");
  assert.deepEqual(body(asked[0]), { oauth_key: "k1", email: "ada@example.com", extras: { coins: 5 } });
});

test("an event whose call is refused at once is held back, too", async (t) => {
  const { page } = await open(t, { html: `<form id="f" method="post" action="/home"><button>Go</button></form>` });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const told = new Promise((resolve) => {
      f.onsubmit = (event) =>
        auth.login("google", event, "marry").catch(({ field }) => resolve([event.defaultPrevented, field]));
    });
    f.requestSubmit();
    return told;
  });
  assert.deepEqual(told, [true, "intent"]);
});

for (const storage of ["local", "session", "memory", "custom"]) {
  test(`a flow outlives the page with storage "${storage}"`, async (t) => {
    const { page, asked } = await open(t, { routes: server() });
    const options = storage === "custom" ? {} : { storage };
    const begin = async (custom) => {
      const kept = { getItem: async (key) => localStorage.getItem(key), setItem: async (key, text) => localStorage.setItem(key, text) };
      const storage = custom && { ...kept, removeItem: async (key) => localStorage.removeItem(key) };
      window.client = (options) => new AuthClient(storage ? { storage } : options);
    };
    await page.evaluate(begin, storage === "custom");
    const gone = page.waitForURL("**/consent?*");
    await page.evaluate((options) => client(options).oauthRedirect("google", `${location.origin}/back`), options).catch(() => {});
    await gone;
    await come(page, "/back?code=c1&state=s1");
    await page.evaluate(begin, storage === "custom");
    const told = await page.evaluate((options) => client(options).login("google", { callback: location.href }), options);
    assert.deepEqual(told, existing);
    const [begun, ended] = asked.filter(({ headers }) => headers.dpop);
    assert.equal(keyOf(ended), keyOf(begun));
  });
}

const denied = {
  "all storages denied": () => {
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(globalThis, name, { get() { throw new DOMException("denied", "SecurityError"); } });
    }
  },
  "a storage that is full": () => {
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  },
};
for (const [what, before] of Object.entries(denied)) {
  test(`where the browser has ${what}, a flow lasts as long as the page`, async (t) => {
    const { page, asked } = await open(t, { routes: server(stay), before });
    const told = await page.evaluate(async () => {
      const auth = new AuthClient();
      await auth.oauthRedirect("google", "https://app.example.com/back");
      return auth.login("google", { callback: "https://app.example.com/back", code: "c1" });
    });
    assert.deepEqual(told, existing);
    const [begun, ended] = asked.filter(({ headers }) => headers.dpop);
    assert.equal(keyOf(ended), keyOf(begun));
    assert.equal(body(ended).state, "s1");
  });
}

test("where the browser keeps no keys, and with Bearer tokens, a secret takes the place of the flow's key", async (t) => {
  const routes = {
    "POST /v1/login/provider/google": [200, unknown],
    "POST /v1/signup/provider/google": [200, registered],
  };
  for (const [before, options] of [
    [() => { IDBFactory.prototype.open = () => { throw new DOMException("denied", "SecurityError"); }; }, {}],
    [undefined, { dpop: false }],
  ]) {
    const { page, asked } = await open(t, { routes: server(routes), before });
    await leave(page, "google", options);
    await come(page, "/back?code=c1&state=s1");
    await callWith(page, options, "login", "google", { callback: page.url() });
    await come(page, "/register");
    await callWith(page, options, "register", "google", { oauthKey: "k1" });
    const [begun, ended, made] = asked.filter(({ name }) => name.startsWith("POST "));
    assert.equal(begun.headers.dpop, undefined);
    assert.deepEqual([ended, made].map((call) => body(call).flow), ["secret-s1", "secret-s1"]);
    assert.equal(Boolean(ended.headers.dpop), options.dpop !== false);
  }
});

test("an address that is none of the web is not gone to", async (t) => {
  const route = [200, { data: { url: "javascript:document.title='evil'", provider: "google", id: "google" }, state: "s" }];
  const { page } = await open(t, { routes: server({ "POST /v1/flows/google": route }) });
  assert.equal(await call(page, "oauthRedirect", "google", "https://app.example.com/back"), "SERVER");
  assert.equal(await page.title(), "");
});

test("whose session has ended meanwhile begins the flow as somebody new", async (t) => {
  const over = [401, problem("SESSION_REQUIRED")];
  const routes = server(stay);
  const begin = routes["POST /v1/flows/google"];
  routes["POST /v1/flows/google"] = (call) => (call.headers.authorization ? over : begin(call));
  routes["POST /v1/token"] = [400, { error: "invalid_grant" }];
  const { page, asked, names } = await open(t, { routes });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  assert.equal(await call(page, "oauthRedirect", "google", "https://app.example.com/back"), null);
  assert.deepEqual(names().slice(1, 4), ["POST /v1/flows/google", "POST /v1/token", "POST /v1/flows/google"]);
  assert.notEqual(keyOf(asked[3]), keyOf(asked[0]));
});

test("a server that wants another session each time is asked once", async (t) => {
  const routes = server({ "POST /v1/flows/google": [401, problem("SESSION_REQUIRED")], "POST /v1/token": [200, tokens()] });
  const { page, names } = await open(t, { routes });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  assert.equal(await call(page, "oauthRedirect", "google", "https://app.example.com/back"), "SESSION_REQUIRED");
  assert.deepEqual(names().slice(1), ["POST /v1/flows/google", "POST /v1/token", "POST /v1/flows/google"]);
});

test("what is remembered of flows is bounded, and grows old", async (t) => {
  const mismatch = [400, problem("OAUTH_STATE_MISMATCH")];
  const { page, asked } = await open(t, { routes: server({ ...stay, "POST /v1/login/provider/google": mismatch }) });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    for (let at = 0; at < 20; at += 1) await auth.oauthRedirect("google", `https://app.example.com/back${at}`);
    const kept = ["localStorage", "sessionStorage"].map((name) => JSON.parse(globalThis[name]["doorward.flow"]));
    const { now } = Date;
    Date.now = () => now() + 601_000;
    await auth.login("google", { callback: "https://app.example.com/back19", code: "c1" }).catch(() => {});
    await auth.oauthRedirect("github", "https://app.example.com/back");
    const stale = JSON.parse(localStorage["doorward.flow"])[1];
    Date.now = () => now() + 2 * 86_400_000;
    await auth.oauthRedirect("github", "https://app.example.com/back");
    return [kept.map(({ length }) => length), Object.keys(stale), JSON.parse(localStorage["doorward.flow"]).length];
  });
  assert.deepEqual(told, [[9, 9], ["provider", "key", "callback", "at"], 1]);
  const login = asked.find(({ name }) => name === "POST /v1/login/provider/google");
  assert.equal(body(login).state, undefined);
});

test("what is remembered of flows does not stay stored when it is over", async (t) => {
  const { page } = await open(t, { routes: server(stay) });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    await auth.oauthRedirect("google", "https://app.example.com/back");
    const { now } = Date;
    const look = async (later) => {
      Date.now = () => now() + later;
      await auth.redoOAuth("github").catch(() => {});
      return [localStorage, sessionStorage].map((storage) => Object.keys(JSON.parse(storage.getItem("doorward.flow"))?.[0] ?? {}).length);
    };
    return [await look(599_000), await look(601_000), await look(86_401_000), "doorward.flow" in localStorage];
  });
  assert.deepEqual(told, [[5, 5], [4, 4], [0, 0], false]);
});

test("keys of flows that came to nothing are not kept for long", async (t) => {
  const { page } = await open(t, { routes: server(stay) });
  await page.evaluate(async () => {
    const auth = new AuthClient();
    await auth.oauthRedirect("google", "https://app.example.com/back");
    await auth.oauthRedirect("github", "https://app.example.com/back");
  });
  assert.deepEqual(await storedKeys(page), ["loose"]);
  await page.evaluate(async () => {
    // A tab that knows nothing of it.
    sessionStorage.clear();
    const later = new AuthClient({ storage: "session" });
    const { now } = Date;
    Date.now = () => now() + 86_401_000;
    await later.login({ email: "ada@example.com", password: "secret" });
    await new Promise((resolve) => setTimeout(resolve, 100));
  });
  assert.deepEqual(await storedKeys(page), [true]);
});

test("damage in the storage harms nothing", async (t) => {
  const { page, asked } = await open(t, { routes: server() });
  for (const [text, expected] of [
    ["", existing],
    ["{", existing],
    ["7", existing],
    ["[7, null]", existing],
    ['[{"provider":"google","at":9e15,"key":7,"state":{},"callback":[]}]', "OAUTH_STATE_MISMATCH"],
  ]) {
    await page.evaluate((text) => (localStorage["doorward.flow"] = sessionStorage["doorward.flow"] = text), text);
    const told = await call(page, "login", "google", { callback: "https://app.example.com/", code: "c" });
    assert.deepEqual(told, expected, text);
  }
  assert.deepEqual(body(asked.at(-1)), { callback: "https://app.example.com/", code: "c" });
  assert.equal(await call(page, "redoOAuth", "google"), "INVALID_PARAMETER callback");
});

test("a client that is disposed of goes nowhere", async (t) => {
  const { page, names } = await open(t, { routes: server() });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const going = auth.oauthRedirect("google", "https://app.example.com/back").catch(({ name, code }) => [name, code]);
    auth.dispose();
    const after = auth.login("google", { token: "t" }).catch(({ name, code }) => [name, code]);
    return [await going, await after];
  });
  assert.deepEqual(told, [["AuthError", "ABORTED"], ["AuthError", "ABORTED"]]);
  assert.deepEqual(names(), []);
});

for (const how of ["abort", "dispose"]) {
  test(`who ends the call while the browser still stores the flow goes nowhere: ${how}`, async (t) => {
    const { page, names } = await open(t, { routes: server() });
    const told = await page.evaluate(async (how) => {
      const ender = new AbortController();
      const texts = new Map();
      const setItem = async (key, text) => {
        texts.set(key, text);
        if (!key.endsWith(".flow")) return;
        setTimeout(() => (how === "abort" ? ender.abort() : auth.dispose()), 50);
        await new Promise((resolve) => setTimeout(resolve, 500));
      };
      const storage = { getItem: async (key) => texts.get(key) ?? null, setItem, removeItem: async (key) => texts.delete(key) };
      const auth = new AuthClient({ storage });
      const begun = performance.now();
      const code = await auth.oauthRedirect("google", `${location.origin}/back`, { signal: ender.signal }).catch(({ code }) => code);
      const isPrompt = performance.now() - begun < 450;
      await new Promise((resolve) => setTimeout(resolve, 800));
      return [code, isPrompt, location.pathname];
    }, how);
    assert.deepEqual(told, ["ABORTED", true, "/"]);
    assert.deepEqual(names(), ["POST /v1/flows/google"]);
  });
}

test("a browser that never gives a key does not keep whoever has ended the call", async (t) => {
  const before = () => {
    IDBFactory.prototype.open = () => ({});
  };
  const { page, names } = await open(t, { routes: server(), before });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const ended = AbortSignal.abort();
    const begin = (signal) => auth.oauthRedirect("google", `${location.origin}/back`, { signal }).catch(({ code }) => code);
    const late = new Promise((resolve) => setTimeout(resolve, 2000, "late"));
    return Promise.all([ended, AbortSignal.timeout(100)].map((signal) => Promise.race([begin(signal), late])));
  });
  assert.deepEqual(told, ["ABORTED", "ABORTED"]);
  assert.deepEqual(names(), []);
});

test("what an account is linked to is listed, and taken from it", async (t) => {
  const identities = [{ provider: "google", id: "7", created_at: "2026-01-01T00:00:00Z" }];
  const routes = server({
    "GET /v1/identities": [200, { identities }],
    "DELETE /v1/identities/my%2Fown": [200, { identities: [] }],
    "DELETE /v1/identities/google": [403, problem("FORBIDDEN")],
  });
  const { page } = await open(t, { routes });
  assert.equal(await call(page, "listIdentities"), "SESSION_REQUIRED");
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  assert.deepEqual(await call(page, "listIdentities"), identities);
  assert.deepEqual(await call(page, "unlink", "my/own"), []);
  assert.equal(await call(page, "unlink", "google"), "FORBIDDEN");
});

test("seed_m26_m33: outside a browser the addresses come back, and another client with the same storage ends the flow", async () => {
  const folder = await emptyProject({
    "server.mjs": `
      import { AuthClient } from "doorward";
      const seen = [];
      const answers = {
        "/v1/nonce": {},
        "/v1/flows/google": { data: { url: "https://op.example/authorize", provider: "google", id: "google" }, state: "s1", flow: "secret" },
        "/v1/login/provider/google": ${JSON.stringify({ ...existing, session: tokens() })},
      };
      const fetch = async (url, init) => {
        const { pathname } = new URL(url);
        if (init.body) seen.push(!!init.headers.DPoP, init.body);
        return Response.json(answers[pathname], { headers: { "dpop-nonce": "n" } });
      };
      const texts = new Map();
      const getItem = async (key) => texts.get(key) ?? null;
      const storage = { getItem, setItem: async (key, text) => texts.set(key, text), removeItem: async (key) => texts.delete(key) };
      const client = () => new AuthClient({ url: "https://auth.example.com", fetch, storage });
      let auth = client();
      console.log(JSON.stringify(await auth.oauthRedirect("google", "https://app.example.com/back")));
      console.log(JSON.stringify(await auth.redoOAuth("google")));
      auth.dispose();
      auth = client();
      const { type } = await auth.login("google", { callback: "https://app.example.com/back?code=c1&state=s1" });
      console.log(type, auth.user.user_id, seen[0], seen[2], seen[4], seen[5]);
      auth.dispose();
    `,
  });
  const url = "https://op.example/authorize";
  assert.deepEqual((await run(process.execPath, ["server.mjs"], folder)).trim().split("\n"), [
    JSON.stringify({ data: { url, provider: "google", id: "google" } }),
    JSON.stringify({ reloginUrl: url, provider: "google" }),
    'LoginExisting u1 false false true {"callback":"https://app.example.com/back?code=c1&state=s1","flow":"secret"}',
  ]);
});
