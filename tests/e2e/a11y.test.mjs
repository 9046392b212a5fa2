// The pages are for everybody: axe finds nothing, the keyboard reaches everything, nothing is wider than a phone.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import test from "node:test";
import { openChromium, openContext, openProvider, settingsOf, settled, signUp, startServer } from "./world.mjs";

const provider = await openProvider();
const server = await startServer({ settings: settingsOf(provider) });
const { url } = server;
const chromium = await openChromium();
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PAGES = ["/", "/signup", "/login#confirmed", "/profile", "/account", "/callback", "/person?id=nobody", "/sessions", "/forgot", `/verify#token=${"x".repeat(43)}`, "/reset#sent", "/verify#sent"];
const OURS = [...PAGES, "/dev/mailbox", "/account/verify", "/account/reset"];
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };

async function violations(page, rules) {
  // Evaluated, not added as a script: the pages' policy would refuse that.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((only) => axe.run(only ? { runOnly: only } : {}), rules);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

async function signIn(page) {
  const { email, password } = await signUp(server);
  await page.goto(`${url}/login`);
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#login > button");
  await page.waitForURL("**/profile");
}

/** The account page with every part of it open, and something in each. */
async function openAccount(page) {
  await settled(page, `${url}/account`);
  await page.$$eval("main details", (all) => all.forEach((details) => (details.open = true)));
  await page.fill("#value", "dark");
  await page.click("#data form > button");
  await page.waitForSelector("#items li");
  await page.$$eval("main fieldset", (all) => all.forEach((fieldset) => (fieldset.disabled = false)));
}

/** Each way of the page's form in turn. */
async function everyWay(page, look) {
  for (const way of await page.$$("[name=by]")) {
    await way.check();
    await look(await way.getAttribute("value"));
  }
}

// In the dark only the colours are others.
for (const [colorScheme, rules] of [["light", null], ["dark", ["color-contrast", "link-in-text-block"]]]) {
  test(`axe finds nothing on any page in ${colorScheme} colours`, async () => {
    const context = await openContext(chromium, { colorScheme, viewport: DESKTOP });
    const page = await context.newPage();
    for (const path of OURS) {
      await settled(page, url + path);
      assert.deepEqual(await violations(page, rules), [], path);
    }
    for (const path of ["/signup", "/login", "/forgot", "/reset"]) {
      await settled(page, url + path);
      await page.waitForSelector("[name=by][value=phone]");
      await everyWay(page, async (way) => assert.deepEqual(await violations(page, rules), [], `${path} by ${way}`));
    }
    await page.goto(`${url}/signup`);
    await page.click("summary");
    await page.fill("#email", "a@example.com");
    await page.fill("#password", "short");
    await page.click("#signup > button");
    await page.waitForSelector("#password-error");
    assert.deepEqual(await violations(page, rules), [], "an error on the page");
    await signIn(page);
    for (const path of ["/", "/profile", "/sessions", "/person?id=nobody", "/dev/mailbox"]) {
      await settled(page, url + path);
      assert.deepEqual(await violations(page, rules), [], `${path}, signed in`);
    }
    await openAccount(page);
    assert.deepEqual(await violations(page, rules), [], "all of the account");
    await page.goto(`${url}${await page.getAttribute("#public", "href")}`);
    await page.waitForSelector("#seen dd");
    assert.deepEqual(await violations(page, rules), [], "a person");
    await openAccount(page);
    await page.$eval("#again", (dialog) => dialog.showModal());
    assert.deepEqual(await violations(page, rules), [], "the dialog");
    await page.goto(`${url}/login`);
    await page.click("#providers button");
    await page.waitForSelector("#verified");
    assert.deepEqual(await violations(page, rules), [], "the provider's sign-in");
    await page.click("[value='2']");
    await page.waitForSelector("[name=allow]");
    assert.deepEqual(await violations(page, rules), [], "the provider's consent");
    await page.click("[name=allow]");
    await page.waitForSelector("#rest > button", { state: "visible" });
    assert.deepEqual(await violations(page, rules), [], "the rest of a registration");
    await context.close();
  });
}

test("no page is wider than a phone", async () => {
  const context = await openContext(chromium, { viewport: PHONE });
  const page = await context.newPage();
  await signIn(page);
  for (const path of OURS) {
    await settled(page, url + path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= PHONE.width, `${path}: ${width} px`);
  }
  await openAccount(page);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= PHONE.width, `all of the account: ${width} px`);
  await context.close();
});

test("the keyboard alone signs a person in, and the focus can be seen", async () => {
  const { email, password } = await signUp(server);
  const context = await openContext(chromium, { viewport: DESKTOP });
  const page = await context.newPage();
  await page.goto(`${url}/login`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  const tabTo = async (id) => {
    for (let steps = 0; steps < 20; steps += 1) {
      if ((await page.evaluate(() => document.activeElement.id)) === id) return;
      await page.keyboard.press("Tab");
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, "none", await page.evaluate(() => document.activeElement.outerHTML));
    }
    assert.fail(`Tab does not reach ${id}`);
  };
  await tabTo("email");
  await page.keyboard.type(email);
  await tabTo("password");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/profile");
  await context.close();
});

test("every control has a name, and fields tell the browser what they are for", async () => {
  const context = await openContext(chromium);
  const page = await context.newPage();
  const purposes = { email: /^(username|email)$/, password: /^(new|current)-password$/, new_password: "new-password", code: "one-time-code" };
  for (const path of PAGES) {
    await settled(page, url + path);
    const controls = await page.$$eval("main :is(input:not([type=hidden]), select, textarea)", (all) =>
      all.map((control) => ({ name: control.name, label: control.labels[0]?.textContent, autocomplete: control.autocomplete })));
    for (const { name, label, autocomplete } of controls) {
      assert.ok(label, `${name} on ${path}`);
      if (purposes[name]) assert.match(autocomplete, new RegExp(purposes[name]), `${name} on ${path}`);
    }
  }
  await context.close();
});

test("an error and the state of a call move nothing on the page", async () => {
  const context = await openContext(chromium, { viewport: DESKTOP });
  const page = await context.newPage();
  await page.goto(`${url}/login`);
  const place = () => page.$eval("#login > button", (button) => button.getBoundingClientRect().top);
  const before = await place();
  await page.click("#login > button");
  await page.waitForSelector("#password-error");
  assert.ok(Math.abs((await place()) - before) < 1);
  await page.fill("#email", "a@example.com");
  await page.fill("#password", "wrong password");
  await page.click("#login > button");
  await page.waitForFunction(() => document.querySelector("output").value !== "");
  assert.ok(Math.abs((await place()) - before) < 1);
  await context.close();
});
