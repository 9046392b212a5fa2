// Every method to sign up and in, with the SDK against the real server: username, phone, codes, devices.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { number, openChromium, openContext, signUp, startServer, test, withClient, unique } from "./world.mjs";

const server = await startServer({ settings: { AUTO_REGISTER__PASSWORD: true, AUTO_REGISTER__EMAIL_CODE: true } });
const context = await openContext(await openChromium());

/** A signed-out page, with `auth` on its own storage. */
async function visitor() {
  const page = await context.newPage();
  await page.goto(`${server.url}/favicon.svg`);
  const run = (body, argument) => page.evaluate(body, argument);
  await withClient(page, () => {}, { options: { storageKey: randomUUID() } });
  return { page, run };
}

test("seed_A03_seed_A14_a user signs up and in by username, and with a form", async () => {
  const { page, run } = await visitor();
  const username = unique("ada");
  const made = await run((name) => auth.signup({ username: name, password: "correct horse", nickname: "Ada" }), username);
  assert.equal(made, "SUCCESS: The account has been created.");
  assert.equal(await run((name) => refusal(auth.signup({ username: name, password: "correct horse" })), username), "EXISTS username");
  const user = await run(async (name) => {
    const html = `<form><input name="username"><input name="password"><input name="code"></form>`;
    const form = new DOMParser().parseFromString(html, "text/html").forms[0];
    form.elements.username.value = name.toUpperCase();
    form.elements.password.value = "correct horse";
    return auth.login(form);
  }, username);
  assert.deepEqual([user.username, user.nickname, user.email, user.logins_count], [username, "Ada", undefined, 1]);
  assert.equal(await run(() => refusal(auth.login({ username: "nobody", password: "x" }))), "INCORRECT_USERNAME_OR_PASSWORD");
  await page.close();
});

test("seed_A04_seed_A11_seed_A15_seed_A16_a phone number signs up with one code and signs in with another", async () => {
  const { page, run } = await visitor();
  const phone = number();
  assert.equal(await run((to) => auth.sendSmsCode(to), phone), "SUCCESS: Verification code has been sent.");
  const code = await server.code(phone);
  assert.equal(code.length, 6);
  const user = await run(
    ([phone_number, code]) => auth.signup({ phone_number, code, password: "correct horse" }, { login: true }),
    [phone, code],
  );
  assert.deepEqual([user.phone_number, user.phone_number_verified, user.logins_count], [phone, true, 1]);
  assert.equal(await run(([phone_number, code]) => refusal(auth.login({ phone_number, code })), [phone, code]), "INVALID_CODE");
  // Common spellings of a number, and the code as a number.
  const written = `${phone.slice(0, 2)} (${phone.slice(2, 5)}) ${phone.slice(5)}`;
  await run((to) => auth.sendSmsCode({ phoneNumber: to }, "LOGIN"), written);
  const again = await run(([phone, code]) => auth.login({ phone, code: Number(code) }), [written, await server.code(phone, 2)]);
  assert.deepEqual([again.user_id, again.logins_count], [user.user_id, 2]);
  const other = number();
  await run(() => auth.logout());
  await run((to) => auth.sendSmsCode(to), other);
  const newcomer = await run(([phone_number, code]) => auth.login({ phone_number, code }), [other, await server.code(other)]);
  assert.equal(newcomer.phone_number, other);
  await page.close();
});

test("seed_A18_a user signs in with a phone number and a password", async () => {
  const { page, run } = await visitor();
  const phone = number();
  await run((to) => auth.sendSmsCode(to), phone);
  const code = await server.code(phone);
  await run(([phone_number, code]) => auth.signup({ phone_number, code, password: "correct horse" }), [phone, code]);
  const user = await run((phone_number) => auth.login({ phone_number, password: "correct horse" }), phone);
  assert.equal(user.phone_number, phone);
  const wrong = await run((phone_number) => refusal(auth.login({ phone_number, password: "wrong" })), phone);
  assert.equal(wrong, "INCORRECT_USERNAME_OR_PASSWORD");
  await page.close();
});

test("seed_A32_a user signs in with an e-mail address and a code", async () => {
  const { page, run } = await visitor();
  const { email } = await signUp(server);
  const sent = await run((to) => auth.sendEmail(to, "LOGIN"), email);
  assert.equal(sent, "SUCCESS: Verification E-Mail has been sent.");
  const code = await server.code(email, 2);
  const user = await run(([email, code]) => auth.login({ email, code }), [email, code]);
  assert.deepEqual([user.email, user.email_verified], [email, true]);
  await page.close();
});

test("seed_A21_a login creates the account only if asked to", async () => {
  const { page, run } = await visitor();
  const username = unique("new");
  const credentials = { username, password: "correct horse" };
  assert.equal(await run((it) => refusal(auth.login(it)), credentials), "INCORRECT_USERNAME_OR_PASSWORD");
  const user = await run((it) => auth.login(it, { autoRegister: true }), credentials);
  assert.equal(user.username, username);
  assert.equal((await run((it) => auth.login(it, { auto_register: true }), credentials)).user_id, user.user_id);
  await page.close();
});

test("seed_A36_seed_K42_a code by SMS sets a new password", async () => {
  const { page, run } = await visitor();
  const phone = number();
  await run((to) => auth.sendSmsCode(to), phone);
  const code = await server.code(phone);
  await run(([phone_number, code]) => auth.signup({ phone_number, code, password: "correct horse" }), [phone, code]);
  assert.equal(await run((to) => auth.forgotPassword(to), phone), "SUCCESS: Verification code has been sent.");
  const reset = await run(
    ([phone_number, code]) => auth.resetPassword({ phone_number, code, new_password: "battery staple" }),
    [phone, await server.code(phone, 2)],
  );
  assert.equal(reset, "SUCCESS: New password has been set.");
  const user = await run((phone_number) => auth.login({ phone_number, password: "battery staple" }), phone);
  assert.equal(user.phone_number, phone);
  await page.close();
});

test("seed_A11_seed_A36_a code without a scene sets a new password", async () => {
  const { page, run } = await visitor();
  const phone = number();
  await run((to) => auth.sendSmsCode(to), phone);
  await run(([phone_number, code]) => auth.signup({ phone_number, code }), [phone, await server.code(phone)]);
  await run((to) => auth.sendSmsCode(to), phone);
  const code = await server.code(phone, 2);
  const reset = await run(
    ([phone_number, code]) => auth.resetPassword({ phone_number, code, newPassword: "correct horse" }),
    [phone, code],
  );
  assert.equal(reset, "SUCCESS: New password has been set.");
  const again = await run(([phone_number, code]) => refusal(auth.login({ phone_number, code })), [phone, code]);
  assert.equal(again, "INVALID_CODE");
  const user = await run((phone_number) => auth.login({ phone_number, password: "correct horse" }), phone);
  assert.equal(user.phone_number, phone);
  await page.close();
});

test("seed_A42_seed_A50_codes without a scene add the first number and change it", async () => {
  const { page, run } = await visitor();
  const [first, second] = [number(), number()];
  const device = await run((device_id) => auth.login({ device_id }), randomUUID());
  await run((to) => auth.sendSmsCode(to), first);
  const bound = await run(([phone_number, phoneCode]) => auth.bindPhone({ phone_number, phoneCode }), [first, await server.code(first)]);
  assert.deepEqual([bound.user_id, bound.phone_number], [device.user_id, first]);
  for (const to of [first, second]) await run((to) => auth.sendSmsCode(to), to);
  const changed = await run(
    ([phone, phoneCode, oldPhone, oldPhoneCode]) => auth.updatePhone({ phone, phoneCode, oldPhone, oldPhoneCode }),
    [second, await server.code(second), first, await server.code(first, 2)],
  );
  assert.deepEqual([changed.user_id, changed.phone_number], [device.user_id, second]);
  await run((to) => auth.sendSmsCode(to), second);
  const stranger = await run(([phone_number, code]) => refusal(auth.login({ phone_number, code })), [second, await server.code(second, 2)]);
  assert.equal(stranger, "INVALID_CODE");
  await page.close();
});

test("seed_H40_seed_H41_a device signs in without a name, and keeps its account when it gets an address", async () => {
  const { page, run } = await visitor();
  const device_id = randomUUID();
  const first = await run((device_id) => auth.login({ device_id }), device_id);
  assert.equal((await run((deviceId) => auth.login({ deviceId }), device_id)).user_id, first.user_id);
  const email = `${unique("device")}@example.com`;
  await run((to) => auth.sendEmail(to, "CHANGE_EMAIL"), email);
  const bound = await run(([email, email_code]) => auth.bindEmail({ email, email_code }), [email, await server.code(email)]);
  assert.deepEqual([bound.user_id, bound.email, bound.email_verified], [first.user_id, email, true]);
  assert.equal(await run(() => auth.updatePassword({ new_password: "correct horse" })), "SUCCESS: New password has been set.");
  await run(() => auth.logout());
  const again = await run((email) => auth.login({ email, password: "correct horse" }), email);
  assert.equal(again.user_id, first.user_id);
  const custom = await run(() => auth.login({ custom_id: "their-person-7" }));
  assert.notEqual(custom.user_id, first.user_id);
  await page.close();
});
