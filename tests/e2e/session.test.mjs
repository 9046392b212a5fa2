// A lasting session: several tabs, an expired access token, lost responses, an unreachable server.

import assert from "node:assert/strict";
import { openChromium, openContext, sharedServer, signedIn, signUp, startServer, test, withClient, told } from "./world.mjs";

const server = await sharedServer();
const chromium = await openChromium();

/** A new signed-in user, on a page without a client or on a page of the demo. */
async function begin(to = server, path) {
  const person = await signUp(to);
  const signed = await signedIn(chromium, to, person, { path });
  if (path === "/profile") await signed.page.waitForSelector("#in", { state: "visible" });
  // A page that has sent no request yet.
  if (!path) await signed.page.reload();
  return { ...person, ...signed };
}

/** Makes the stored access token look an hour old, so that no test waits for its end. */
const age = (page) =>
  page.evaluate(() => {
    const session = JSON.parse(localStorage.getItem("doorward.session"));
    session.received_at -= 3_600_000;
    localStorage.setItem("doorward.session", JSON.stringify(session));
  });

const signedOut = (page) => page.waitForSelector("#out", { state: "visible" });

test("sec_B01_a sign-out in one tab shows in the other within a second", async () => {
  const { context, page } = await begin(server, "/profile");
  const other = await context.newPage();
  await other.goto(`${server.url}/profile`);
  await other.waitForSelector("#in", { state: "visible" });
  // Measured in the page, from the write in one tab to the change in the other, because the machine may be busy.
  await page.evaluate(() => {
    const remove = Storage.prototype.removeItem;
    Storage.prototype.removeItem = function (key) {
      if (key === "doorward.session") this.setItem("test.removed", String(Date.now()));
      remove.call(this, key);
    };
  });
  await other.evaluate(() => {
    const shown = () => document.querySelector("#in").hidden && (window.shownAt ??= Date.now());
    new MutationObserver(shown).observe(document.querySelector("#in"), { attributes: true });
  });
  await page.click("#logout button");
  await signedOut(other);
  assert.ok((await other.evaluate(() => window.shownAt - Number(localStorage.getItem("test.removed")))) < 1000);
  assert.equal(await other.evaluate(() => document.querySelector(".session").textContent.trim()), "Signed out");
  await context.close();
});

test("sec_D07_a page fetches its first nonce, so that the server rejects no request for lack of one", async () => {
  const { context, page, email } = await begin();
  const statuses = [];
  page.on("response", (response) => statuses.push(`${response.status()} ${new URL(response.url()).pathname}`));
  const emails = await withClient(page, async () => {
    const profiles = await Promise.all([auth.getProfile(), auth.getProfile(), auth.getProfile()]);
    await auth.refreshToken();
    return profiles.map((profile) => profile.email);
  });
  assert.deepEqual(emails, [email, email, email]);
  assert.deepEqual(
    statuses.filter((status) => status.includes("/v1/") && !status.startsWith("200 ")),
    [],
  );
  assert.equal(statuses.filter((status) => status.endsWith("/v1/nonce")).length, 1, "one for all");
  await context.close();
});

test("a sign-in in one tab shows in the other", async () => {
  const { email, password } = await signUp(server);
  const context = await openContext(chromium);
  const [first, second] = [await context.newPage(), await context.newPage()];
  await second.goto(`${server.url}/profile`);
  await second.waitForSelector("#out", { state: "visible" });
  await first.goto(`${server.url}/login`);
  await first.fill("#email", email);
  await first.fill("#password", password);
  await first.click("#login > button");
  // Closing a page during its navigation can hang the browser's driver.
  await first.waitForURL("**/profile");
  await second.waitForFunction((address) => document.querySelector("#who").textContent === address, email);
  await context.close();
});

test("sec_F20_a sign-in of another user in another tab never mixes two accounts", async () => {
  const { context, page } = await begin(server, "/profile");
  const next = await signUp(server);
  const other = await context.newPage();
  await other.goto(`${server.url}/login`);
  await other.fill("#email", next.email);
  await other.fill("#password", next.password);
  await other.click("#login > button");
  await page.waitForFunction((address) => document.querySelector("#who").textContent === address, next.email);
  const { kept, told } = await withClient(page, async () => ({ kept: auth.user.email, told: (await auth.getProfile()).email }));
  assert.deepEqual([kept, told], [next.email, next.email]);
  await context.close();
});

test("an expired access token is refreshed on use, with one request for all concurrent calls", async () => {
  const { context, page, email } = await begin();
  await age(page);
  const refreshes = [];
  // A request that the server rejects for lack of a nonce does not count as a refresh.
  page.on("response", (answer) => answer.url().endsWith("/v1/token") && answer.ok() && refreshes.push(answer));
  const emails = await withClient(
    page,
    async () => {
      const profiles = await Promise.all(Array.from({ length: 8 }, () => auth.getProfile()));
      return profiles.map((profile) => profile.email);
    },
    { options: { autoRefresh: false } },
  );
  assert.deepEqual(emails, Array(8).fill(email));
  assert.equal(refreshes.length, 1);
  await context.close();
});

test("a token that the server considers expired is refreshed, too", async () => {
  const ahead = await startServer();
  const { context, page, email } = await begin(ahead);
  await ahead.advance(601_000);
  assert.equal(await withClient(page, async () => (await auth.getProfile()).email), email);
  await context.close();
});

test("many tabs that refresh at once all keep the session", async () => {
  const { context, page, email } = await begin();
  const tabs = [page];
  while (tabs.length < 6) tabs.push(await context.newPage());
  for (const tab of tabs.slice(1)) await tab.goto(`${server.url}/favicon.svg`);
  await age(page);
  const emails = await Promise.all(tabs.map((tab) => withClient(tab, async () => (await auth.getProfile()).email)));
  assert.deepEqual(emails, Array(6).fill(email));
  await context.close();
});

test("sec_F2_a lost response to a refresh does not end the session", async () => {
  const { context, page, email } = await begin();
  await age(page);
  let lost = 0;
  await page.route("**/v1/token", async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    // The server has rotated the token, and the browser never gets the new one.
    await route.fetch();
    return route.abort("connectionreset");
  });
  const told = await withClient(page, async () => {
    const ask = () =>
      auth.getProfile().then(
        (profile) => profile.email,
        ({ code }) => code,
      );
    const first = await ask();
    return first === "NETWORK" ? ask() : first;
  });
  assert.equal(lost, 1);
  assert.equal(told, email);
  await context.close();
});

for (const [what, answer] of Object.entries({
  "a 503": { status: 503, headers: { "retry-after": "1" }, body: "" },
  "a captive portal's page": { status: 200, contentType: "text/html", body: "<h1>Pay for the wifi</h1>" },
  "a 401 from something else": { status: 401, contentType: "text/html", body: "<h1>Proxy</h1>" },
  "half an answer": { status: 200, contentType: "application/json", body: `{"access_token":"` },
  "an answer without a token": { status: 200, contentType: "application/json", body: "{}" },
})) {
  test(`sec_F13_${what} as the response to a refresh ends no session`, async () => {
    const { context, page, email } = await begin();
    await age(page);
    await page.route("**/v1/token", (route) => route.fulfill(answer));
    const during = await withClient(
      page,
      async () => {
        const code = await auth.getProfile().then(
          () => "none",
          (error) => error.code,
        );
        return { code, email: auth.user?.email };
      },
      { options: { timeout: 5000 } },
    );
    assert.ok(["OVERLOADED", "SERVER", "NETWORK", "TIMEOUT"].includes(during.code), during.code);
    assert.equal(during.email, email);
    await page.unroute("**/v1/token");
    await page.reload();
    assert.equal(await withClient(page, async () => (await auth.getProfile()).email), email);
    await context.close();
  });
}

test("sec_F1_offline the session stays, and signing out works", async () => {
  const { context, page, email } = await begin(server, "/profile");
  const other = await context.newPage();
  await other.goto(`${server.url}/profile`);
  await other.waitForSelector("#in", { state: "visible" });
  await context.setOffline(true);
  await page.click("#reload button");
  await told(page, "#reload", "could not be reached");
  assert.equal(await page.textContent("#who"), email);
  const { kept, said } = await withClient(other, async () => ({ kept: auth.user.email, said: await auth.logout() }));
  assert.equal(kept, email);
  assert.equal(said, "SUCCESS: The user has been logged out.");
  await signedOut(page);
  await context.close();
});

test("a second client on the same page gets the sign-out, too", async () => {
  const { context, page } = await begin(server, "/profile");
  await withClient(page, () => auth.logout());
  await signedOut(page);
  await context.close();
});

test("a call without a response rejects with TIMEOUT, and the client keeps working", async () => {
  const { context, page, email, password } = await begin();
  await page.route("**/v1/login", () => {});
  const { code, status, took } = await withClient(
    page,
    async () => {
      const started = performance.now();
      const error = await auth.login({ email: "a@example.com", password: "whatever" }).catch((error) => error);
      return { code: error.code, status: error.status, took: performance.now() - started };
    },
    { options: { timeout: 300 } },
  );
  assert.deepEqual([code, status], ["TIMEOUT", 0]);
  assert.ok(took >= 290 && took < 5000, `${took} ms`);
  await page.unroute("**/v1/login");
  const again = (person) => auth.login(person, { timeout: 10_000 }).then((user) => user.email);
  assert.equal(await page.evaluate(again, { email, password }), email);
  await context.close();
});

test("a call rejects with ABORTED when its signal is aborted", async () => {
  const { context, page } = await begin();
  const sent = new Promise((resolve) => page.route("**/v1/password/forgot", resolve));
  const early = await withClient(page, () => {
    window.late = new AbortController();
    window.call = auth.forgotPassword({ email: "a@example.com" }, { signal: window.late.signal }).catch(({ code }) => code);
    return auth.forgotPassword({ email: "a@example.com" }, { signal: AbortSignal.abort() }).catch(({ code }) => code);
  });
  assert.equal(early, "ABORTED");
  await sent;
  await page.evaluate(() => window.late.abort());
  assert.equal(await page.evaluate(() => window.call), "ABORTED");
  await context.close();
});

test("without a server a call rejects with NETWORK and a readable message", async () => {
  const { context, page } = await begin();
  await page.route("**/v1/**", (route) => route.abort("connectionrefused"));
  await page.goto(`${server.url}/forgot`);
  await page.fill("#email", "a@example.com");
  await page.click("#forgot > button");
  await told(page, "#forgot", "The server could not be reached.");
  await context.close();
});
