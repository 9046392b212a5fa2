// A provider's response that is misplaced, repeated, late or forged: it signs no user in, and locks no user out.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  consent,
  hold,
  openChromium,
  openContext,
  openProvider,
  sees,
  settingsOf,
  signedIn,
  signUp,
  someone,
  startServer,
  test,
  withClient,
} from "./world.mjs";

const provider = await openProvider();
const rival = await openProvider();
const server = await startServer({ settings: { ...settingsOf(provider), ...settingsOf(rival, "RIVAL") } });
const { url } = server;
const chromium = await openChromium();

const WITH_DEMO = "#providers [value=demo]";
const hasSession = (page) => page.evaluate(() => localStorage.getItem("doorward.session") !== null);

async function blank(context, at = url) {
  const page = await (context ?? (await openContext(chromium))).newPage();
  await page.goto(`${at}/favicon.svg`);
  return page;
}

/** Opens the provider from a page without the demo's code; the callback is the same page. */
async function begin(page, { at = url, options = {}, name = "demo" } = {}) {
  const argument = [name, `${at}/favicon.svg`];
  await withClient(page, ([name, callback]) => void auth.oauthRedirect(name, callback), { argument, options });
  await page.waitForSelector("#name");
}

/** Goes as far as the callback. Returns its URL, which no call has used yet. */
async function comeBack(page, person = someone(), { asked = true } = {}) {
  await consent(page, person, { asked });
  await page.waitForURL("**/favicon.svg?*");
  return page.url();
}

async function callbackOf(page, person, how) {
  await begin(page, how);
  return comeBack(page, person);
}

/** The result of a sign-in with this URL: its type or its error. */
const finish = (page, callback, intent = "register", name = "demo") =>
  withClient(
    page,
    ([name, callback, intent]) =>
      auth.login(name, { callback }, intent).then(
        ({ type }) => type,
        ({ code }) => code,
      ),
    {
      argument: [name, callback, intent],
    },
  );

const change = (address, changes) => {
  const changed = new URL(address);
  for (const [name, value] of Object.entries(changes)) changed.searchParams.set(name, value);
  return changed.href;
};
const part = (address, name) => new URL(address).searchParams.get(name);

/** A user with an account, on a page in a separate browser that is signed out. */
async function known(at = url) {
  const person = someone();
  const page = await blank(null, at);
  const callback = await callbackOf(page, person, { at });
  await withClient(
    page,
    async (callback) => {
      const { data } = await auth.login("demo", { callback });
      await auth.register("demo", { oauthKey: data.oauthKey, email: data.email });
    },
    { argument: callback },
  );
  return { person, page };
}

const closing = (...pages) => Promise.all(pages.map((page) => page.context().close()));

// ── repeated ──

test("sec_F17_a callback that runs twice, as in React's StrictMode, makes one exchange and gets one result", async () => {
  const page = await blank();
  const address = await callbackOf(page);
  const before = provider.exchanges;
  const answers = await withClient(
    page,
    async (callback) => {
      const { AuthClient } = await import("/pkg/index.js");
      const other = new AuthClient();
      const calls = [auth.login("demo", { callback }), auth.login("demo", { callback }), other.login("demo", { callback })];
      return Promise.all(calls);
    },
    { argument: address },
  );
  assert.equal(answers[0].type, "LoginOAuth");
  assert.deepEqual([answers[1], answers[2]], [answers[0], answers[0]]);
  assert.equal(provider.exchanges, before + 1);
  await closing(page);
});

test("sec_F17_reopening the callback page within the grace period signs in like the first time", async () => {
  const { person, page } = await known();
  await page.goto(`${url}/login`);
  const gone = page.waitForRequest((request) => request.url().includes("/callback?"));
  await page.click(WITH_DEMO);
  await consent(page, person, { asked: false });
  const address = (await gone).url();
  await page.waitForURL("**/profile");
  const before = provider.exchanges;
  await page.goto(address);
  await page.waitForURL("**/profile");
  assert.equal(provider.exchanges, before);
  assert.equal(await hasSession(page), true);
  await closing(page);
});

test("seed_M50_after the grace period the same callback is rejected, and the first session continues", async () => {
  const short = await startServer({ settings: { ...settingsOf(provider), FLOWS__GRACE: "60s" } });
  const { person, page } = await known(short.url);
  const address = await callbackAgain(page, person, short.url);
  assert.equal(await finish(page, address), "LoginExisting");
  await short.advance(61_000);
  assert.equal(await finish(page, address), "OAUTH_REUSED");
  assert.equal(await hasSession(page), true);
  await page.goto(address.replace("/favicon.svg?", "/callback?provider=demo&"));
  await page.waitForSelector("#retry button", { state: "visible" });
  await closing(page);
});

/** Like `callbackOf`, for a user who has consented before in this browser. */
async function callbackAgain(page, person, at = url) {
  await begin(page, { at });
  return comeBack(page, person, { asked: false });
}

test("sec_O06_thirty callbacks of one code at once make one exchange and one session", async () => {
  const { person, page } = await known();
  const address = await callbackAgain(page, person);
  const before = provider.exchanges;
  const told = await withClient(
    page,
    async (callback) => {
      const { AuthClient } = await import("/pkg/index.js");
      const clients = Array.from({ length: 30 }, () => new AuthClient());
      const types = await Promise.all(
        clients.map((client) =>
          client.login("demo", { callback }).then(
            ({ type }) => type,
            ({ code }) => code,
          ),
        ),
      );
      for (const client of clients) client.dispose();
      return { types, sessions: (await auth.listSessions()).length };
    },
    { argument: address },
  );
  assert.deepEqual([...new Set(told.types)], ["LoginExisting"]);
  assert.equal(told.sessions, 1);
  assert.equal(provider.exchanges, before + 1);
  await closing(page);
});

test("two tabs that sign in at once both succeed", async () => {
  const { person, page } = await known();
  const tabs = [page, await blank(page.context())];
  await Promise.all(tabs.map((tab) => begin(tab)));
  const callbacks = [];
  for (const tab of tabs) callbacks.push(await comeBack(tab, person, { asked: false }));
  assert.notEqual(part(callbacks[0], "state"), part(callbacks[1], "state"));
  const types = await Promise.all(tabs.map((tab, index) => finish(tab, callbacks[index])));
  assert.deepEqual(types, ["LoginExisting", "LoginExisting"]);
  for (const tab of tabs) assert.equal(await withClient(tab, async () => (await auth.getProfile()).email), person.email);
  await closing(page);
});

// ── in another browser, too late, without its key ──

test("sec_T14_sec_D08_a callback opened in another browser does not sign in there, and still works in its own browser", async () => {
  const { person, page } = await known();
  const address = await callbackAgain(page, person);
  const other = await blank();
  assert.equal(await finish(other, address), "OAUTH_STATE_MISMATCH");
  assert.equal(await hasSession(other), false);
  await other.goto(address.replace("/favicon.svg?", "/callback?provider=demo&"));
  await sees(other, "#what", "did not begin here");
  assert.equal(await finish(page, address), "LoginExisting");
  await closing(page, other);
});

test("sec_O02_a browser with its own flow is not signed in by the callback of another user", async () => {
  const thief = await known();
  const planted = await callbackAgain(thief.page, thief.person);
  const victim = await blank();
  const own = await callbackOf(victim);
  assert.equal(await finish(victim, planted), "OAUTH_STATE_MISMATCH");
  const mixed = change(own, { code: part(planted, "code") });
  assert.notEqual(await finish(victim, mixed), "LoginExisting");
  assert.equal(await hasSession(victim), false);
  await closing(thief.page, victim);
});

test("sec_A04_a link with a stranger's callback links nothing to a signed-in user", async () => {
  const person = await signUp(server);
  const { page: victim } = await signedIn(chromium, server, person);
  const thief = await blank();
  const planted = await callbackOf(thief);
  assert.equal(await finish(victim, planted, "link"), "OAUTH_STATE_MISMATCH");
  await victim.goto(planted.replace("/favicon.svg?", "/callback?provider=demo&intent=link&"));
  await victim.waitForSelector("#retry button", { state: "visible" });
  assert.deepEqual(await withClient(victim, () => auth.listIdentities()), []);
  await closing(thief, victim);
});

test("a sign-in that took too long is rejected and can be started again", async () => {
  const hasty = await startServer({ settings: { ...settingsOf(provider), FLOWS__LIFETIME: "60s" } });
  const page = await blank(null, hasty.url);
  const person = someone();
  await begin(page, { at: hasty.url });
  await hasty.advance(61_000);
  assert.equal(await finish(page, await comeBack(page, person)), "OAUTH_STATE_MISMATCH");
  assert.equal(await finish(page, await callbackAgain(page, person, hasty.url)), "LoginOAuth");
  await closing(page);
});

test("a browser that has lost its stored data cannot finish the sign-in, and starts again", async () => {
  const page = await blank();
  await page.goto(`${url}/login`);
  await page.click(WITH_DEMO);
  await page.waitForSelector("#name");
  const eraser = await blank(page.context());
  await eraser.evaluate(async () => {
    localStorage.clear();
    for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name);
  });
  const person = someone();
  await consent(page, person);
  await sees(page, "#what", "did not begin here");
  assert.equal(await hasSession(page), false);
  await page.click("#retry button");
  await consent(page, person, { asked: false });
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  await closing(page);
});

// ── forged ──

test("sec_O02_a callback with a changed state, code or issuer signs no user in", async () => {
  const { person, page } = await known();
  const address = await callbackAgain(page, person);
  const other = await callbackAgain(page, person);
  for (const [what, changes] of Object.entries({
    "another state": { state: "x".repeat(43) },
    "another flow's code": { code: part(other, "code") },
    "another issuer": { iss: "https://evil.example" },
  })) {
    const fresh = what === "another state" ? address : await callbackAgain(page, person);
    const told = await finish(page, change(fresh, changes));
    assert.match(told, /^OAUTH_(STATE_MISMATCH|DENIED|REUSED)$/, what);
    assert.equal(await hasSession(page), false, what);
  }
  assert.equal(await finish(page, address), "LoginExisting", "the flow itself is as good as before");
  await closing(page);
});

test("sec_O03_the response of one provider is invalid for a flow with another, even if the page names that one", async () => {
  const { person, page } = await known();
  const address = await callbackAgain(page, person);
  const before = rival.exchanges;
  assert.equal(await finish(page, address, "register", "rival"), "OAUTH_STATE_MISMATCH");
  await begin(page, { name: "rival" });
  const other = await comeBack(page, person);
  const mixed = change(other, { code: part(address, "code"), iss: provider.issuer });
  assert.equal(await finish(page, mixed, "register", "rival"), "OAUTH_STATE_MISMATCH");
  assert.equal(rival.exchanges, before, "the code went nowhere");
  assert.equal(await hasSession(page), false);
  assert.equal(await finish(page, address), "LoginExisting");
  await closing(page);
});

test("sec_A01_the same id at another issuer is another user", async () => {
  const person = { ...someone(), email: undefined };
  const page = await blank();
  const callback = await callbackOf(page, person);
  await withClient(
    page,
    async (callback) => {
      const { data } = await auth.login("demo", { callback });
      await auth.register("demo", { oauthKey: data.oauthKey });
    },
    { argument: callback },
  );
  await begin(page, { name: "rival" });
  assert.equal(await finish(page, await comeBack(page, person), "register", "rival"), "LoginOAuth");
  assert.equal(await finish(page, await callbackAgain(page, person)), "LoginExisting");
  await closing(page);
});

test("sec_O07_every callback except the operator's pages is rejected", async () => {
  const strict = await startServer({ settings: { ...settingsOf(provider), PROVIDERS__DEMO__CALLBACKS: "https://app.example.com/signin" } });
  const page = await blank(null, strict.url);
  const { port } = new URL(strict.url);
  for (const callback of [
    "https://evil.example/",
    "//evil.example/signin",
    "/\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://app.example.com@evil.example/signin",
    "https://evil.example@app.example.com/signin",
    "https://app.example.com.evil.example/signin",
    "https://app.example.com/signin/",
    "https://app.example.com/signin?x",
    "https://app.example.com/signin#x",
    "https://app.example.com/signin/../evil",
    "https://app.example.com/signin%2f..%2fevil",
    "https://app.example.com/SIGNIN",
    "http://app.example.com/signin",
    "https://app.example.com:444/signin",
    "https://app.example.com/signin;x",
    "https://app.example.com\t.evil.example/signin",
    "https://xn--app-example-com.evil.example/signin",
    `http://localhost.evil.example:${port}/callback`,
    `http://localhost@evil.example/callback`,
    "http://2130706433.evil.example/",
  ]) {
    const told = await withClient(page, (callback) => refusal(auth.oauthRedirect("demo", callback)), { argument: callback });
    assert.equal(told, "INVALID_PARAMETER callback", callback);
  }
  assert.equal(page.url(), `${strict.url}/favicon.svg`);
  await closing(page);
});

test("seed_M23_a provider that is not configured is an error", async () => {
  const page = await blank();
  const told = await withClient(page, (callback) => refusal(auth.oauthRedirect("google", callback)), { argument: `${url}/callback` });
  assert.equal(told, "NOT_FOUND");
  await closing(page);
});

// ── the key, and leaks ──

const thumbprint = ({ crv, kty, x, y }) => createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
const decoded = (token, index) => JSON.parse(Buffer.from(token.split(".")[index], "base64url"));

test("sec_D08_flow, sign-in and session use one key", async () => {
  const { person, page } = await known();
  const keys = {};
  page.on("request", (request) => {
    const { dpop } = request.headers();
    const { pathname } = new URL(request.url());
    if (dpop && request.method() === "POST") keys[pathname] = thumbprint(decoded(dpop, 0).jwk);
  });
  const address = await callbackAgain(page, person);
  assert.equal(await finish(page, address), "LoginExisting");
  const { access_token } = JSON.parse(await page.evaluate(() => localStorage.getItem("doorward.session")));
  const { jkt } = decoded(access_token, 1).cnf;
  assert.equal(keys["/v1/flows/demo"], jkt);
  assert.equal(keys["/v1/login/provider/demo"], jkt);
  await closing(page);
});

test("sec_O01_the code is bound to a PKCE challenge, and the flow to state and nonce", async () => {
  const page = await blank();
  const asked = page.waitForRequest((request) => request.url().startsWith(`${provider.issuer}/auth?`));
  await begin(page);
  const query = new URL((await asked).url()).searchParams;
  assert.equal(query.get("code_challenge_method"), "S256");
  assert.equal(query.get("response_type"), "code");
  for (const name of ["code_challenge", "state", "nonce"]) assert.ok(query.get(name).length >= 22, name);
  await closing(page);
});

test("sec_O08_the page removes the code from the URL at once, and no referrer, history or log has it", async () => {
  const { person, page } = await known();
  const seen = [];
  page.on("request", (request) => {
    seen.push(request.headers().referer ?? "");
    if (request.resourceType() !== "document") seen.push(request.url());
  });
  const gone = page.waitForRequest((request) => request.url().includes("/callback?"));
  const held = await hold(page, "/v1/login/provider/demo");
  await page.goto(`${url}/login`);
  await page.click(WITH_DEMO);
  await consent(page, person, { asked: false });
  const code = part((await gone).url(), "code");
  assert.ok(code);
  await held.first;
  assert.equal(page.url(), `${url}/callback?provider=demo`);
  held.release();
  await page.waitForURL("**/profile");
  await page.goBack();
  assert.doesNotMatch(page.url(), /code=/);
  await page.goForward().catch(() => {});
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  for (const text of [...seen, kept, server.log, page.url()]) assert.equal(text.includes(code), false, text);
  const headers = (await fetch(`${url}/callback`)).headers;
  assert.equal(headers.get("referrer-policy"), "no-referrer");
  await closing(page);
});

test("without browser keys the flow has a secret, which another browser lacks", async () => {
  const page = await blank();
  const options = { dpop: false };
  await begin(page, { options });
  const address = await comeBack(page);
  const other = await blank();
  const login = (where) =>
    withClient(
      where,
      (callback) =>
        auth.login("demo", { callback }).then(
          ({ type }) => type,
          ({ code }) => code,
        ),
      { argument: address, options },
    );
  assert.equal(await login(other), "OAUTH_STATE_MISMATCH");
  assert.equal(await login(page), "LoginOAuth");
  await closing(page, other);
});
