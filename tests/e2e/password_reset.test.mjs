// Forgotten passwords: requesting the mail, using the code, using the link.

import assert from "node:assert/strict";
import { openPage, sharedServer, signUp, somebody, test } from "./world.mjs";

const server = await sharedServer();
const page = await openPage();
const { url } = server;

const NEW = "another fine sentence";
const login = (email, password) => server.post("/v1/login", { email, password });
const forgot = (email) => server.post("/v1/password/forgot", { email });
const token = ({ link }) => new URL(link).hash.replace("#token=", "");
const resetMail = async (email, count = 1) => {
  await forgot(email);
  return server.mail(email, count, "/reset");
};

test("seed_K39_K41_the mailed code sets a new password", async () => {
  const { email, password } = await signUp(server);
  await page.fresh(url);
  await page.open(`${url}/login`);
  await page.click("main a[href='/forgot']");
  await page.at("/forgot");
  await page.fill({ email });
  await page.click("#forgot > button");
  await page.at("/reset#sent");
  const { code } = await server.mail(email, 1, "/reset");
  await page.fill({ code, new_password: NEW });
  await page.click("#reset > button");
  await page.at("/login#password-set");
  await page.sees("#password-set", "Your new password is set.");
  await page.fill({ password: NEW });
  await page.click("#login > button");
  await page.at("/profile");
  await page.sees("#who", email);
  assert.equal((await login(email, password)).status, 401);
});

test("seed_M53_the mailed link sets a new password", async () => {
  const { email } = await signUp(server);
  const { link } = await resetMail(email);
  await page.fresh(url);
  await page.open(link);
  assert.equal(await page.tab.isVisible("#by-code"), false);
  await page.fill({ new_password: NEW });
  await page.click("#reset > button");
  await page.at("/login#password-set");
  assert.equal((await login(email, NEW)).status, 200);
});

test("the page removes the link's token from the URL", async () => {
  const { email } = await signUp(server);
  const { link } = await resetMail(email);
  await page.fresh(url);
  await page.open(link);
  assert.equal(page.tab.url(), `${url}/reset`);
});

test("opening the link does not consume it", async () => {
  const { email } = await signUp(server);
  const mail = await resetMail(email);
  for (let times = 0; times < 3; times += 1) {
    await fetch(mail.link);
    // From another page: on its own page only the fragment would change, and the page would reload itself.
    await page.open("about:blank");
    await page.open(mail.link);
  }
  await page.fresh(url);
  const { value } = await page.run("return auth.resetPassword(args[0], args[1])", token(mail), NEW);
  assert.equal(value, "SUCCESS: New password has been set.");
});

test("seed_K39_the response does not reveal whether the address has an account", async () => {
  const { email } = await signUp(server);
  const stranger = somebody().email;
  await page.fresh(url);
  for (const address of [email, stranger]) {
    const { value } = await page.run("return auth.forgotPassword({ email: args[0] })", address);
    assert.equal(value, "SUCCESS: Verification code has been sent.");
  }
  await server.mail(email, 1, "/reset");
  assert.deepEqual(await server.mails(stranger), []);
});

test("seed_K42_a code given as a number works without its leading zeros", async () => {
  const { email } = await signUp(server);
  const { code } = await resetMail(email);
  await page.fresh(url);
  const { value } = await page.run(
    "return auth.resetPassword({ email: args[0], code: Number(args[1]), new_password: args[2] })",
    email,
    code,
    NEW,
  );
  assert.equal(value, "SUCCESS: New password has been set.");
});

test("seed_M55_M56_a link or code that was used or replaced is rejected", async () => {
  const { email } = await signUp(server);
  const first = await resetMail(email);
  const second = await resetMail(email, 2);
  await page.fresh(url);
  const superseded = await page.run("return auth.resetPassword(args[0], args[1])", token(first), NEW);
  assert.equal(superseded.error.code, "TOKEN_REVOKED");
  await page.run("return auth.resetPassword(args[0], args[1])", token(second), NEW);
  const used = await page.run("return auth.resetPassword(args[0], args[1])", token(second), NEW);
  assert.equal(used.error.code, "TOKEN_REVOKED");
  const code = await page.run(
    "return auth.resetPassword({ email: args[0], code: args[1], new_password: args[2] })",
    email,
    second.code,
    NEW,
  );
  assert.equal(code.error.code, "INVALID_CODE");
});

test("seed_K43_a short password and a wrong code are reported at their fields", async () => {
  const { email } = await signUp(server);
  const { code } = await resetMail(email);
  await page.fresh(url);
  await page.open(`${url}/reset`);
  await page.fill({ email, code, new_password: "12345" });
  await page.click("#reset > button");
  await page.told("#reset", "A password needs at least 6 characters.");
  await page.fill({ code: code === "000000" ? "000001" : "000000", new_password: NEW });
  await page.click("#reset > button");
  await page.told("#reset", "The code is not valid.");
  await page.fill({ code });
  await page.click("#reset > button");
  await page.at("/login#password-set");
});

test("a new password ends the sessions on all devices", async () => {
  const { email, password } = await signUp(server);
  await page.fresh(url);
  await page.signIn({ email, password });
  const mail = await resetMail(email);
  await server.post("/v1/password/reset", { token: token(mail), new_password: NEW });
  const { value } = await page.run("return auth.getProfile({ refreshToken: true }).catch(({ code }) => code)");
  assert.ok(value === null || value === "SESSION_REQUIRED", String(value));
  await page.open(`${url}/profile`);
  await page.sees("#out h1", "You are signed out");
});
