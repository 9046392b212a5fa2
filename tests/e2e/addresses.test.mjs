// The e-mail address and phone number of an account: adding, changing and removing them; the last sign-in method stays.

import assert from "node:assert/strict";
import { number, openChromium, sharedServer, signedIn, signUp, somebody, test, withClient } from "./world.mjs";

const server = await sharedServer();
const chromium = await openChromium();

/** A signed-in user, with `auth` in the page. */
async function person() {
  const person = await signUp(server);
  const { context, page } = await signedIn(chromium, server, person);
  await withClient(page, () => auth.getSession());
  return { person, page, context, run: (body, argument) => page.evaluate(body, argument) };
}

test("seed_A42_seed_A43_seed_A50_seed_A51_a phone number can be added, changed with both codes, and removed", async () => {
  const { context, page, run } = await person();
  const [first, second] = [number(), number()];
  const send = (to) => run((to) => auth.sendSmsCode(to, "BIND_PHONE"), to);
  await send(first);
  const early = await run(
    ([phone_number, phone_code]) => refusal(auth.updatePhone({ phone_number, phone_code })),
    [first, await server.code(first)],
  );
  assert.match(early, /^INVALID_REQUEST/);
  const bound = await run(([phone_number, phone_code]) => auth.bindPhone({ phone_number, phone_code }), [first, await server.code(first)]);
  assert.deepEqual([bound.phone_number, bound.phone_number_verified], [first, true]);
  assert.equal(await run(() => auth.user.phone_number), first);

  await send(first);
  await send(second);
  const codes = [second, await server.code(second), first, await server.code(first, 2)];
  const alone = await run(([phone_number, phone_code]) => refusal(auth.updatePhone({ phone_number, phone_code })), codes);
  assert.match(alone, /^INVALID_PARAMETER old_phone/);
  const changed = await run(
    ([phone_number, phone_code, oldPhone, oldPhoneCode]) => auth.updatePhone({ phone_number, phone_code, oldPhone, oldPhoneCode }),
    codes,
  );
  assert.equal(changed.phone_number, second);
  assert.equal((await run(() => auth.unbindPhone())).phone_number, undefined);
  assert.deepEqual(await page.evaluate(() => events.filter((event) => event === "USER_UPDATED").length), 3);
  await context.close();
});

test("seed_A46_seed_A47_the e-mail address can be changed with codes to the new and the old one", async () => {
  const {
    person: { email: old, password },
    context,
    run,
  } = await person();
  const { email } = somebody();
  const { code: proof } = await server.mail(old);
  await run(([email, code]) => auth.verifyEmail({ email, code }), [old, proof]);
  for (const to of [old, email]) await run((to) => auth.sendEmail(to, "CHANGE_EMAIL"), to);
  const user = await run(
    ([email, email_code, old_email, old_email_code]) => auth.updateEmail({ email, email_code, old_email, old_email_code }),
    [email, await server.code(email), old, await server.code(old, 2)],
  );
  assert.deepEqual([user.email, user.email_verified], [email, true]);
  assert.equal(
    await run(([email, password]) => refusal(auth.login({ email, password })), [old, password]),
    "INCORRECT_USERNAME_OR_PASSWORD",
  );
  assert.equal((await run(([email, password]) => auth.login({ email, password }), [email, password])).email, email);
  await context.close();
});

test("an address of another account cannot be taken", async () => {
  const { context, run } = await person();
  const other = number();
  await run((to) => auth.sendSmsCode(to, "LOGIN"), other);
  const code = await server.code(other);
  assert.equal((await server.post("/v1/signup/code", { phone_number: other, code })).status, 200);
  await run((to) => auth.sendSmsCode(to, "BIND_PHONE"), other);
  const told = await run(
    ([phone_number, phone_code]) => refusal(auth.bindPhone({ phone_number, phone_code })),
    [other, await server.code(other, 2)],
  );
  assert.match(told, /^MERGE_REQUIRED/);
  assert.equal(await run(() => auth.user.phone_number), undefined);
  await context.close();
});

test("seed_A53_seed_A54_the last sign-in method cannot be removed", async () => {
  const {
    person: { email },
    context,
    run,
  } = await person();
  assert.equal(await run(() => refusal(auth.unbindEmail())), "FORBIDDEN");
  const phone = number();
  await run((to) => auth.sendSmsCode(to, "BIND_PHONE"), phone);
  await run(([phone_number, phone_code]) => auth.bindPhone({ phone_number, phone_code }), [phone, await server.code(phone)]);
  const user = await run(() => auth.unbindEmail());
  assert.deepEqual([user.email, user.phone_number], [undefined, phone]);
  assert.equal(await run(() => refusal(auth.unbindPhone())), "FORBIDDEN");
  assert.equal(await run(([email]) => refusal(auth.login({ email, password: "x" })), [email]), "INCORRECT_USERNAME_OR_PASSWORD");
  await context.close();
});
