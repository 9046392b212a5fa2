// axe over all pages in their states. Each colour scheme is a test file: together they would take one longer than a file may.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { openDemo } from "./demo.mjs";
import { DESKTOP, openAccount, OURS } from "./pages.mjs";
import { openContext, settled, signUp } from "./world.mjs";

const { server, url, chromium, signInByPassword } = await openDemo();
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function violations(page, rules) {
  // Evaluated, not added as a script: the pages' policy would refuse that.
  await page.evaluate(axe);
  const { violations } = await page.evaluate((only) => axe.run(only ? { runOnly: only } : {}), rules);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/** Each way of the page's form in turn. */
async function everyWay(page, look) {
  for (const way of await page.$$("[name=by]")) {
    await way.check();
    await look(await way.getAttribute("value"));
  }
}

/** Fails with what axe finds. All its rules are asked unless `rules` names some. */
export async function axeFindsNothing(colorScheme, rules) {
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
  await signInByPassword(page, await signUp(server));
  for (const path of ["/", "/profile", "/sessions", "/person?id=nobody", "/dev/mailbox"]) {
    await settled(page, url + path);
    assert.deepEqual(await violations(page, rules), [], `${path}, signed in`);
  }
  await openAccount(page, url);
  assert.deepEqual(await violations(page, rules), [], "all of the account");
  await page.goto(`${url}${await page.getAttribute("#public", "href")}`);
  await page.waitForSelector("#seen dd");
  assert.deepEqual(await violations(page, rules), [], "a person");
  await openAccount(page, url);
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
}
