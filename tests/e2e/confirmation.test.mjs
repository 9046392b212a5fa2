// The confirmation page: the mailed link, the mailed code, and sending the mail again.

import assert from "node:assert/strict";
import { openPage, sharedServer, signUp, somebody, test } from "./world.mjs";

const server = await sharedServer();
const page = await openPage();
const { url } = server;

const unconfirmed = () => signUp(server, somebody(), { signup_confirmation: true });
const login = (person) => server.post("/v1/login", person);

/** Proves the ownership of the account on the confirmation page, in a browser that has not signed up. */
async function enterPassword({ password }) {
  await page.visible("#claim");
  await page.fill({ password });
  await page.click("#claim > button");
}

test("the mailed link confirms with one click and the password, and the sign-in page reports it", async () => {
  const person = await unconfirmed();
  const { link } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(link);
  await page.visible("#by-link button");
  await page.click("#by-link button");
  await enterPassword(person);
  await page.at("/login#confirmed");
  await page.sees("#confirmed", "Your address is confirmed.");
  await page.fill(person);
  await page.click("#login > button");
  await page.at("/profile");
  await page.sees("#verified", /^confirmed$/);
});

// Story: a user read "we have sent you a mail" and pasted the link into the same tab. Only the fragment changed, and
// the page kept asking for the code.
test("the mailed link works in the tab that waits for the code", async () => {
  const person = await unconfirmed();
  const { link } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(`${url}/verify#sent`);
  await page.visible("#by-code");
  await page.open(link);
  await page.visible("#by-link button");
  await page.click("#by-link button");
  await enterPassword(person);
  await page.at("/login#confirmed");
});

test("opening the link does not consume it, because mail scanners open links", async () => {
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
  await enterPassword(person);
  await page.at("/login#confirmed");
});

test("the mailed code confirms the account", async () => {
  const person = await unconfirmed();
  const { code } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(`${url}/verify`);
  await page.fill({ email: person.email, code });
  await page.click("#by-code > button");
  await enterPassword(person);
  await page.at("/login#confirmed");
  assert.equal((await login(person)).status, 200);
});

test("a wrong code is reported at its field and costs only one try", async () => {
  const person = await unconfirmed();
  const { code } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(`${url}/verify`);
  await page.fill({ email: person.email, code: code === "000000" ? "000001" : "000000" });
  await page.click("#by-code > button");
  await page.told("#by-code", "The code is not valid.");
  await page.fill({ code });
  await page.click("#by-code > button");
  await enterPassword(person);
  await page.at("/login#confirmed");
});

test("a link works once; afterwards the page reports it and offers the code", async () => {
  const person = await unconfirmed();
  const { link } = await server.mail(person.email);
  const token = new URL(link).hash.replace("#token=", "");
  assert.equal((await server.post("/v1/email/verify", { token, password: person.password })).status, 200);
  await page.fresh(url);
  await page.open(link);
  await page.visible("#by-link button");
  await page.click("#by-link button");
  await page.told("#by-link", "The token has been revoked.");
  await page.visible("#by-code");
});

test("a new mail makes the previous one invalid", async () => {
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
  const token = new URL(second.link).hash.replace("#token=", "");
  const { value } = await page.run("return auth.verifyAccount(args[0], args[1])", token, { password: person.password });
  assert.equal(value.email, person.email);
  assert.equal(value.email_verified, true);
});

test("seed_M19_resendVerification returns the same result for a known and an unknown address", async () => {
  await page.fresh(url);
  const strangers = somebody().email;
  const { value } = await page.run("return auth.resendVerification(args[0])", strangers);
  assert.deepEqual(value, { email: strangers, message: "Please confirm your email" });
});

test("seed_K20_K21_the server's own page ends at the URL that the signup named", async () => {
  const person = somebody();
  await page.fresh(url);
  const { value } = await page.run(`return auth.signup(args[0], { signup_confirmation: "/login#confirmed" })`, person);
  assert.match(value, /confirmation is required/);
  const { link } = await server.mail(person.email);
  await page.open(`${url}/account/verify${new URL(link).hash}`);
  await page.click("button");
  await page.fill({ password: person.password });
  await page.click("#by-password button");
  await page.at("/login#confirmed");
  assert.equal((await login(person)).status, 200);
});

// The fields that a user has to fill in after the click on the link.
const WALKS = [
  { name: "in the browser that has signed up, on the app's page", here: true, hosted: false, typed: [] },
  { name: "in another browser, on the app's page", here: false, hosted: false, typed: ["password"] },
  { name: "in the browser that has signed up, on the hosted page", here: true, hosted: true, typed: ["password"] },
  { name: "in another browser, on the hosted page", here: false, hosted: true, typed: ["password"] },
];

for (const { name, here, hosted, typed } of WALKS) {
  test(`sec_A03_the user who signed up confirms ${name} with ${typed.length || "no"} field typed`, async () => {
    const person = somebody();
    const signer = await openPage();
    await signer.fresh(url);
    await signer.run("return auth.signup(args[0])", person);
    const { link } = await server.mail(person.email);
    // A later visit: another page of the same browser.
    const reader = here ? signer : await openPage();
    await reader.open(hosted ? `${url}/account/verify${new URL(link).hash}` : link);
    await reader.click(hosted ? "#by-token button" : "#by-link button");
    if (typed.length > 0) {
      await reader.visible(hosted ? "#by-password" : "#claim");
      await reader.fill({ password: person.password });
      await reader.click(hosted ? "#by-password button" : "#claim > button");
    }
    await reader.at(hosted ? "/account/verify/done" : "/login#confirmed");
    const { user } = await (await login(person)).json();
    assert.equal(user.email_verified, true);
  });
}

test("sec_A03_the owner of an address takes over an account that a stranger has prepared", async () => {
  const person = somebody();
  await signUp(server, person);
  const { access_token } = await (await login(person)).json();
  const { link } = await server.mail(person.email);
  await page.fresh(url);
  await page.open(link);
  await page.click("#by-link button");
  await page.visible("#claim");
  await page.click("#unknown");
  await page.fill({ new_password: "the owner's own one" });
  await page.click("#claim > button");
  await page.at("/login#confirmed");
  const strangers = await fetch(`${url}/v1/profile`, { headers: { authorization: `Bearer ${access_token}` } });
  assert.deepEqual([strangers.status, (await login(person)).status], [401, 401]);
  assert.equal((await login({ ...person, password: "the owner's own one" })).status, 200);
});

test("sec_A03_a sign-in and a verified address each delete the key of a signup", async () => {
  const signer = await openPage();
  await signer.fresh(url);
  const kept = () => signer.tab.evaluate(() => Object.keys(localStorage).filter((key) => key.endsWith(".signup")).length);
  const [ada, bob] = [somebody(), somebody()];
  await signer.run("return auth.signup(args[0])", ada);
  assert.equal(await kept(), 1);
  const token = new URL((await server.mail(ada.email)).link).hash.replace("#token=", "");
  const { value } = await signer.run("return auth.verifyAccount(args[0])", token);
  assert.equal(value.email_verified, true);
  assert.equal(await kept(), 0);
  await signer.run("return auth.signup(args[0])", bob);
  assert.equal(await kept(), 1);
  await signer.run("return auth.login(args[0])", bob);
  assert.equal(await kept(), 0);
});

test("sec_O07_the confirmation cannot lead to a URL that is not on the list", async () => {
  await page.fresh(url);
  const { error } = await page.run(`return auth.signup(args[0], { signup_confirmation: "https://evil.example/" })`, somebody());
  assert.equal(error.code, "INVALID_PARAMETER");
  assert.match(error.field, /signup_confirmation$/);
});
