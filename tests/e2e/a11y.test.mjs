// Accessibility of the pages: the keyboard reaches every control, and no page is wider than a phone. axe.test.mjs has
// the checks of axe.

import assert from "node:assert/strict";
import { openDemo } from "./demo.mjs";
import { DESKTOP, openAccount, OURS, PAGES, PHONE } from "./pages.mjs";
import { openContext, settled, sharedDemo, signUp, test, told } from "./world.mjs";

const { server, url, chromium, signInByPassword } = await openDemo(sharedDemo());

test("no page is wider than a phone", async () => {
  await server.emptyMailbox();
  const context = await openContext(chromium, { viewport: PHONE });
  const page = await context.newPage();
  await signInByPassword(page, await signUp(server));
  for (const path of OURS) {
    await settled(page, url + path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= PHONE.width, `${path}: ${width} px`);
  }
  await openAccount(page, url);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= PHONE.width, `all of the account: ${width} px`);
  await context.close();
});

test("a user can sign in with the keyboard alone, and the focus is visible", async () => {
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

test("every control has a name, and fields tell the browser their purpose", async () => {
  const context = await openContext(chromium);
  const page = await context.newPage();
  const purposes = {
    email: /^(username|email)$/,
    password: /^(new|current)-password$/,
    new_password: "new-password",
    code: "one-time-code",
  };
  for (const path of PAGES) {
    await settled(page, url + path);
    const controls = await page.$$eval("main :is(input:not([type=hidden]), select, textarea)", (all) =>
      all.map((control) => ({ name: control.name, label: control.labels[0]?.textContent, autocomplete: control.autocomplete })),
    );
    for (const { name, label, autocomplete } of controls) {
      assert.ok(label, `${name} on ${path}`);
      if (purposes[name]) assert.match(autocomplete, new RegExp(purposes[name]), `${name} on ${path}`);
    }
  }
  await context.close();
});

test("an error or a pending call moves nothing on the page", async () => {
  const context = await openContext(chromium, { viewport: DESKTOP });
  const page = await context.newPage();
  await page.goto(`${url}/login`);
  const place = () => page.$eval("#login > button", (button) => button.getBoundingClientRect().top);
  const before = await place();
  await page.click("#login > button");
  await told(page, "#login", "");
  assert.ok(Math.abs((await place()) - before) < 1);
  await page.fill("#email", "a@example.com");
  await page.fill("#password", "wrong password");
  await page.click("#login > button");
  await told(page, "#login", "Incorrect");
  assert.ok(Math.abs((await place()) - before) < 1);
  await context.close();
});
