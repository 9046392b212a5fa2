// The pages that a user can see.

import { settled } from "./world.mjs";

/** The demo's pages that need no sign-in. */
export const PAGES = [
  "/",
  "/signup",
  "/login#confirmed",
  "/profile",
  "/account",
  "/callback",
  "/person?id=nobody",
  "/sessions",
  "/forgot",
  `/verify#token=${"x".repeat(43)}`,
  "/reset#sent",
  "/verify#sent",
];
/** The demo's pages and the server's own pages. */
export const OURS = [...PAGES, "/dev/mailbox", "/account/verify", "/account/reset"];
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 900 };

/** The account page with every part open and filled in. */
export async function openAccount(page, url) {
  await settled(page, `${url}/account`);
  await page.$$eval("main details", (all) => all.forEach((details) => (details.open = true)));
  await page.fill("#value", "dark");
  await page.click("#data form > button");
  await page.waitForSelector("#items li");
  await page.$$eval("main fieldset", (all) => all.forEach((fieldset) => (fieldset.disabled = false)));
}
