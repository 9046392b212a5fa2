// Signing in with a provider, around the wasm: the requests of a page, the way to the provider, and the return to
// another page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, problem, tokens } from "./page.mjs";
import { body, call, callWith, claims, come, existing, keyOf, leave, linked, registered, server, stay, unknown } from "./providers.mjs";
import { emptyProject, run } from "./world.mjs";

test("seed_m25: oauthRedirect navigates to the consent screen and resolves with null", async (t) => {
  // The test's server receives the request later than the browser sends it.
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

test("seed_m36_m43: on another page, the same key signs in with the provider's response", async (t) => {
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

test("seed_m38: a code may be given apart from the callback; the state is this tab's unless the page names one", async (t) => {
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
  await call(page, "login", "google", { callback: `${callback}?denied=t` });
  await call(page, "login", "google", { oauthToken: "t", oauthVerifier: "v" });
  const sent = asked.filter(({ name }) => name.startsWith("POST /v1/login/")).map(body);
  assert.deepEqual(
    sent.map(({ state }) => state),
    ["s1", "mine", undefined, undefined, undefined, undefined, undefined, undefined],
  );
  assert.deepEqual(sent.at(-1), { oauth_token: "t", oauth_verifier: "v" });
});

test("seed_m45: register uses the key that the oauthKey was issued to, also on a later page", async (t) => {
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
    oauth_key: "k1",
    email: "ada@example.com",
    name: "Ada",
    extras: { coins: 5 },
    options: { email_subscription: true },
  });
  assert.equal(keyOf(sent), keyOf(asked[0]));
  assert.ok(sent.headers["idempotency-key"]);
  assert.equal(await call(page, "getSession"), null, "seed_m18: nobody is signed in");
});

test("seed_m29_m30_m35: redoOAuth repeats the flow with the same key, and tells the server that it is a repetition", async (t) => {
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

test("seed_m31_m35: redoOAuth rejects before the first oauthRedirect, and for a provider whose consent works only once", async (t) => {
  const { page, names } = await open(t, { routes: server() });
  for (const provider of ["google", "twitter", "apple"]) {
    assert.equal(await call(page, "redoOAuth", provider), "INVALID_REQUEST");
  }
  assert.deepEqual(names(), []);
});

test("seed_m46: a signed-in user begins a flow and links its result", async (t) => {
  const { page, asked } = await open(t, { routes: server({ "POST /v1/identities/google": [200, linked] }) });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  assert.deepEqual(await call(page, "login", "google", { callback: page.url() }, "link"), linked);
  const [login, begun, , , ended] = asked;
  assert.deepEqual(
    [begun, ended].map(({ headers }) => headers.authorization),
    ["DPoP access-1", "DPoP access-1"],
  );
  assert.equal(ended.name, "POST /v1/identities/google");
  assert.deepEqual(new Set([login, begun, ended].map(keyOf)).size, 1);
  assert.equal(await page.evaluate(() => new AuthClient().getSession().then(({ access_token }) => access_token)), "access-1");
});

test("seed_m46: a user who must sign in again to link ends the same flow with the same key", async (t) => {
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
  test(`after LoginOAuth a user signs in and links with the oauthKey and its key or secret: ${JSON.stringify(options)}`, async (t) => {
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

test("the server decides about a flow that this browser did not begin", async (t) => {
  const routes = server({ "POST /v1/login/provider/google": [400, problem("OAUTH_STATE_MISMATCH")] });
  const { page, asked } = await open(t, { routes });
  assert.equal(await call(page, "login", "google", { callback: "https://a.example/?code=c&state=s" }), "OAUTH_STATE_MISMATCH");
  assert.deepEqual(body(asked[0]), { callback: "https://a.example/?code=c&state=s" });
});

test("the second run of a React effect joins the first; a reload repeats the same request", async (t) => {
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

test("the second run of a React effect joins the first, which has removed the code from the URL", async (t) => {
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

test("a React effect that is cleaned up aborts its own call and no other", async (t) => {
  const { page } = await open(t, { routes: server() });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const first = new AbortController();
    const run = (signal) =>
      auth.login("google", { callback: location.href }, { signal }).then(
        ({ type }) => type,
        ({ code }) => code,
      );
    const both = [run(first.signal), run(new AbortController().signal)];
    first.abort();
    return Promise.all(both);
  });
  assert.deepEqual(told, ["ABORTED", "LoginExisting"]);
});

test("seed_m10: the token of an app is sent with the key of the session that it begins", async (t) => {
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

test('seed_m07_m14_m37_m42: the provider "local" signs up and in with a password, with the same signature', async (t) => {
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

test("seed_m27: an invalid argument rejects with its name, and nothing is sent", async (t) => {
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

test("a form may register: its submit is prevented, and its control shows the error", async (t) => {
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

test("the client prevents the submit even if the call is rejected at once", async (t) => {
  const { page } = await open(t, { html: `<form id="f" method="post" action="/home"><button>Go</button></form>` });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const told = new Promise((resolve) => {
      f.onsubmit = (event) => auth.login("google", event, "marry").catch(({ field }) => resolve([event.defaultPrevented, field]));
    });
    f.requestSubmit();
    return told;
  });
  assert.deepEqual(told, [true, "intent"]);
});

test("the client does not navigate to a URL that is not a web URL", async (t) => {
  const route = [200, { data: { url: "javascript:document.title='evil'", provider: "google", id: "google" }, state: "s" }];
  const { page } = await open(t, { routes: server({ "POST /v1/flows/google": route }) });
  assert.equal(await call(page, "oauthRedirect", "google", "https://app.example.com/back"), "SERVER");
  assert.equal(await page.title(), "");
});

test("a user whose session has ended begins the flow with a new key", async (t) => {
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

test("a server that rejects every session gets one repetition", async (t) => {
  const routes = server({ "POST /v1/flows/google": [401, problem("SESSION_REQUIRED")], "POST /v1/token": [200, tokens()] });
  const { page, names } = await open(t, { routes });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  assert.equal(await call(page, "oauthRedirect", "google", "https://app.example.com/back"), "SESSION_REQUIRED");
  assert.deepEqual(names().slice(1), ["POST /v1/flows/google", "POST /v1/token", "POST /v1/flows/google"]);
});

test("a disposed client does not navigate", async (t) => {
  const { page, names } = await open(t, { routes: server() });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const going = auth.oauthRedirect("google", "https://app.example.com/back").catch(({ name, code }) => [name, code]);
    auth.dispose();
    const after = auth.login("google", { token: "t" }).catch(({ name, code }) => [name, code]);
    return [await going, await after];
  });
  assert.deepEqual(told, [
    ["AuthError", "ABORTED"],
    ["AuthError", "ABORTED"],
  ]);
  assert.deepEqual(names(), []);
});

for (const how of ["abort", "dispose"]) {
  test(`a call that ends while the browser stores the flow does not navigate: ${how}`, async (t) => {
    const { page, names } = await open(t, { routes: server() });
    const told = await page.evaluate(async (how) => {
      const ender = new AbortController();
      const texts = new Map();
      let store;
      const setItem = async (key, text) => {
        texts.set(key, text);
        if (!key.endsWith(".flow")) return;
        setTimeout(() => (how === "abort" ? ender.abort() : auth.dispose()));
        await new Promise((resolve) => (store = resolve));
      };
      const storage = { getItem: async (key) => texts.get(key) ?? null, setItem, removeItem: async (key) => texts.delete(key) };
      const auth = new AuthClient({ storage });
      const code = await auth.oauthRedirect("google", `${location.origin}/back`, { signal: ender.signal }).catch(({ code }) => code);
      let goesTo = null;
      navigation.onnavigate = ({ destination }) => (goesTo = destination.url);
      store();
      await new Promise((resolve) => setTimeout(resolve, 50));
      return [code, goesTo];
    }, how);
    assert.deepEqual(told, ["ABORTED", null]);
    assert.deepEqual(names(), ["POST /v1/flows/google"]);
  });
}

test("a call ends at its signal even if the browser never returns a key", async (t) => {
  const before = () => {
    IDBFactory.prototype.open = () => /** @type {any} */ ({});
  };
  const { page, names } = await open(t, { routes: server(), before });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const ended = AbortSignal.abort();
    const begin = (signal) => auth.oauthRedirect("google", `${location.origin}/back`, { signal }).catch(({ code }) => code);
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, "late"));
    return Promise.all([ended, AbortSignal.timeout(100)].map((signal) => Promise.race([begin(signal), late])));
  });
  assert.deepEqual(told, ["ABORTED", "ABORTED"]);
  assert.deepEqual(names(), []);
});

test("linked identities can be listed and unlinked", async (t) => {
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

test("seed_m26_m33: outside a browser the calls return URLs, and another client with the same storage ends the flow", async () => {
  const folder = await emptyProject({
    "server.mjs": `
      import { AuthClient } from "doorward";
      const seen = [];
      const answers = {
        "/v1/nonce": {},
        "/v1/flows/google": { data: { url: "https://op.example/authorize", provider: "google", id: "google" }, state: "s1", flow: "secret" },
        "/v1/login/provider/google": ${JSON.stringify({ ...existing, session: tokens() })},
      };
      const fetch = async (request) => {
        const { pathname } = new URL(request.url);
        if (request.body) seen.push(request.headers.has("dpop"), await request.text());
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
