// The sign-in page, and `login`.

import assert from "node:assert/strict";
import { openPage, sharedServer, signUp, somebody, test } from "./world.mjs";

const server = await sharedServer();
const page = await openPage();
const { url } = server;

async function signIn({ email, password }) {
  await page.open(`${url}/login`);
  await page.fill({ email, password });
  await page.click("#login > button");
}

test("seed_K32_the form signs in and follows its action", async () => {
  const person = await signUp(server);
  await page.fresh(url);
  await signIn(person);
  await page.at("/profile");
  await page.sees(".session", person.email);
  assert.equal(await page.fact("email"), person.email);
  assert.equal(await page.fact("logins_count"), "1");
});

test("seed_K32_an object signs in and resolves with the profile", async () => {
  const { email, password } = await signUp(server);
  await page.fresh(url);
  const { value } = await page.run("return auth.login(args[0])", { email: ` ${email.toUpperCase()} `, password });
  assert.equal(value.email, email);
  assert.match(value.user_id, /^[0-9a-f-]{36}$/);
  const session = await page.run("return auth.getSession()");
  assert.equal(session.value.user.email, email);
});

test("seed_K35_a wrong password and an unknown account get the same message", async () => {
  const { email } = await signUp(server);
  await page.fresh(url);
  for (const person of [{ email, password: "wrong password" }, somebody()]) {
    await signIn(person);
    await page.told("#login", "Incorrect username or password.");
    await page.at("/login");
    const { error } = await page.run("return auth.login(args[0])", person);
    assert.deepEqual([error.code, error.status, error.field], ["INCORRECT_USERNAME_OR_PASSWORD", 401, undefined]);
  }
  assert.equal(await page.text(".session"), "Signed out");
});

test("seed_K33_before the confirmation, only a login with the right password is told to confirm", async () => {
  const person = await signUp(server, somebody(), { signup_confirmation: true });
  await page.fresh(url);
  await signIn({ ...person, password: "wrong password" });
  await page.told("#login", "Incorrect username or password.");
  await signIn(person);
  await page.told("#login", "User's signup confirmation is required.");
  assert.equal(await page.text(".session"), "Signed out");
});

test("seed_K30_the page offers to send the confirmation mail again", async () => {
  const person = await signUp(server, somebody(), { signup_confirmation: true });
  const first = await server.mail(person.email);
  await page.fresh(url);
  await signIn(person);
  await page.visible("#resend");
  await page.click("#resend button");
  await page.sees("#resend output", "The mail is on its way.");
  const second = await server.mail(person.email, 2);
  assert.notEqual(second.link, first.link);
});

test("seed_K31_without a previous login, resendSignupConfirmation has no address", async () => {
  await page.fresh(url);
  const { error } = await page.run("return auth.resendSignupConfirmation()");
  assert.equal(error.code, "INVALID_REQUEST");
  assert.equal(error.message, "Least one login attempt is required.");
});

test("seed_K30_after a login attempt the mail is sent again, with the message of the seed", async () => {
  const person = await signUp(server, somebody(), { signup_confirmation: true });
  await page.fresh(url);
  const { value } = await page.run(
    `const error = await auth.login(args[0]).catch((error) => error);
     if (error.code !== "SIGNUP_CONFIRMATION_NEEDED") throw error;
     return auth.resendSignupConfirmation();`,
    person,
  );
  assert.equal(value, "SUCCESS: Signup confirmation E-Mail has been sent.");
});

test("the page keeps the address between its forms", async () => {
  const { email } = somebody();
  await page.fresh(url);
  await page.open(`${url}/login`);
  await page.fill({ email, password: "does not matter" });
  await page.click("#login > button");
  await page.told("#login", "Incorrect");
  await page.click("main a[href='/forgot']");
  await page.at("/forgot");
  assert.equal(await page.tab.inputValue("[name=email]"), email);
});

test("a password can be shown, and submitting hides it again", async () => {
  await page.fresh(url);
  await page.open(`${url}/login`);
  await page.fill({ email: somebody().email, password: "look at me" });
  await page.click(".reveal");
  assert.equal(await page.tab.getAttribute("#password", "type"), "text");
  await page.click("#login > button");
  await page.told("#login", "Incorrect");
  assert.equal(await page.tab.getAttribute("#password", "type"), "password");
});
