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

test("seed_K32_the_form_signs_in_and_follows_its_action", async () => {
  const person = await signUp(server);
  await page.fresh(url);
  await signIn(person);
  await page.at("/profile");
  await page.sees(".session", person.email);
  assert.equal(await page.fact("email"), person.email);
  assert.equal(await page.fact("logins_count"), "1");
});

test("seed_K32_an_object_signs_in_and_gives_the_profile", async () => {
  const { email, password } = await signUp(server);
  await page.fresh(url);
  const { value } = await page.run("return auth.login(args[0])", { email: ` ${email.toUpperCase()} `, password });
  assert.equal(value.email, email);
  assert.match(value.user_id, /^[0-9a-f-]{36}$/);
  const session = await page.run("return auth.getSession()");
  assert.equal(session.value.user.email, email);
});

test("seed_K35_a_wrong_password_and_an_unknown_account_get_the_same_words", async () => {
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

test("seed_K33_before_the_confirmation_only_the_right_password_learns_that_it_is_needed", async () => {
  const person = await signUp(server, somebody(), { signup_confirmation: true });
  await page.fresh(url);
  await signIn({ ...person, password: "wrong password" });
  await page.told("#login", "Incorrect username or password.");
  await signIn(person);
  await page.told("#login", "User's signup confirmation is required.");
  assert.equal(await page.text(".session"), "Signed out");
});

test("seed_K30_the_page_offers_the_confirmation_mail_again", async () => {
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

test("seed_K31_without_a_login_before_there_is_nobody_to_send_the_mail_to", async () => {
  await page.fresh(url);
  const { error } = await page.run("return auth.resendSignupConfirmation()");
  assert.equal(error.code, "INVALID_REQUEST");
  assert.equal(error.message, "Least one login attempt is required.");
});

test("seed_K30_after_a_login_attempt_the_mail_is_sent_again_with_the_seeds_words", async () => {
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

test("the page remembers the address between its forms", async () => {
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

test("a password can be shown and is hidden again by submitting", async () => {
  await page.fresh(url);
  await page.open(`${url}/login`);
  await page.fill({ email: somebody().email, password: "look at me" });
  await page.click(".reveal");
  assert.equal(await page.tab.getAttribute("#password", "type"), "text");
  await page.click("#login > button");
  await page.told("#login", "Incorrect");
  assert.equal(await page.tab.getAttribute("#password", "type"), "password");
});
