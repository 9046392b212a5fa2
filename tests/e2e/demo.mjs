// The demo site with a provider, and the steps of a user who signs in with it.

import assert from "node:assert/strict";
import { consent, openChromium, openContext, signUp, someone } from "./world.mjs";

export const WITH_DEMO = "#providers [value=demo]";

/** The signed-in user, as the browser stores it. */
export const user = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("doorward.session")).user);

/** A demo, `startDemo()` or `sharedDemo()`, and a browser. */
export async function openDemo(demo) {
  const { provider, server } = await demo;
  const { url } = server;
  const chromium = await openChromium();

  async function visitor(path, at = url) {
    const context = await openContext(chromium);
    const page = await context.newPage();
    await page.goto(at + path);
    return page;
  }

  /** Goes from the sign-in page to the provider and back. */
  async function signIn(page, person, choice) {
    await page.goto(`${url}/login`);
    await page.click(WITH_DEMO);
    await consent(page, person, choice);
    // Chromium changes the process for another site; a command to the page before the change, such as a route, is lost.
    await page.waitForURL(({ origin }) => origin === url);
  }

  /** Registers a user by the provider. */
  async function register(page, person = someone()) {
    await signIn(page, person);
    await page.click("#rest > button");
    await page.waitForURL("**/profile");
    return person;
  }

  async function signOut(page) {
    await page.goto(`${url}/account`);
    await page.click("#logout button");
    await page.waitForURL(`${url}/`);
  }

  async function signInByPassword(page, { email, password }, at = url) {
    await page.goto(`${at}/login`);
    await page.fill("#email", email);
    await page.fill("#password", password);
    await page.click("#login > button");
    await page.waitForURL("**/profile");
  }

  /** A user with a password and a verified address. */
  async function confirmed(at = server) {
    const person = await signUp(at);
    const { code } = await at.mail(person.email);
    const answer = await at.post("/v1/email/verify", { ...person, code });
    assert.equal(answer.status, 200, await answer.text());
    return person;
  }

  async function openIdentities(page, at = url) {
    await page.goto(`${at}/account`);
    await page.click("#identities summary");
  }

  return { provider, server, url, chromium, visitor, signIn, register, signOut, signInByPassword, confirmed, openIdentities };
}
