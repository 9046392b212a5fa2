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

test("seed_K38_the form signs out and follows its action", async () => {
  await signedIn();
  await page.open(`${url}/profile`);
  await page.visible("#logout button");
  await page.click("#logout button");
  await page.at("/");
  await page.sees("#out h2", "You are signed out");
  assert.equal(await page.text(".session"), "Signed out");
});

test("the start page has a form that signs out, too", async () => {
  const { email } = await signedIn();
  await page.open(url);
  await page.sees("#who", email);
  // The form's action is the same page.
  await Promise.all([page.tab.waitForEvent("load"), page.click("#logout button")]);
  await page.sees("#out h2", "You are signed out");
});

test("seed_K38_logout without an argument resolves with the message of the seed", async () => {
  await signedIn();
  const { value } = await page.run("return [await auth.logout(), await auth.getSession(), auth.user]");
  assert.deepEqual(value, ["SUCCESS: The user has been logged out.", null, null]);
});

test("seed_K38_signing out twice is not an error", async () => {
  await page.fresh(url);
  const { value } = await page.run("return auth.logout()");
  assert.equal(value, "SUCCESS: The user has been logged out.");
});

test("sec_B01_no data of the session stays in the browser", async () => {
  await signedIn();
  const { value: token } = await page.run("const { access_token } = await auth.getSession(); await auth.logout(); return access_token");
  assert.ok(token);
  const left = await page.tab.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.ok(!left.includes(token));
  assert.ok(!/refresh/.test(left), left);
});

test("sec_T12_signing out ends the session on the server, too", async () => {
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
