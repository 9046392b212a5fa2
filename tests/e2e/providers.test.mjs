// Signing in with a provider, as a person goes it: the demo's pages, a real provider's consent screens, and back.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { consent, eventually, openChromium, openContext, openProvider, settingsOf, signUp, somebody, someone, startServer, withClient } from "./world.mjs";

const provider = await openProvider();
const server = await startServer({ settings: settingsOf(provider) });
const { url } = server;
const chromium = await openChromium();

async function visitor(path, at = url) {
  const context = await openContext(chromium);
  const page = await context.newPage();
  await page.goto(at + path);
  return page;
}

const WITH_DEMO = "#providers [value=demo]";
const sees = (page, selector, words) =>
  page.waitForFunction(([where, text]) => document.querySelector(where)?.innerText.includes(text), [selector, words]);
const user = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("doorward.session")).user);
const fact = (page, name) => page.textContent(`dt:text-is("${name}") + dd`);

/** From the sign-in page to the provider and back. */
async function signIn(page, person, choice) {
  await page.goto(`${url}/login`);
  await page.click(WITH_DEMO);
  await consent(page, person, choice);
}

/** Becomes somebody with an account. */
async function register(page, person = someone()) {
  await signIn(page, person);
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  return person;
}

async function signOut(page) {
  await page.goto(`${url}/account`);
  await page.click("#logout button");
  await page.waitForURL(`${url}/`);
}

async function signInByPassword(page, { email, password }, at = url) {
  await page.goto(`${at}/login`);
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#login > button");
  await page.waitForURL("**/profile");
}

/** Somebody with a password and a confirmed address. */
async function confirmed(at = server) {
  const person = await signUp(at);
  const { code } = await at.mail(person.email);
  const answer = await at.post("/v1/email/verify", { email: person.email, code });
  assert.equal(answer.status, 200, await answer.text());
  return person;
}

async function openIdentities(page, at = url) {
  await page.goto(`${at}/account`);
  await page.click("#identities summary");
}

// ── in, and in again ──

test("seed_M25_seed_M44_seed_M30_somebody new consents, finishes the registration, and is signed in without a further screen", async () => {
  const page = await visitor("/signup");
  const person = someone();
  await page.click(WITH_DEMO);
    await consent(page, person);
  await sees(page, "#new .lead", "this Demo account");
  assert.equal(await page.inputValue("#email"), person.email);
  assert.equal(await page.inputValue("#name"), person.name);
  await sees(page, "#known", "From Demo.");
  assert.equal(page.url(), `${url}/callback`);
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  await sees(page, "#who", person.name);
  await sees(page, "#verified", /* by the provider's word */ "confirmed");
  assert.equal((await user(page)).email_verified, true);
  assert.deepEqual(await server.mails(person.email), [], "nothing is left to be confirmed");
  await page.context().close();
});

test("seed_M43_a known person is signed in by the provider alone, and is the same account", async () => {
  const page = await visitor("/login");
  const person = await register(page);
  const { user_id } = await user(page);
  await signOut(page);
  await signIn(page, person, { asked: false });
  await page.waitForURL("**/profile");
  assert.equal((await user(page)).user_id, user_id);
  const other = await visitor("/login");
  await signIn(other, person);
  await other.waitForURL("**/profile");
  assert.equal((await user(other)).user_id, user_id, "in another browser, too");
  await Promise.all([page.context().close(), other.context().close()]);
});

test("seed_M15_another address than the provider's has to be confirmed by mail", async () => {
  const page = await visitor("/login");
  const { email } = somebody();
  await signIn(page, someone());
  await page.fill("#email", email);
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  const { email: kept, email_verified } = await user(page);
  assert.deepEqual([kept, email_verified], [email, false]);
  const code = await server.code(email);
  await openIdentities(page);
  const told = await withClient(page, (given) => auth.bindEmail(given).then(({ email_verified }) => email_verified, ({ code }) => code), {
    argument: { email, email_code: code },
  });
  assert.equal(told, true);
  await page.context().close();
});

test("seed_M18_registering alone signs nobody in", async () => {
  const page = await visitor("/login");
  await signIn(page, someone());
  await page.waitForSelector("#rest > button", { state: "visible" });
  await page.route("**/v1/flows/demo", (route) => route.abort());
  await page.click("#rest > button");
  await sees(page, "#rest output", "could not be reached");
  assert.equal(await page.evaluate(() => localStorage.getItem("doorward.session")), null);
  await page.context().close();
});

test("whom the provider names no address of gets an account without one", async () => {
  const page = await visitor("/login");
  const person = { ...someone(), email: undefined };
  await signIn(page, person);
  await sees(page, "#known", "You can do without.");
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  assert.equal((await user(page)).email, undefined);
  await sees(page, "#who", person.name);
  await page.context().close();
});

test("seed_R10_where the operator lets it, the first sign-in makes the account", async () => {
  const open = await startServer({ settings: { ...settingsOf(provider), AUTO_REGISTER__PROVIDER: true } });
  const page = await visitor("/login", open.url);
  const person = someone();
  await page.click(WITH_DEMO);
  await consent(page, person);
  await page.waitForURL("**/profile");
  await sees(page, "#who", person.name);
  await page.context().close();
});

test("sec_O09_the provider asks who it is each time, but not right after a registration", async () => {
  const page = await visitor("/login");
  const asked = [];
  page.on("request", (request) => {
    const address = new URL(request.url());
    if (address.origin === provider.issuer && address.pathname === "/auth") asked.push(address.searchParams.get("prompt"));
  });
  await register(page);
  assert.deepEqual(asked, ["select_account", null]);
  await page.context().close();
});

test("a server without providers shows no button", async () => {
  const plain = await startServer();
  const page = await visitor("/login", plain.url);
  await page.waitForSelector("[name=by][value=phone]", { state: "visible" });
  assert.equal(await page.isVisible("#providers"), false);
  await page.context().close();
});

// ── whose account ──

test("sec_A02_an address that is confirmed here and vouched for there links by itself, and its owner is told", async () => {
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

test("sec_A02_an address that the provider has not confirmed opens nobody's account", async () => {
  const person = await confirmed();
  const page = await visitor("/login");
  await signIn(page, { ...someone(person.email), verified: false });
  await page.click("#rest > button");
  await sees(page, "#email-error", "This address has an account.");
  assert.equal(await page.evaluate(() => localStorage.getItem("doorward.session")), null);
  await page.context().close();
});

test("sec_A03_an account that a stranger began with one's address is not entered by the provider, but by a mailed code, which ends the stranger's ways", async () => {
  const squatter = await signUp(server);
  const { email } = squatter;
  const page = await visitor("/login");
  await signIn(page, someone(email));
  await page.click("#rest > button");
  await sees(page, "#email-error", "This address has an account.");
  await page.goto(`${url}/login`);
  await page.fill("#email", email);
  await page.click("#codes");
  await page.fill("#code", await server.code(email, 2));
  await page.click("#login > button");
  await page.waitForURL("**/profile");
  const answer = await server.post("/v1/login", squatter);
  assert.equal((await answer.json()).code, "INCORRECT_USERNAME_OR_PASSWORD");
  await page.context().close();
});

// ── linking ──

test("seed_M46_a signed-in person links the provider, signs in by it, and takes it away again", async () => {
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

test("sec_A05_the last way into an account cannot be taken away", async () => {
  const page = await visitor("/login");
  await register(page, { ...someone(), email: undefined });
  await openIdentities(page);
  await page.click('#identities [aria-label="Unlink Demo"]');
  await sees(page, "#identities output", "It is the only way into your account.");
  await sees(page, "#identities summary", "Demo");
  await page.context().close();
});

test("seed_M48_a provider's account that belongs to another account here is not linked", async () => {
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

test("sec_A04_linking asks for a sign-in a moment ago, and the provider's answer is still good after it", async () => {
  const strict = await startServer({ settings: { ...settingsOf(provider), SESSION__FRESH: "2s" } });
  const person = await confirmed(strict);
  const page = await visitor("/login", strict.url);
  await signInByPassword(page, person, strict.url);
  await openIdentities(page, strict.url);
  await page.click("#identities [value=demo]");
  await page.waitForSelector("#name");
  await page.waitForTimeout(3000);
  await consent(page, someone());
  await page.waitForSelector("#again[open]");
  assert.equal(await page.inputValue("#again-name"), person.email);
  await page.fill("#again-password", person.password);
  await page.click("#again form > button");
  await page.waitForURL("**/account#linked");
  await sees(page, "#identities summary", "Demo");
  await page.context().close();
});

test("who can sign in by the provider alone is asked for that, when a fresh sign-in is needed", async () => {
  const strict = await startServer({ settings: { ...settingsOf(provider), SESSION__FRESH: "2s", AUTO_REGISTER__PROVIDER: true } });
  const page = await visitor("/login", strict.url);
  const person = { ...someone(), email: undefined };
  await page.click(WITH_DEMO);
  await consent(page, person);
  await page.waitForURL("**/profile");
  await page.waitForTimeout(3000);
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

// ── no ──

for (const [where, asked] of [["sign-in", false], ["consent", true]]) {
  test(`who says no at the ${where} screen is told so, and can begin again`, async () => {
    const page = await visitor("/login");
    await page.click(WITH_DEMO);
    if (asked) await consent(page, someone(), { allow: false });
    else await page.click("[name=cancel]");
    await sees(page, "#what", "Demo did not sign you in");
    assert.equal(page.url(), `${url}/callback`);
    await page.click("#retry button");
    await page.waitForSelector("#name");
    await register(page);
    await page.context().close();
  });
}

test("a provider that is down is named, and the page can be used on", async () => {
  const dead = await openProvider();
  const lonely = await startServer({ settings: settingsOf(dead) });
  await dead.close();
  const page = await visitor("/login", lonely.url);
  await page.click(WITH_DEMO);
  await sees(page, "#providers output", "could not be reached");
  await signInByPassword(page, await signUp(lonely), lonely.url);
  await page.context().close();
});

test("a callback that finds no server is tried again, with the same answer of the provider's", async () => {
  const page = await visitor("/login");
  await page.route("**/v1/login/provider/demo", (route) => route.abort());
  await signIn(page, someone());
  await sees(page, "#what", "The server does not answer");
  await page.unroute("**/v1/login/provider/demo");
  await page.click("#retry button");
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  await page.context().close();
});

test("the callback page by itself has nothing to finish, and leads to the sign-in", async () => {
  const page = await visitor("/callback");
  await sees(page, "#what", "There is nothing to finish here");
  assert.equal(await page.isVisible("#retry"), false);
  await page.click("#elsewhere");
  await page.waitForURL("**/login");
  await page.context().close();
});

test("after the provider has changed its keys people sign in as before", async () => {
  const page = await visitor("/login");
  await register(page);
  await provider.rotateKeys();
  const other = await visitor("/login");
  await register(other);
  await Promise.all([page.context().close(), other.context().close()]);
});

test("the demo's provider ends with whoever started it", async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../demo/provider.mjs", import.meta.url))]);
  const [issuer, id, secret] = await new Promise((resolve) => child.stdout.once("data", (line) => resolve(String(line).trim().split(" "))));
  assert.ok(id && secret);
  assert.equal((await fetch(`${issuer}/.well-known/openid-configuration`)).status, 200);
  const over = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.end();
  assert.equal(await over, 0);
});
