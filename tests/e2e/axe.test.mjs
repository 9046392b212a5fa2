// axe on all pages in their states: all its rules in light mode, and the colour rules in dark mode.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { openDemo } from "./demo.mjs";
import { DESKTOP, openAccount, OURS } from "./pages.mjs";
import { openContext, settled, sharedDemo, signUp, test, told } from "./world.mjs";

const { server, url, chromium, signInByPassword } = await openDemo(sharedDemo());
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SOURCE = "#source";
const COLOURS = ["color-contrast", "link-in-text-block"];

/**
 * Fails if axe finds a fault on the page, or in a part of it, in its present state. The source beside a page has
 * thousands of words that look alike on each page, so only its own test checks it; the other tests remove it.
 */
async function look(page, what, { where = "html" } = {}) {
  if (where !== SOURCE) await page.$$eval(`${SOURCE} figure`, (figures) => figures.forEach((figure) => figure.remove()));
  // Evaluated instead of added as a script, which the pages' policy would block.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe);
  for (const [colorScheme, rules] of /** @type {["dark" | "light", object][]} */ ([
    ["dark", { runOnly: COLOURS }],
    ["light", {}],
  ])) {
    await page.emulateMedia({ colorScheme });
    const options = { ...rules, preload: false, resultTypes: ["violations"] };
    const { violations } = await page.evaluate(([where, options]) => window.axe.run(where, options), [where, options]);
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    assert.deepEqual(found, [], `${what}, ${colorScheme}`);
  }
}

/** A page whose colours change without a transition. */
async function open() {
  await server.emptyMailbox();
  const context = await openContext(chromium, { colorScheme: "light", reducedMotion: "reduce", viewport: DESKTOP });
  return context.newPage();
}

test("axe finds no fault on any page", async () => {
  const page = await open();
  for (const path of OURS) {
    await settled(page, url + path);
    await look(page, path);
  }
  await page.context().close();
});

test("axe finds no fault in the source beside a page", async () => {
  const page = await open();
  await settled(page, `${url}/signup`);
  await look(page, "the source", { where: SOURCE });
  await page.context().close();
});

test("axe finds no fault in any sign-in method of a form, nor in an error", async () => {
  const page = await open();
  for (const path of ["/signup", "/login", "/forgot", "/reset"]) {
    await page.goto(url + path);
    await page.waitForSelector("[name=by][value=phone]");
    for (const way of await page.$$("[name=by]")) {
      await way.check();
      // The test above has checked the rest of the page.
      await look(page, `${path} by ${await way.getAttribute("value")}`, { where: "main" });
    }
  }
  await page.goto(`${url}/signup`);
  await page.click("summary");
  await page.fill("#email", "a@example.com");
  await page.fill("#password", "short");
  await page.click("#signup > button");
  await told(page, "#signup", "A password needs");
  await look(page, "an error on the page", { where: "main" });
  await page.context().close();
});

test("axe finds no fault on the pages of a signed-in user", async () => {
  const page = await open();
  await signInByPassword(page, await signUp(server));
  for (const path of ["/", "/profile", "/sessions", "/person?id=nobody", "/dev/mailbox"]) {
    await settled(page, url + path);
    await look(page, `${path}, signed in`);
  }
  await openAccount(page, url);
  await look(page, "all of the account");
  await page.goto(`${url}${await page.getAttribute("#public", "href")}`);
  await page.waitForSelector("#seen dd");
  await look(page, "a person");
  await openAccount(page, url);
  await page.$eval("#again", (dialog) => dialog.showModal());
  await look(page, "the dialog");
  await page.context().close();
});

test("axe finds no fault on the pages before and after a provider", async () => {
  const page = await open();
  await page.goto(`${url}/login`);
  await page.click("#providers button");
  await page.waitForSelector("#verified");
  await look(page, "the provider's sign-in");
  await page.click("[value='2']");
  await page.waitForSelector("[name=allow]");
  await look(page, "the provider's consent");
  await page.click("[name=allow]");
  await page.waitForSelector("#rest > button", { state: "visible" });
  await look(page, "the rest of a registration");
  await page.context().close();
});
