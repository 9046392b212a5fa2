// The confirmation page: the mailed link, the mailed code, and sending the mail again.

import assert from "node:assert/strict";
import { openPage, sharedServer, signUp, somebody, test } from "./world.mjs";

const server = await sharedServer();
const page = await openPage();
const { url } = server;

const unconfirmed = () => signUp(server, somebody(), { signup_confirmation: true });
const login = (person) => server.post("/v1/login", person);

test("the mailed link confirms with one click, and the sign-in page says so", async () => {
  const person = await unconfirmed();
  const { link } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(link);
  await page.visible("#by-link button");
  await page.click("#by-link button");
  await page.at("/login#confirmed");
  await page.sees("#confirmed", "Your address is confirmed.");
  await page.fill(person);
  await page.click("#login > button");
  await page.at("/profile");
  await page.sees("#verified", /^confirmed$/);
});

// A person read "we have sent you a mail", and pasted its link into the same tab: only the fragment changed, and
// the page kept asking for the code.
test("the mailed link works in the tab that waits for it", async () => {
  const person = await unconfirmed();
  const { link } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(`${url}/verify#sent`);
  await page.visible("#by-code");
  await page.open(link);
  await page.visible("#by-link button");
  await page.click("#by-link button");
  await page.at("/login#confirmed");
});

test("opening the link does not use it: mail scanners open links", async () => {
  const person = await unconfirmed();
  const { link } = await server.mail(person.email);
  for (let times = 0; times < 3; times += 1) assert.equal((await fetch(link)).status, 200);
  await page.fresh(url);
  for (let times = 0; times < 2; times += 1) {
    await page.open(link);
    await page.visible("#by-link button");
    await page.open("about:blank");
  }
  assert.equal((await login(person)).status, 403);
  await page.open(link);
  await page.visible("#by-link button");
  await page.click("#by-link button");
  await page.at("/login#confirmed");
});

test("the mailed code confirms", async () => {
  const person = await unconfirmed();
  const { code } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(`${url}/verify`);
  await page.fill({ email: person.email, code });
  await page.click("#by-code > button");
  await page.at("/login#confirmed");
  assert.equal((await login(person)).status, 200);
});

test("a wrong code is said at its field and costs only a try", async () => {
  const person = await unconfirmed();
  const { code } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(`${url}/verify`);
  await page.fill({ email: person.email, code: code === "000000" ? "000001" : "000000" });
  await page.click("#by-code > button");
  await page.sees("#by-code", "The code is not valid.");
  await page.fill({ code });
  await page.click("#by-code > button");
  await page.at("/login#confirmed");
});

test("a link works once; afterwards the page says so and offers the code", async () => {
  const person = await unconfirmed();
  const { link } = await server.mail(person.email);
  const token = new URL(link).hash.replace("#token=", "");
  assert.equal((await server.post("/v1/email/verify", { token })).status, 200);
  await page.fresh(url);
  await page.open(link);
  await page.visible("#by-link button");
  await page.click("#by-link button");
  await page.sees("#by-link output", "The token has been revoked.");
  await page.visible("#by-code");
});

test("a mail that is asked for again voids the one before", async () => {
  const person = await unconfirmed();
  const first = await server.mail(person.email);
  await page.fresh(url);
  await page.open(`${url}/verify`);
  await page.fill({ email: person.email });
  await page.click("#again");
  await page.sees("#by-code output", "a new mail is on its way");
  const second = await server.mail(person.email, 2);
  const { error } = await page.run("return auth.verifyAccount(args[0])", new URL(first.link).hash.replace("#token=", ""));
  assert.equal(error.code, "TOKEN_REVOKED");
  const { value } = await page.run("return auth.verifyAccount(args[0])", new URL(second.link).hash.replace("#token=", ""));
  assert.equal(value.email, person.email);
  assert.equal(value.email_verified, true);
});

test("seed_M19_resendVerification_answers_alike_for_anybody", async () => {
  await page.fresh(url);
  const strangers = somebody().email;
  const { value } = await page.run("return auth.resendVerification(args[0])", strangers);
  assert.deepEqual(value, { email: strangers, message: "Please confirm your email" });
});

test("seed_K20_K21_the_servers_own_page_ends_at_the_address_that_the_signup_named", async () => {
  const person = somebody();
  await page.fresh(url);
  const { value } = await page.run(`return auth.signup(args[0], { signup_confirmation: "/login#confirmed" })`, person);
  assert.match(value, /confirmation is required/);
  const { link } = await server.mail(person.email);
  await page.open(`${url}/account/verify${new URL(link).hash}`);
  await page.click("button");
  await page.at("/login#confirmed");
  assert.equal((await login(person)).status, 200);
});

test("sec_a_confirmation_does_not_end_at_an_address_that_is_not_on_the_list", async () => {
  await page.fresh(url);
  const { error } = await page.run(`return auth.signup(args[0], { signup_confirmation: "https://evil.example/" })`, somebody());
  assert.equal(error.code, "INVALID_PARAMETER");
  assert.match(error.field, /signup_confirmation$/);
});
