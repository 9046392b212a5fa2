// No fault signs a user out: network and server failures of every kind, wrong clocks, sleeping tabs.

import assert from "node:assert/strict";
import { eventually, generation, LONG_RUN, openChromium, openContext, signedIn, signUp, test, withClient } from "./world.mjs";
import { startBehindProxy } from "./proxy.mjs";

const chromium = await openChromium();
const world = await startBehindProxy();
/** A server whose clock the tests move. */
const moved = await startBehindProxy();
/** The life of an access token. */
const LIFETIME = 600_000;
/** An age at which the client replaces the token: less than 30 s before its end. */
const TOO_OLD = LIFETIME - 20_000;

/** A new signed-in user. From here on, the proxy follows its rule. */
async function begin(to = world, options = {}) {
  to.rule = () => {};
  const person = await signUp(to.server);
  const signed = await signedIn(chromium, to, person, options);
  to.seen.length = 0;
  return { ...signed, person };
}

/** Adds `window.shift` to the clock of all pages in the browser profile. */
const withShift = (context, shift = 0) =>
  context.addInitScript((by) => {
    const Real = Date;
    window.shift = by;
    window.Date = /** @type {any} */ (
      class extends Real {
        constructor(...given) {
          super(.../** @type {[any]} */ (given.length ? given : [Real.now() + window.shift]));
        }
        static now = () => Real.now() + window.shift;
      }
    );
  }, shift);

const profileOf = () =>
  auth.getProfile().then(
    (user) => user?.email ?? null,
    (error) => error.code,
  );

test("sec_F2_a lost response to a refresh does not end the session", async () => {
  const { context, page, person } = await begin();
  assert.equal(await withClient(page, profileOf), person.email);
  const refresh = () =>
    auth.refreshToken().then(
      () => "refreshed",
      (error) => error.code,
    );
  world.rule = ({ path }) => (path === "/v1/token" ? "lose" : undefined);
  assert.equal(await page.evaluate(refresh), "NETWORK");
  const done = world.seen.filter(({ path, status }) => path === "/v1/token" && status === 200);
  assert.ok(done.length > 0, "the server has done it");
  assert.equal(await generation(page), 0, "and the browser has not heard of it");
  world.rule = () => {};
  assert.equal(await page.evaluate(profileOf), person.email);
  assert.equal(await page.evaluate(refresh), "refreshed");
  assert.equal(await generation(page), 1, "the lost answers and the one that came are the same step");
  await context.close();
});

for (const [what, fate, code] of [
  ["breaks the connection", "cut", "NETWORK"],
  [
    "answers 500",
    { status: 500, headers: { "content-type": "application/json" }, body: '{"code":"INTERNAL","title":"x","status":500}' },
    "INTERNAL",
  ],
  ["answers 429", { status: 429, headers: { "retry-after": "1" }, body: "" }, "SERVER"],
  ["answers 503", { status: 503, headers: { "retry-after": "1" }, body: "busy" }, "OVERLOADED"],
  [
    "answers with a login page of a captive portal",
    { status: 200, headers: { "content-type": "text/html" }, body: "<h1>Free wifi</h1>" },
    "SERVER",
  ],
  ["answers with nothing", { status: 200, headers: { "content-type": "application/json" }, body: "" }, "SERVER"],
  ["answers with half a body", { status: 200, headers: { "content-type": "application/json" }, body: '{"access_token":"e' }, "SERVER"],
  [
    "answers with tokens of another shape",
    { status: 200, headers: { "content-type": "application/json" }, body: '{"access_token":7}' },
    "SERVER",
  ],
  [
    "answers 400 with a word that nobody knows",
    { status: 400, headers: { "content-type": "application/json" }, body: '{"error":"invalid_mood"}' },
    "SERVER",
  ],
  ["answers 401 without a word", { status: 401, headers: { "content-type": "application/json" }, body: "{}" }, "SERVER"],
  ["answers 403 of a firewall", { status: 403, headers: { "content-type": "text/html" }, body: "<h1>Forbidden</h1>" }, "SERVER"],
  ["answers 302", { status: 302, headers: { location: "https://evil.example/" }, body: "" }, "NETWORK"],
]) {
  test(`sec_F13_a network that ${what} ends no session`, async () => {
    const { context, page, person } = await begin();
    world.rule = ({ path }) => (path.startsWith("/v1/") ? fate : undefined);
    const told = await withClient(page, () =>
      auth.refreshToken().then(
        () => "refreshed",
        (error) => error.code,
      ),
    );
    assert.equal(told, code);
    assert.equal(await page.evaluate(() => auth.user.email), person.email);
    world.rule = () => {};
    // The client waits as long as the response asked for.
    const works = () =>
      page.evaluate(() =>
        auth.refreshToken().then(
          () => true,
          () => false,
        ),
      );
    await eventually("the refresh works again", works);
    assert.equal(await page.evaluate(profileOf), person.email);
    assert.deepEqual(await page.evaluate(() => events.filter((event) => /SIGNED_OUT|EXPIRED/.test(event))), []);
    await context.close();
  });
}

test("the client waits for a slow response, and a call that times out does not end the refresh of the others", async () => {
  const { context, page, person } = await begin();
  let release;
  const until = new Promise((resolve) => (release = resolve));
  world.rule = ({ path }) => (path === "/v1/token" ? { until } : undefined);
  const impatient = await withClient(page, () => {
    const call = auth.refreshToken({ timeout: 300 }).then(
      () => "refreshed",
      (error) => error.code,
    );
    window.patient = auth.refreshToken().then(
      () => "refreshed",
      (error) => error.code,
    );
    return call;
  });
  assert.equal(impatient, "TIMEOUT");
  release();
  assert.equal(await page.evaluate(() => window.patient), "refreshed");
  assert.equal(world.seen.filter(({ path, status }) => path === "/v1/token" && status === 200).length, 1);
  assert.equal(await page.evaluate(profileOf), person.email);
  await context.close();
});

test("sec_F11_after an outage of ten minutes the user is still signed in, and the server gets few requests", async () => {
  const { context, page, person } = await begin();
  await page.clock.install();
  await withClient(page, () => auth.getProfile());
  world.seen.length = 0;
  world.rule = ({ path }) => (path.startsWith("/v1/") ? "cut" : undefined);
  // The access token expires during the outage; the page calls every ten seconds, and other triggers call too.
  for (let second = 0; second < 600; second += 10) {
    await page.clock.runFor(10_000);
    await page.evaluate(() => {
      for (const name of ["online", "pageshow"]) window.dispatchEvent(new Event(name));
      document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      return Promise.race([auth.getAccessToken().catch(() => {}), new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)))]);
    });
  }
  const refreshes = world.count("/v1/token");
  assert.ok(refreshes > 0, "the page has asked");
  assert.ok(refreshes <= 60, `${refreshes} requests for tokens in ten minutes`);
  world.rule = () => {};
  await page.clock.runFor(61_000);
  assert.equal(await page.evaluate(profileOf), person.email);
  assert.deepEqual(await page.evaluate(() => events.filter((event) => /SIGNED_OUT|EXPIRED/.test(event))), []);
  await context.close();
});

test("sec_F3_many tabs with twenty calls each refresh the token once when it expires", async () => {
  const shared = await startBehindProxy();
  const context = await openContext(chromium);
  await withShift(context);
  const { page } = await begin(shared, { context });
  const tabs = [page];
  while (tabs.length < 10) {
    const tab = await context.newPage();
    await tab.goto(`${shared.url}/favicon.svg`);
    tabs.push(tab);
  }
  // These ten tabs open ten more, forty in the long run: an opened tab shares the process of its opener.
  const more = LONG_RUN ? 4 : 1;
  for (const opener of tabs.slice()) {
    for (let count = 0; count < more; count += 1) {
      const [tab] = await Promise.all([context.waitForEvent("page"), opener.evaluate(() => void window.open("/favicon.svg"))]);
      await tab.waitForURL("**/favicon.svg");
      tabs.push(tab);
    }
  }
  assert.equal(tabs.length, 10 + 10 * more);
  const hidden = { options: { autoRefresh: false } };
  for (const tab of tabs) await withClient(tab, () => auth.getSession(), hidden);
  // All tabs are open: get a fresh token for all, then reach the second in which it is too old.
  await page.evaluate(() => auth.refreshToken());
  const before = await generation(page);
  shared.seen.length = 0;
  await shared.server.advance(TOO_OLD);
  await Promise.all(tabs.map((tab) => tab.evaluate((by) => (window.shift = by), TOO_OLD)));
  const ask = async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => auth.getAccessToken()));
    return { one: new Set(tokens).size, token: tokens[0], out: events.filter((event) => /SIGNED_OUT|EXPIRED/.test(event)) };
  };
  const answers = await Promise.all(tabs.map((tab) => tab.evaluate(ask)));
  for (const { token, out } of answers) {
    assert.ok(token);
    assert.deepEqual(out, []);
  }
  assert.equal(await generation(page), before + 1);
  const requests = shared.count("/v1/token");
  assert.ok(requests > 0 && requests <= 2 * tabs.length, `${requests} requests for twenty calls of each tab`);
  await context.close();
});

test("sec_F5_in a tab that slept past the end of its token, the first call works", async () => {
  const context = await openContext(chromium);
  await withShift(context);
  const { page, person } = await begin(moved, { context });
  await withClient(page, () => auth.getProfile());
  const devtools = await context.newCDPSession(page);
  await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
  await moved.server.advance(LIFETIME + 1000);
  await page.evaluate((by) => (window.shift = by), LIFETIME + 1000);
  moved.seen.length = 0;
  await devtools.send("Page.setWebLifecycleState", { state: "active" });
  assert.equal(await page.evaluate(profileOf), person.email);
  const asked = moved.seen.filter(({ method, path }) => method === "GET" && path === "/v1/profile");
  assert.deepEqual(
    asked.map(({ status }) => status),
    [200],
    "refreshed before it was used",
  );
  await context.close();
});

const DAY = 86_400_000;

for (const [what, shift] of /** @type {[string, number][]} */ ([
  ["ten minutes slow", -600_000],
  ["ten minutes fast", 600_000],
  ["three days slow", -3 * DAY],
  ["three days fast", 3 * DAY],
])) {
  test(`sec_F10_with a clock that is ${what} everything works, with few refreshes`, async () => {
    const context = await openContext(chromium);
    await withShift(context, shift);
    const { page, person } = await begin(world, { context });
    const ten = async () => {
      const emails = [];
      for (let call = 0; call < 10; call += 1) emails.push((await auth.getProfile()).email);
      return new Set(emails).size === 1 && emails[0];
    };
    assert.equal(await withClient(page, ten), person.email);
    assert.equal(world.count("/v1/token"), 0, "a token that was just made needs no refresh");
    await page.evaluate(() => auth.refreshToken());
    assert.equal(await page.evaluate(ten), person.email);
    assert.equal(world.count("/v1/token"), 1);
    // The clock is corrected while the page is open.
    await page.evaluate(() => (window.shift = 0));
    assert.equal(await page.evaluate(ten), person.email);
    assert.ok(world.count("/v1/token") <= 3, `${world.count("/v1/token")} refreshes`);
    assert.deepEqual(await page.evaluate(() => events.filter((event) => /SIGNED_OUT|EXPIRED/.test(event))), []);
    await context.close();
  });
}

test("sec_D03_the client rejects a response in which a proxy has turned the bound session into a Bearer session", async () => {
  world.rule = ({ path }) =>
    path === "/v1/login" ? { change: (answer) => ({ ...answer, ...(answer.token_type && { token_type: "Bearer" }) }) } : undefined;
  const person = await signUp(world.server);
  const context = await openContext(chromium);
  const page = await context.newPage();
  await page.goto(`${world.url}/favicon.svg`);
  const told = await withClient(
    page,
    (credentials) =>
      auth.login(credentials).then(
        () => "in",
        (error) => error.code,
      ),
    { argument: person },
  );
  assert.equal(told, "SERVER");
  assert.equal(await page.evaluate(() => auth.getSession()), null);
  await context.close();
});

test("sec_D07_a server that always asks for another nonce gets two requests and no more", async () => {
  const { context, page } = await begin();
  const headers = { "content-type": "application/json", "dpop-nonce": "another" };
  world.rule = ({ path }) => path === "/v1/token" && { status: 400, headers, body: '{"error":"use_dpop_nonce"}' };
  await withClient(page, () => auth.refreshToken().catch(() => {}));
  assert.equal(world.count("/v1/token"), 2);
  assert.ok(await page.evaluate(() => auth.user));
  await context.close();
});
