// The account that a provider opens, and linking: the account page, a real provider's consent screens, and back.

import assert from "node:assert/strict";
import { openDemo, user, WITH_DEMO } from "./demo.mjs";
import { consent, eventually, sees, settingsOf, signUp, someone, startDemo, startServer, test, told } from "./world.mjs";

const { provider, server, visitor, signIn, register, signOut, signInByPassword, confirmed, openIdentities } = await openDemo(startDemo());

// ── the account of a provider's user ──

test("sec_A02_an address verified here and by the provider links automatically, and its owner gets a mail", async () => {
  const person = await confirmed();
  const page = await visitor("/login");
  await signIn(page, someone(person.email));
  await page.waitForURL("**/profile");
  await sees(page, "#mail, #who", person.email);
  await openIdentities(page);
  await sees(page, "#identities li", "Demo");
  await eventually("a mail about it", async () => (await server.mails(person.email)).some(({ link, code }) => !link && !code));
  await page.context().close();
});

test("sec_A02_an address that the provider has not verified opens no account", async () => {
  const person = await confirmed();
  const page = await visitor("/login");
  await signIn(page, { ...someone(person.email), verified: false });
  await page.click("#rest > button");
  await told(page, "#rest", "user already exists.");
  assert.equal(await page.evaluate(() => localStorage.getItem("doorward.session")), null);
  await page.context().close();
});

/** Checks that the stranger's password no longer works. */
async function isOver(squatter) {
  const answer = await server.post("/v1/login", squatter);
  assert.equal((await answer.json()).code, "INCORRECT_USERNAME_OR_PASSWORD");
}

test("sec_A03_a provider that vouches for an address ends an account that a stranger has prepared with it", async () => {
  const squatter = await signUp(server);
  const page = await visitor("/login");
  await signIn(page, someone(squatter.email));
  await page.waitForURL("**/profile");
  await sees(page, "#who", squatter.email);
  await isOver(squatter);
  await page.context().close();
});

test("sec_A03_a mailed code ends an account that a stranger has prepared with an address", async () => {
  const squatter = await signUp(server);
  const { email } = squatter;
  const page = await visitor("/login");
  await page.fill("#email", email);
  await page.click("#codes");
  await page.fill("#code", await server.code(email, 2));
  await page.click("#login > button");
  await page.waitForURL("**/profile");
  await isOver(squatter);
  await page.context().close();
});

// ── linking ──

test("seed_M46_a signed-in user links the provider, signs in with it, and unlinks it", async () => {
  const person = await confirmed();
  const elsewhere = someone();
  const page = await visitor("/login");
  await signInByPassword(page, person);
  const { user_id } = await user(page);
  await openIdentities(page);
  await sees(page, "#identities summary", "none");
  await page.click("#identities [value=demo]");
  await consent(page, elsewhere);
  await page.waitForURL("**/account#linked");
  await page.waitForSelector("#linked", { state: "visible" });
  await sees(page, "#identities summary", "Demo");

  await signOut(page);
  await signIn(page, elsewhere, { asked: false });
  await page.waitForURL("**/profile");
  assert.equal((await user(page)).user_id, user_id);

  await openIdentities(page);
  await page.click('#identities [aria-label="Unlink Demo"]');
  await sees(page, "#identities output", "Demo is not linked any more.");
  await sees(page, "#identities summary", "none");
  await signOut(page);
  await signIn(page, elsewhere, { asked: false });
  await page.waitForSelector("#rest > button", { state: "visible" });
  await page.context().close();
});

test("sec_A05_the last sign-in method of an account cannot be unlinked", async () => {
  const page = await visitor("/login");
  await register(page, { ...someone(), email: undefined });
  await openIdentities(page);
  await page.click('#identities [aria-label="Unlink Demo"]');
  await told(page, "#identities", "This is the last sign-in method of the account.");
  await sees(page, "#identities summary", "Demo");
  await page.context().close();
});

test("seed_M48_a provider identity of another account cannot be linked", async () => {
  const page = await visitor("/login");
  const elsewhere = await register(page);
  await signOut(page);
  await signInByPassword(page, await confirmed());
  await openIdentities(page);
  await page.click("#identities [value=demo]");
  await consent(page, elsewhere, { asked: false });
  await sees(page, "#what", "belongs to another account here");
  await sees(page, "#why", "Social account already in use");
  assert.equal(await page.getAttribute("#elsewhere", "href"), "/account");
  await page.context().close();
});

test("sec_A04_linking needs a recent sign-in, and the provider's response stays valid meanwhile", async () => {
  const strict = await startServer({ settings: { ...settingsOf(provider), SESSION__FRESH: "60s" } });
  const person = await confirmed(strict);
  const page = await visitor("/login", strict.url);
  await signInByPassword(page, person, strict.url);
  await openIdentities(page, strict.url);
  await page.click("#identities [value=demo]");
  await page.waitForSelector("#name");
  await strict.advance(61_000);
  await consent(page, someone());
  await page.waitForSelector("#again[open]");
  assert.equal(await page.inputValue("#again-name"), person.email);
  await page.fill("#again-password", person.password);
  await page.click("#again form > button");
  await page.waitForURL("**/account#linked");
  await sees(page, "#identities summary", "Demo");
  await page.context().close();
});

test("a user whose only sign-in method is the provider signs in there again when a recent sign-in is needed", async () => {
  const strict = await startServer({ settings: { ...settingsOf(provider), SESSION__FRESH: "60s", AUTO_REGISTER__PROVIDER: true } });
  const page = await visitor("/login", strict.url);
  const person = { ...someone(), email: undefined };
  await page.click(WITH_DEMO);
  await consent(page, person);
  await page.waitForURL("**/profile");
  await strict.advance(61_000);
  await page.goto(`${strict.url}/account`);
  await page.click("#username summary");
  await page.click("#password summary");
  await page.fill("#new-password", "another fine sentence");
  await page.click("#password form > button");
  await page.waitForSelector("#again[open]");
  assert.equal(await page.isVisible("#again-password"), false);
  await page.click("#again-with-provider [value=demo]");
  await consent(page, person, { asked: false });
  await page.waitForURL("**/profile");
  await page.context().close();
});
