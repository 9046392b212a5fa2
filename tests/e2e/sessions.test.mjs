// The sessions of an account: listing, ending and restoring them, and checking a token.

import assert from "node:assert/strict";
import { eventually, openChromium, openContext, sharedServer, signedIn, signUp, test, withClient } from "./world.mjs";
import { startApi } from "../api/world.mjs";

const server = await sharedServer();
const chromium = await openChromium();

/** A user who is signed in with two browsers, on the sessions page. */
async function twoBrowsers() {
  const person = await signUp(server);
  const near = await signedIn(chromium, server, person, { path: "/sessions" });
  const far = await signedIn(chromium, server, person, { path: "/profile" });
  await near.page.reload();
  await near.page.waitForSelector("#sessions li:nth-child(2)");
  return { person, near, far };
}

const isOut = async (page) => {
  await page.click("#reload button");
  await page.waitForSelector("#out", { state: "visible" });
};

test("sec_T13_a user sees both browsers and ends the session of one from the other", async () => {
  const { near, far } = await twoBrowsers();
  const shown = await near.page.$$eval("#sessions li", (items) => items.map((item) => item.textContent));
  assert.equal(shown.filter((text) => text.includes("This browser")).length, 1, shown.join("\n"));
  for (const text of shown) assert.match(text, /^Chrome on Linux.*127\.0\.0\.1, last used/);
  await near.page.click("#sessions button");
  await near.page.waitForFunction(() => document.querySelectorAll("#sessions li").length === 1);
  assert.equal(await near.page.$eval("#said", (said) => said.value), "Signed out there.");
  await isOut(far.page);
  await near.page.reload();
  await near.page.waitForSelector("#sessions .badge");
  await Promise.all([near.context.close(), far.context.close()]);
});

test("signing out everywhere else keeps only this browser signed in", async () => {
  const { near, far } = await twoBrowsers();
  await near.page.click("#others button");
  await near.page.waitForFunction(() => document.querySelectorAll("#sessions li").length === 1);
  await isOut(far.page);
  assert.ok(await near.page.isVisible("#sessions .badge"));
  await Promise.all([near.context.close(), far.context.close()]);
});

test("seed_K38_signing out everywhere ends every session, and the form follows its action", async () => {
  const { near, far } = await twoBrowsers();
  await near.page.click("#everywhere button");
  await near.page.waitForURL(`${server.url}/`);
  await near.page.waitForSelector("#out", { state: "visible" });
  await isOut(far.page);
  await Promise.all([near.context.close(), far.context.close()]);
});

test("a session of another user is not found", async () => {
  const { near, far } = await twoBrowsers();
  const stranger = await signedIn(chromium, server, await signUp(server));
  const id = await withClient(stranger.page, async () => (await auth.listSessions())[0].id);
  const told = await withClient(
    near.page,
    (other) =>
      auth.revokeSession(other).then(
        () => "ended",
        ({ code }) => code,
      ),
    { argument: id },
  );
  assert.equal(told, "NOT_FOUND");
  assert.equal(await stranger.page.evaluate(async () => Boolean(await auth.getProfile())), true);
  await Promise.all([near.context.close(), far.context.close(), stranger.context.close()]);
});

test("seed_H43_seed_H44_another browser can restore a Bearer session from its refresh token, but not a bound session", async () => {
  const person = await signUp(server);
  const { context, page } = await signedIn(chromium, server, person);
  const bound = JSON.parse(await page.evaluate(() => localStorage.getItem("doorward.session"))).refresh_token;
  const bearer = await withClient(
    page,
    async (credentials) => {
      await auth.login(credentials);
      const session = await auth.getSession();
      return { token: session.refresh_token, type: session.token_type };
    },
    { options: { dpop: false, storageKey: "bearer" }, argument: person },
  );
  assert.equal(bearer.type, "Bearer");

  const elsewhere = await openContext(chromium);
  const other = await elsewhere.newPage();
  await other.goto(`${server.url}/favicon.svg`);
  const restore = (token) =>
    auth.restoreToken(token).then(
      (user) => user.email,
      ({ code }) => code,
    );
  assert.equal(await withClient(other, restore, { options: { dpop: false }, argument: bearer.token }), person.email);
  assert.equal(await other.evaluate(async () => (await auth.getProfile()).email), person.email);
  assert.equal(await other.evaluate(async () => (await auth.refreshToken()).token_type), "Bearer");
  for (const options of [{ dpop: false, storageKey: "a" }, { storageKey: "b" }]) {
    assert.equal(await withClient(other, restore, { options, argument: bound }), "TOKEN_BOUND");
    assert.equal(await other.evaluate(() => auth.user), null);
    assert.notEqual(await withClient(other, restore, { options, argument: "nonsense" }), person.email);
  }
  assert.equal(await withClient(page, async () => (await auth.getProfile()).email), person.email, "nothing has ended");
  await Promise.all([context.close(), elsewhere.close()]);
});

test("seed_A27_seed_A28_checkLoginStatus checks the current token or any other", async () => {
  const person = await signUp(server);
  const { context, page } = await signedIn(chromium, server, person);
  const told = await withClient(page, async () => {
    const session = await auth.getSession();
    const own = await auth.checkLoginStatus();
    const given = await auth.checkLoginStatus(session.access_token);
    const bent = await auth.checkLoginStatus(`${session.access_token}x`);
    const rubbish = await auth.checkLoginStatus("rubbish");
    await auth.logout();
    const old = await auth.checkLoginStatus(session.access_token);
    return { id: session.user.user_id, own, given, bent, rubbish, old, none: await auth.checkLoginStatus() };
  });
  for (const good of [told.own, told.given]) {
    assert.deepEqual([good.status, good.code, good.data], [true, 200, { id: told.id }]);
    assert.equal(good.exp - good.iat, 600);
  }
  for (const bad of [told.bent, told.rubbish, told.old, told.none]) assert.deepEqual([bad.status, bad.code], [false, 401]);
  await context.close();
});

test("sec_W01_auth.fetch serves an API of another listed origin, and no other origins", async () => {
  const api = await startApi("Node", server.url, { PAGE: server.url });
  const stranger = await startApi("Node", server.url, { PAGE: server.url });
  // The demo's own policy allows no other origin.
  const context = await openContext(chromium, { bypassCSP: true });
  const { page } = await signedIn(chromium, server, await signUp(server), { context });
  const asked = [];
  page.on("request", (request) => request.url().startsWith(stranger) && asked.push(request.url()));
  const told = await withClient(
    page,
    async ([good, bad]) => {
      const answer = await auth.fetch(`${good}/hello?a=b`);
      const again = await auth.fetch(new Request(`${good}/hello`));
      const plain = await fetch(`${good}/hello`, { headers: { authorization: `Bearer ${await auth.getAccessToken()}` } });
      const refused = await auth.fetch(`${bad}/hello`).then(
        () => "sent",
        ({ code }) => code,
      );
      const headers = await auth.authHeaders("GET", `${good}/hello`);
      const byHand = await fetch(`${good}/hello`, { headers });
      const signal = AbortSignal.abort();
      const ended = await auth.fetch(`${good}/hello`, { signal }).then(
        () => "sent",
        ({ code }) => code,
      );
      return {
        one: [answer.status, await answer.json()],
        two: again.status,
        plain: plain.status,
        refused,
        byHand: byHand.status,
        ended,
        id: auth.user.user_id,
      };
    },
    { options: { apis: [{ origin: api }] }, argument: [api, stranger] },
  );
  assert.deepEqual(told.one, [200, { hello: told.id, roles: ["user"] }]);
  assert.deepEqual([told.two, told.byHand], [200, 200]);
  assert.equal(told.plain, 401, "the token without its proof");
  assert.deepEqual([told.refused, told.ended], ["INVALID_PARAMETER", "ABORTED"]);
  assert.deepEqual(asked, []);
  await context.close();
});

test("auth.fetch refreshes and repeats once when the server rejects the token early", async () => {
  const { context, page } = await signedIn(chromium, server, await signUp(server));
  const requests = [];
  page.on("request", (request) => requests.push(new URL(request.url()).pathname));
  const status = await withClient(page, async () => {
    await auth.getProfile();
    const kept = JSON.parse(localStorage.getItem("doorward.session"));
    // Like after a change of the server's keys: the token is fresh, and the server rejects it.
    localStorage.setItem("doorward.session", JSON.stringify({ ...kept, access_token: `${kept.access_token}x` }));
    return (await auth.fetch("/v1/profile")).status;
  });
  assert.equal(status, 200);
  await eventually("the requests are counted", () => requests.filter((path) => path === "/v1/token").length === 1);
  await context.close();
});
