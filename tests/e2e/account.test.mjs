// A user's account: the profile, its public part, the user's data, the password, and the deletion.

import assert from "node:assert/strict";
import { openChromium, openForm, signedIn, signUp, startServer, test, withClient } from "./world.mjs";

const server = await startServer({
  settings: {
    PROFILE__EXTRAS__COINS__TYPE: "number",
    PROFILE__EXTRAS__MOTTO__TYPE: "string",
    PROFILE__EXTRAS__MOTTO__VISIBILITY: "public",
    USER_DATA__AGE__TYPE: "number",
    USER_DATA__IS_OK__TYPE: "boolean",
    USER_DATA__SINCE__TYPE: "datetime",
  },
});
const chromium = await openChromium();

/** A signed-in user, with `auth` in the page. */
async function person() {
  const person = await signUp(server);
  const { context, page } = await signedIn(chromium, server, person);
  await withClient(page, () => auth.getSession());
  return { person, page, context, run: (body, argument) => page.evaluate(body, argument) };
}

test("seed_A38_seed_A61_to_seed_A88_a profile can be changed in either spelling, and all tabs get the change", async () => {
  const { page, context, run } = await person();
  const other = await context.newPage();
  await other.goto(`${server.url}/favicon.svg`);
  await withClient(other, () => auth.getSession());
  const given = {
    givenName: "Ada",
    family_name: "Lovelace",
    photo: "https://example.com/ada.png",
    birthdate: "1815-12-10",
    streetAddress: "St James's Square",
    locality: "Westminster",
    city: "London",
    country: "GB",
    lastIP: "203.0.113.7",
    emailPublic: true,
    email_subscription: true,
    coins: 1.5,
    motto: "Poetical science",
    fcm_tokens: ["t1"],
  };
  const user = await run((given) => auth.updateProfile(given), given);
  assert.deepEqual([user.given_name, user.picture, user.last_ip], ["Ada", given.photo, given.lastIP]);
  assert.deepEqual(user.address, { street_address: "St James's Square", locality: "Westminster", country: "GB" });
  assert.equal(user.city, "London");
  assert.deepEqual([user.email_public, user.email_subscription, user.coins, user.motto], [true, true, 1.5, "Poetical science"]);
  assert.deepEqual(user.fcm_tokens, ["t1"]);
  await other.waitForFunction(() => auth.user?.given_name === "Ada" && events.includes("USER_UPDATED"));
  assert.equal(await run(() => refusal(auth.updateProfile({ coins: "many" }))), "INVALID_PARAMETER coins");
  assert.equal(await run(() => refusal(auth.updateProfile({ unheard: 1 }))), "INVALID_PARAMETER unheard");
  assert.equal(await run(() => refusal(auth.updateProfile({ email: "b@c.example" }))), "INVALID_PARAMETER email");
  assert.equal(await run(() => refusal(auth.updateProfile({ phone: "+12025550123" }))), "INVALID_PARAMETER phone");
  await page.close();
  await context.close();
});

test("a form with a profile clears the emptied fields and keeps the absent ones", async () => {
  const { page, context, run } = await person();
  await run(() => auth.updateProfile({ nickname: "Ada", gender: "f", misc: "x", city: "London", country: "GB", coins: 2, motto: "M" }));
  await page.evaluate(() => auth.dispose());
  await openForm(
    page,
    server.url,
    `<form method="post"><input name="nickname" value="Countess"><input name="gender" value=""><input name="locality" value="">
       <input name="misc" value="" disabled><input type="checkbox" name="genderPublic" checked>
       <input type="number" step="any" name="extras.coins" value="2.5"><input name="extras.motto" value=""><button>Save</button></form>`,
    `window.auth = new AuthClient();
     form.addEventListener("submit", (event) => auth.updateProfile(event).then((user) => (window.user = user), (error) => (window.user = error)));`,
  );
  await page.click("button");
  const user = await (await page.waitForFunction("window.user")).jsonValue();
  assert.deepEqual([user.nickname, user.gender, user.misc, user.gender_public], ["Countess", undefined, "x", true]);
  assert.deepEqual([user.coins, user.motto, user.address], [2.5, undefined, { country: "GB" }]);
  await page.fill(`[name="extras.coins"]`, "3");
  await page.evaluate(() => (document.querySelector(`[name="extras.coins"]`).type = "text"));
  await page.fill(`[name="extras.coins"]`, "three");
  await page.evaluate(() => (window.user = undefined));
  await page.click("button");
  const error = await page.waitForFunction("window.user").then((handle) => handle.evaluate(({ code, field }) => [code, field]));
  assert.deepEqual(error, ["INVALID_PARAMETER", "coins"]);
  assert.notEqual(await page.$eval(`[name="extras.coins"]`, (control) => control.validationMessage), "");
  await context.close();
});

test("seed_K10_to_seed_K14_other users see only the public fields of a profile", async () => {
  const ada = await person();
  const bob = await person();
  const id = await ada.run(
    async () => (await auth.updateProfile({ name: "Ada", gender: "f", birthdate: "1815-12-10", coins: 1, motto: "M" })).user_id,
  );
  const shown = () => bob.run((id) => auth.getUser(id), id);
  assert.deepEqual(await shown(), { user_id: id, name: "Ada", motto: "M" });
  const { code } = await server.mail(ada.person.email);
  await ada.run(([email, code]) => auth.verifyEmail({ email, code }), [ada.person.email, code]);
  await ada.run(() => auth.updateProfile({ email_public: true, gender_public: true }));
  assert.deepEqual(await shown(), { user_id: id, name: "Ada", motto: "M", gender: "f", email: ada.person.email });
  assert.equal(await bob.run(() => auth.getUser("00000000-0000-4000-8000-000000000000")), null);
  await Promise.all([ada.context.close(), bob.context.close()]);
});

test("seed_A56_to_seed_A60_user data is stored in the declared types", async () => {
  const { context, run } = await person();
  const since = "2026-01-31T12:00:00Z";
  await run(async (since) => {
    await auth.setUdv("age", 15);
    await auth.setUdv("is_ok", true);
    await auth.setUdv("since", new Date(since));
  }, since);
  const kept = await run(async () => Object.fromEntries((await auth.listUdv()).map(({ key, value, type }) => [key, [value, type]])));
  assert.deepEqual(kept.age, [15, "number"]);
  assert.deepEqual(kept.is_ok, [true, "boolean"]);
  assert.equal(Date.parse(kept.since[0]), Date.parse(since));
  assert.equal(await run(() => refusal(auth.setUdv("age", "old"))), "INVALID_PARAMETER value");
  assert.equal(await run(() => refusal(auth.setUdv("height", 1))), "INVALID_PARAMETER key");
  await run(() => auth.removeUdv("age"));
  assert.equal(await run(() => refusal(auth.removeUdv("age"))), "NOT_FOUND");
  assert.deepEqual(await run(async () => (await auth.listUdv()).map(({ key }) => key).sort()), ["is_ok", "since"]);
  await context.close();
});

test("seed_A40_a changed password ends the other sessions and keeps this one", async () => {
  const { person: who, context, run } = await person();
  const far = await signedIn(chromium, server, who);
  await withClient(far.page, () => auth.getSession());
  const wrong = await run(() => refusal(auth.updatePassword({ new_password: "battery staple", old_password: "wrong" })));
  assert.equal(wrong, "INVALID_PARAMETER old_password");
  await run((old) => auth.updatePassword({ newPassword: "battery staple", oldPassword: old }), who.password);
  assert.ok(await run(() => auth.getProfile()));
  assert.equal(await far.page.evaluate(() => auth.getProfile()), null);
  await Promise.all([context.close(), far.context.close()]);
});

test("deleting an account signs it out in all tabs at once", async () => {
  const { person: who, page, context, run } = await person();
  const other = await context.newPage();
  await other.goto(`${server.url}/favicon.svg`);
  await withClient(other, () => auth.getSession());
  assert.equal(await run(() => refusal(auth.deleteAccount({ password: "wrong" }))), "INVALID_PARAMETER password");
  assert.ok(await run(() => auth.user));
  const told = await run((password) => auth.deleteAccount({ password }), who.password);
  assert.equal(told, "SUCCESS: The account has been deleted.");
  assert.deepEqual(await run(async () => [auth.user, await auth.getSession(), await auth.getProfile()]), [null, null, null]);
  await other.waitForFunction(() => auth.user === null && events.includes("SIGNED_OUT"));
  assert.ok(await page.evaluate(() => events.includes("SIGNED_OUT")));
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.equal(await run((who) => refusal(auth.login(who)), who), "INCORRECT_USERNAME_OR_PASSWORD");
  await context.close();
});
