// The profile page, `getProfile`, `getSession`, and a lasting session.

import assert from "node:assert/strict";
import { openPage, sharedServer, signUp, startServer, test } from "./world.mjs";

const server = await sharedServer();
const page = await openPage();
const { url } = server;

async function signedIn() {
  const person = await signUp(server);
  await page.fresh(url);
  await page.signIn(person);
  return person;
}

test("seed_K37_the page shows the profile and the session", async () => {
  const { email } = await signedIn();
  await page.open(`${url}/profile`);
  await page.sees("#who", email);
  for (const [name, value] of Object.entries({ email, email_verified: "false", roles: "user", disabled: "false" })) {
    assert.equal(await page.fact(name), value, name);
  }
  assert.equal(await page.fact("token_type"), "DPoP");
  assert.equal(await page.fact("persistence"), "local");
  await page.sees("#events", "INITIAL_SESSION");
});

test("the page leads a signed-out visitor to the sign-in", async () => {
  await page.fresh(url);
  await page.open(`${url}/profile`);
  await page.sees("#out h1", "You are signed out");
  assert.equal(await page.tab.isVisible("#in"), false);
  const { value } = await page.run("return [await auth.getProfile(), await auth.getSession(), auth.user]");
  assert.deepEqual(value, [null, null, null]);
});

test("a reload of the page keeps the session", async () => {
  const { email } = await signedIn();
  await page.open(`${url}/profile`);
  for (let times = 0; times < 3; times += 1) {
    await page.reload();
    await page.sees("#who", email);
    await page.sees(".session", email);
  }
});

test("seed_K37_the reload button fetches the profile from the server", async () => {
  const { email, password } = await signedIn();
  await page.open(`${url}/profile`);
  await page.sees("#who", email);
  assert.equal(await page.text("#verified"), "not confirmed");
  const { code } = await server.mail(email);
  assert.equal((await server.post("/v1/email/verify", { email, code, password })).status, 200);
  await page.click("#reload button");
  await page.sees("#said", "Reloaded at");
  await page.sees("#verified", /^confirmed$/);
});

test("seed_K37_refreshToken resolves with a new access token", async () => {
  await signedIn();
  await page.open(`${url}/profile`);
  await page.click("#refresh button");
  await page.sees("#said", "Refreshed at");
  await page.sees("#events", "TOKEN_REFRESHED");
  const { value } = await page.run(
    `const before = (await auth.getSession()).access_token;
     const user = await auth.getProfile({ refreshToken: true });
     return { before, after: (await auth.getSession()).access_token, user };`,
  );
  assert.notEqual(value.before, value.after);
  assert.ok(value.user.user_id);
});

test("seed_K44_the profile has the documented members", async () => {
  await signedIn();
  const { value } = await page.run("return auth.getProfile()");
  for (const [name, type] of Object.entries({
    user_id: "string",
    email: "string",
    email_verified: "boolean",
    phone_number_verified: "boolean",
    email_subscription: "boolean",
    disabled: "boolean",
    logins_count: "number",
    last_login: "string",
    created_at: "string",
    updated_at: "string",
    email_public: "boolean",
    phone_number_public: "boolean",
    address_public: "boolean",
    gender_public: "boolean",
    birthdate_public: "boolean",
  })) {
    assert.equal(typeof value[name], type, name);
  }
  assert.ok(Array.isArray(value.roles));
});

test("getSession does not contain the refresh token", async () => {
  await signedIn();
  const { value } = await page.run("return { session: await auth.getSession(), user: auth.user, kept: auth.persistence }");
  assert.equal(value.session.token_type, "DPoP");
  assert.ok(value.session.expires_at * 1000 > Date.now());
  assert.deepEqual(value.user, value.session.user);
  assert.equal(value.kept, "local");
});

test("a restart of the server keeps users signed in", async () => {
  const own = await startServer({ restarts: true });
  const person = await signUp(own);
  const { email } = person;
  await page.fresh(own.url);
  await page.signIn(person);
  await own.down();
  await page.open("about:blank");
  await own.up();
  await page.open(`${own.url}/profile`);
  await page.sees("#who", email);
  await page.click("#reload button");
  await page.sees("#said", "Reloaded");
});
