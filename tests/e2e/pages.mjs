// The pages that a person can see, and ways into their states.

import { openChromium, openProvider, settingsOf, settled, signUp, startServer } from "./world.mjs";

/** The demo's pages that are there without a sign-in. */
export const PAGES = ["/", "/signup", "/login#confirmed", "/profile", "/account", "/callback", "/person?id=nobody", "/sessions", "/forgot", `/verify#token=${"x".repeat(43)}`, "/reset#sent", "/verify#sent"];
/** These and the server's own. */
export const OURS = [...PAGES, "/dev/mailbox", "/account/verify", "/account/reset"];
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 900 };

/** A server with a provider, a browser, and ways to its pages. */
export async function openPages() {
  const provider = await openProvider();
  const server = await startServer({ settings: settingsOf(provider) });
  const { url } = server;
  const chromium = await openChromium();

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

  return { server, url, chromium, signIn, openAccount };
}
