// Signing in with a provider as a user does: the demo's pages, a real provider's consent screens, and back.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { openDemo, user, WITH_DEMO } from "./demo.mjs";
import { consent, openProvider, sees, settingsOf, signUp, somebody, someone, startDemo, startServer, test, withClient } from "./world.mjs";

const { provider, server, url, visitor, signIn, register, signOut, signInByPassword, openIdentities } = await openDemo(startDemo());

// ── the first and the next sign-in ──

test("seed_M25_seed_M44_seed_M30_a new user consents, completes the registration, and is signed in without another screen", async () => {
  const page = await visitor("/signup");
  const person = someone();
  await page.click(WITH_DEMO);
  await consent(page, person);
  await sees(page, "#new .lead", "this Demo sign-in");
  assert.equal(await page.inputValue("#email"), person.email);
  assert.equal(await page.inputValue("#name"), person.name);
  await sees(page, "#known", "From Demo.");
  assert.equal(page.url(), `${url}/callback?provider=demo`);
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  await sees(page, "#who", person.name);
  await sees(page, "#verified", /* by the provider's word */ "confirmed");
  assert.equal((await user(page)).email_verified, true);
  assert.deepEqual(await server.mails(person.email), [], "nothing is left to be confirmed");
  await page.context().close();
});

test("seed_M43_a known user signs in with the provider alone, to the same account", async () => {
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

test("seed_M15_an address other than the provider's has to be verified by mail", async () => {
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
  const told = await withClient(
    page,
    (given) =>
      auth.verifyEmail(given).then(
        ({ email_verified }) => email_verified,
        ({ code }) => code,
      ),
    {
      argument: { email, code },
    },
  );
  assert.equal(told, true);
  await page.context().close();
});

test("seed_M18_register alone does not sign the user in", async () => {
  const page = await visitor("/login");
  await signIn(page, someone());
  await page.route("**/v1/flows/demo", (route) => route.abort());
  await page.click("#rest > button");
  await sees(page, "#rest output", "could not be reached");
  assert.equal(await page.evaluate(() => localStorage.getItem("doorward.session")), null);
  await page.context().close();
});

test("a user without an address at the provider gets an account without one", async () => {
  const page = await visitor("/login");
  const person = { ...someone(), email: undefined };
  await signIn(page, person);
  await sees(page, "#known", "It is optional.");
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  assert.equal((await user(page)).email, undefined);
  await sees(page, "#who", person.name);
  await page.context().close();
});

test("seed_R10_with auto-registration the first sign-in creates the account", async () => {
  const open = await startServer({ settings: { ...settingsOf(provider), AUTO_REGISTER__PROVIDER: true } });
  const page = await visitor("/login", open.url);
  const person = someone();
  await page.click(WITH_DEMO);
  await consent(page, person);
  await page.waitForURL("**/profile");
  await sees(page, "#who", person.name);
  await page.context().close();
});

test("sec_O09_the provider asks for the account each time, but not right after a registration", async () => {
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

test("without providers the page shows no provider button", async () => {
  const plain = await startServer();
  const page = await visitor("/login", plain.url);
  await page.waitForSelector("[name=by][value=phone]", { state: "visible" });
  assert.equal(await page.isVisible("#providers"), false);
  await page.context().close();
});

// ── failures ──

for (const [where, asked] of [
  ["sign-in", false],
  ["consent", true],
]) {
  test(`a user who refuses at the ${where} screen gets a message and can try again`, async () => {
    const page = await visitor("/login");
    await page.click(WITH_DEMO);
    if (asked) await consent(page, someone(), { allow: false });
    else await page.click("[name=cancel]");
    await sees(page, "#what", "Demo did not sign you in");
    assert.equal(page.url(), `${url}/callback?provider=demo`);
    await page.click("#retry button");
    await page.waitForSelector("#name");
    await register(page);
    await page.context().close();
  });
}

test("the page names a provider that is down and stays usable", async () => {
  const dead = await openProvider();
  const lonely = await startServer({ settings: settingsOf(dead) });
  await dead.close();
  const page = await visitor("/login", lonely.url);
  await page.click(WITH_DEMO);
  await sees(page, "#providers output", "could not be reached");
  await signInByPassword(page, await signUp(lonely), lonely.url);
  await page.context().close();
});

test("a callback that reaches no server can be retried with the same response of the provider", async () => {
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

test("a reload during the registration starts the sign-in again", async () => {
  const page = await visitor("/login");
  await signIn(page, someone());
  await page.waitForSelector("#rest");
  await page.reload();
  await sees(page, "#what", "There is no sign-in to finish");
  await page.click("#retry button");
  await page.waitForURL("**/screen/**");
  await page.context().close();
});

test("if the sign-in after a registration fails, a second click signs in to the new account", async () => {
  const page = await visitor("/login");
  await signIn(page, someone());
  await page.route("**/v1/flows/demo", (route) => route.abort());
  await page.click("#rest > button");
  await sees(page, "#rest output", "Your account was created.");
  await page.unroute("**/v1/flows/demo");
  await page.click("#rest > button");
  await page.waitForURL("**/profile");
  await page.context().close();
});

test("the callback page without a response leads to the sign-in", async () => {
  const page = await visitor("/callback");
  await sees(page, "#what", "There is no sign-in to finish");
  assert.equal(await page.isVisible("#retry"), false);
  await page.click("#elsewhere");
  await page.waitForURL("**/login");
  await page.context().close();
});

test("users can sign in after the provider has rotated its keys", async () => {
  const page = await visitor("/login");
  await register(page);
  await provider.rotateKeys();
  const other = await visitor("/login");
  await register(other);
  await Promise.all([page.context().close(), other.context().close()]);
});

test("the demo's provider ends when its parent process ends", async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../demo/provider.mjs", import.meta.url))]);
  const [issuer, id, secret] = await new Promise((resolve) => child.stdout.once("data", (line) => resolve(String(line).trim().split(" "))));
  assert.ok(id && secret);
  assert.equal((await fetch(`${issuer}/.well-known/openid-configuration`)).status, 200);
  const over = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.end();
  assert.equal(await over, 0);
});
