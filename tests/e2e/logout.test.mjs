// Signing out: by the form, by a call, without a network.

import assert from "node:assert/strict";
import { openPage, sharedServer, signUp, test } from "./world.mjs";

const server = await sharedServer();
const page = await openPage();
const { url } = server;

async function signedIn() {
  const person = await signUp(server);
  await page.fresh(url);
  await page.signIn(person);
  return person;
}

test("seed_K38_the_form_signs_out_and_follows_its_action", async () => {
  await signedIn();
  await page.open(`${url}/profile`);
  await page.visible("#logout button");
  await page.click("#logout button");
  await page.at("/");
  await page.sees("#out h2", "You are signed out");
  assert.equal(await page.text(".session"), "Signed out");
});

test("the start page signs out too", async () => {
  const { email } = await signedIn();
  await page.open(url);
  await page.sees("#who", email);
  // The form goes on to its action, which is the same page.
  await Promise.all([page.tab.waitForEvent("load"), page.click("#logout button")]);
  await page.sees("#out h2", "You are signed out");
});

test("seed_K38_without_an_argument_it_resolves_with_the_seeds_words", async () => {
  await signedIn();
  const { value } = await page.run("return [await auth.logout(), await auth.getSession(), auth.user]");
  assert.deepEqual(value, ["SUCCESS: The user has been logged out.", null, null]);
});

test("seed_K38_signing_out_twice_is_no_error", async () => {
  await page.fresh(url);
  const { value } = await page.run("return auth.logout()");
  assert.equal(value, "SUCCESS: The user has been logged out.");
});

test("sec_B01_nothing_of_the_session_stays_in_the_browser", async () => {
  await signedIn();
  const { value: token } = await page.run("const { access_token } = await auth.getSession(); await auth.logout(); return access_token");
  assert.ok(token);
  const left = await page.tab.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!left.includes(token));
  assert.ok(!/refresh/.test(left), left);
});

test("sec_the_session_is_over_on_the_server_too", async () => {
  await signedIn();
  const { value } = await page.run(
    `const kept = { ...localStorage };
     const { access_token } = await auth.getSession();
     await auth.logout();
     return { kept, access_token };`,
  );
  const refresh = Object.values(value.kept)
    .join(" ")
    .match(/"refresh_token":"([^"]+)"/)?.[1];
  assert.ok(refresh, "a Bearer session keeps its refresh token");
  const answer = await fetch(`${url}/v1/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: refresh, client_id: "doorward" }),
  });
  assert.equal(answer.status, 400);
  assert.equal((await answer.json()).error, "invalid_grant");
});
