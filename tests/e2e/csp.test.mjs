// The pages obey their own policy: no violation, no error in the console, no request to another origin.

import assert from "node:assert/strict";
import { openChromium, openContext, settled, sharedDemo, signUp, test } from "./world.mjs";

const { server } = await sharedDemo();
const { url } = server;
const chromium = await openChromium();
const PAGES = [
  "/",
  "/signup",
  "/login",
  "/profile",
  "/account",
  "/callback",
  "/person",
  "/sessions",
  "/forgot",
  `/verify#token=${"x".repeat(43)}`,
  "/reset",
  "/verify",
  "/dev/mailbox",
];

test("sec_B04_no page violates its policy or logs an error", async () => {
  await server.emptyMailbox();
  const context = await openContext(chromium);
  const elsewhere = [];
  context.on("request", (request) => request.url().startsWith(url) || elsewhere.push(request.url()));
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error("policy", event.violatedDirective, event.blockedURI));
  });
  const page = await context.newPage();
  const { email, password } = await signUp(server);
  for (const round of ["signed out", "signed in"]) {
    for (const path of PAGES) {
      await settled(page, url + path);
      // The browser also logs the 401 of each first proof, which has no nonce yet.
      assert.deepEqual(
        context.complaints.filter((text) => !/status of 401/.test(text)),
        [],
        `${path}, ${round}`,
      );
    }
    await page.goto(`${url}/login`);
    await page.fill("#email", email);
    await page.fill("#password", password);
    await page.click("#login > button");
    await page.waitForURL("**/profile");
  }
  assert.deepEqual(elsewhere, []);
  await context.close();
});

test("sec_W04_every page has the security headers", async () => {
  for (const path of [
    "/",
    "/signup",
    "/account",
    "/callback",
    "/person",
    "/pkg/index.js",
    "/account/verify",
    "/account/reset",
    "/dev/mailbox",
  ]) {
    const { headers, status } = await fetch(url + path);
    assert.equal(status, 200, path);
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src '(self|none)'/, path);
    assert.match(policy, /frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /unsafe-inline|'unsafe-eval'/, path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("referrer-policy"), "no-referrer", path);
  }
});

test("each page shows its own source", async () => {
  const context = await openContext(chromium, { permissions: ["clipboard-read", "clipboard-write"] });
  const page = await context.newPage();
  for (const name of ["signup", "login", "profile", "account", "callback", "person", "sessions", "forgot", "reset", "verify"]) {
    await page.goto(`${url}/${name}`);
    await page.waitForSelector("figure:nth-of-type(2) code");
    const [js, html] = await page.$$eval("figure code", (all) => all.map((code) => code.textContent));
    assert.equal(js, (await (await fetch(`${url}/${name}.js`)).text()).trim());
    assert.match(html, /^<(form|section)/);
  }
  await page.click("figcaption button");
  await page.waitForFunction(() => document.querySelector("figcaption button").textContent === "Copied");
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^import \{ AuthClient \}/);
  await context.close();
});
