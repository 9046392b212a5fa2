// The account page: managing an account, and its public profile.

import assert from "node:assert/strict";
import {
  number,
  openChromium,
  openContext,
  sees,
  sharedServer,
  signedIn,
  signUp,
  somebody,
  startServer,
  test,
  unique,
  told,
} from "./world.mjs";

const server = await sharedServer();
const { url } = server;
const chromium = await openChromium();

const open = (page, part) => page.$eval(`#${part}`, (details) => (details.open = true));
const submit = (page, part) => page.click(`#${part} form > button`);

/** A user with a verified address, on the account page. */
async function owner(at = server) {
  const person = await signUp(at);
  const { code } = await at.mail(person.email);
  assert.equal((await at.post("/v1/email/verify", { ...person, code })).status, 200);
  const { context, page } = await signedIn(chromium, at, person, { path: "/account" });
  await sees(page, "#email summary", person.email);
  return { person, context, page };
}

const profileOf = (page) =>
  page.evaluate(async () => {
    const { AuthClient } = await import("/pkg/index.js");
    const auth = new AuthClient();
    return auth.getProfile().finally(() => auth.dispose());
  });

test("seed_A38_a profile can be filled in, saved and cleared", async () => {
  const { context, page } = await owner();
  await open(page, "profile");
  await page.fill("#name", "Ada Lovelace");
  await page.fill("#street", "12 St James's Square");
  await page.fill("#city", "London");
  await page.fill("#misc", "for me\nalone");
  await page.fill("#extra-pronouns", "she");
  await page.fill("#extra-shoe_size", "38.5");
  await page.check("#newsletter");
  await submit(page, "profile");
  await sees(page, "#profile output", "Saved.");
  const kept = await profileOf(page);
  assert.deepEqual(
    [kept.name, kept.address, kept.misc, kept.pronouns, kept.shoe_size, kept.email_subscription],
    ["Ada Lovelace", { street_address: "12 St James's Square", locality: "London" }, "for me\nalone", "she", 38.5, true],
  );
  await page.reload();
  await sees(page, "#profile summary", "Ada Lovelace");
  await open(page, "profile");
  await page.waitForFunction(() => document.querySelector("#extra-shoe_size")?.value === "38.5");
  assert.equal(await page.inputValue("#city"), "London");
  for (const id of ["name", "city", "extra-pronouns"]) await page.fill(`#${id}`, "");
  await submit(page, "profile");
  await sees(page, "#profile output", "Saved.");
  const cleared = await profileOf(page);
  assert.deepEqual([cleared.name, cleared.address, cleared.pronouns], [undefined, { street_address: "12 St James's Square" }, undefined]);
  await context.close();
});

test("unsaved input survives a change of the session", async () => {
  const { context, page } = await owner();
  await open(page, "profile");
  await page.fill("#name", "Not sent yet");
  await open(page, "others");
  await page.check("#email-public");
  await submit(page, "others");
  await sees(page, "#others output", "Saved.");
  assert.equal(await page.inputValue("#name"), "Not sent yet");
  await context.close();
});

test("seed_K10_to_seed_K14_other users see only the fields that the owner made public", async () => {
  const { person, context, page } = await owner();
  await open(page, "profile");
  await page.fill("#name", "Ada");
  await page.fill("#birthdate", "1815-12-10");
  await page.fill("#gender", "female");
  await submit(page, "profile");
  await sees(page, "#profile output", "Saved.");
  const address = await page.getAttribute("#public", "href");
  const other = await signedIn(chromium, server, await signUp(server), { path: address });
  await sees(other.page, "#who", "Ada");
  const shown = () => other.page.innerText("#seen");
  assert.doesNotMatch(await shown(), /@|1815|female/);

  await open(page, "others");
  await page.check("#email-public");
  await page.check("#birthdate-public");
  await submit(page, "others");
  await sees(page, "#seen", "1815-12-10");
  await other.page.reload();
  await sees(other.page, "#seen", person.email);
  assert.match(await shown(), /1815-12-10/);
  assert.doesNotMatch(await shown(), /female/);
  await other.page.goto(`${url}/person?id=${crypto.randomUUID()}`);
  await sees(other.page, "#nobody", "User not found");
  await Promise.all([context.close(), other.context.close()]);
});

test("a username can be chosen, and the page reports a taken one", async () => {
  const taken = unique("lovelace");
  assert.equal((await server.post("/v1/signup", { username: taken, password: "correct horse battery" })).status, 200);
  const { context, page } = await owner();
  await open(page, "username");
  await page.fill("#new-username", taken);
  await submit(page, "username");
  await told(page, "#username", "user already exists.");
  await page.fill("#new-username", `${taken}.2`);
  await submit(page, "username");
  await sees(page, "#username summary", `${taken}.2`);
  await context.close();
});

test("seed_A46_seed_A47_changing the e-mail address needs codes from the new and the old one", async () => {
  const { person, context, page } = await owner();
  const { email } = somebody();
  await open(page, "email");
  await page.fill("#new-email", email);
  await submit(page, "email");
  await sees(page, "#email output", "Two codes are on their way");
  await page.fill("#email-code", await server.code(email));
  await page.fill("#old-email-code", await server.code(person.email, 2));
  await submit(page, "email");
  await sees(page, "#email summary", email);
  await sees(page, "#email output", "Done.");
  await sees(page, ".session", email);
  await context.close();
});

test("an address of another account cannot be taken, and the page gives the reason", async () => {
  const stranger = await owner();
  const { person, context, page } = await owner();
  await open(page, "email");
  await page.fill("#new-email", stranger.person.email);
  await submit(page, "email");
  await page.fill("#email-code", await server.code(stranger.person.email, 2));
  await page.fill("#old-email-code", await server.code(person.email, 2));
  await submit(page, "email");
  await told(page, "#email", "Another account has this");
  await sees(page, "#email summary", person.email);
  await Promise.all([context.close(), stranger.context.close()]);
});

test("seed_A42_seed_A50_a phone number can be added and removed", async () => {
  const { context, page } = await owner();
  const phone = number();
  await open(page, "phone");
  assert.equal(await page.isVisible("#phone [data-remove]"), false);
  await page.fill("#new-phone", phone);
  await submit(page, "phone");
  await page.fill("#phone-code", await server.code(phone));
  await submit(page, "phone");
  await sees(page, "#phone summary", phone);
  await page.click("#phone [data-remove]");
  await sees(page, "#phone summary", "none");
  await sees(page, "#phone output", "Removed.");
  await context.close();
});

test("seed_A53_the last sign-in method cannot be removed, and the page gives the reason", async () => {
  const { person, context, page } = await owner();
  await open(page, "email");
  await page.click("#email [data-remove]");
  await told(page, "#email", "This is the last sign-in method of the account.");
  await sees(page, "#email summary", person.email);
  await context.close();
});

test("seed_A40_a new password ends the session of the other browser and keeps this one", async () => {
  const { person, context, page } = await owner();
  const other = await signedIn(chromium, server, person, { path: "/profile" });
  await sees(other.page, "#who", person.email);
  await open(page, "password");
  await page.fill("#old-password", "not the password");
  await page.fill("#new-password", "another fine sentence");
  await submit(page, "password");
  await told(page, "#password", "This is not the password of your account.");
  await page.fill("#old-password", person.password);
  await submit(page, "password");
  await sees(page, "#password output", "Your new password is set.");
  await other.page.click("#reload button");
  await sees(other.page, "#out", "You are signed out");
  assert.equal((await profileOf(page)).email, person.email);
  await Promise.all([context.close(), other.context.close()]);
});

test("seed_A56_to_seed_A60_user data can be set and removed, and a wrong type is rejected", async () => {
  const { context, page } = await owner();
  await open(page, "data");
  await page.selectOption("#key", "font_size");
  await page.fill("#value", "large");
  await submit(page, "data");
  await sees(page, "#data output", "This must be a number.");
  await page.fill("#value", "16");
  await submit(page, "data");
  await sees(page, "#items", "font_size = 16");
  await page.selectOption("#key", "layout");
  await page.fill("#value", '{"columns": 2}');
  await submit(page, "data");
  await sees(page, "#items", 'layout = {"columns":2}');
  await page.reload();
  await sees(page, "#data summary", "2");
  await open(page, "data");
  await page.click("#items button");
  await page.waitForFunction(() => document.querySelectorAll("#items li").length === 1);
  await context.close();
});

test("an account can be deleted with its password", async () => {
  const { person, context, page } = await owner();
  await open(page, "delete");
  await page.fill("#its-password", "not the password");
  await submit(page, "delete");
  await told(page, "#delete", "This is not the password of your account.");
  await page.fill("#its-password", person.password);
  await submit(page, "delete");
  await page.waitForURL(`${url}/`);
  await sees(page, ".session", "Signed out");
  assert.equal((await server.post("/v1/login", person)).status, 401);
  await context.close();
});

test("an account can be deleted with a code", async () => {
  const { person, context, page } = await owner();
  await open(page, "delete");
  await page.click("#send");
  await page.fill("#its-code", await server.code(person.email, 2));
  await submit(page, "delete");
  await page.waitForURL(`${url}/`);
  assert.equal((await server.post("/v1/login", person)).status, 401);
  await context.close();
});

test("when the sign-in is too old, the page asks for it again and then carries out the request", async () => {
  const slow = await startServer({ settings: { SESSION__FRESH: "60s" } });
  const { person, context, page } = await owner(slow);
  await slow.advance(61_000);
  await open(page, "password");
  await page.fill("#old-password", person.password);
  await page.fill("#new-password", "another fine sentence");
  await submit(page, "password");
  await page.waitForSelector("#again[open]");
  assert.equal(await page.inputValue("#again-name"), person.email);
  await page.click("#again-not");
  await sees(page, "#password output", "Nothing was changed.");

  await submit(page, "password");
  await page.waitForSelector("#again[open]");
  await page.fill("#again-password", "not the password");
  await page.click("#again form > button");
  await told(page, "#again", "Incorrect username or password.");
  await page.fill("#again-password", person.password);
  await page.click("#again form > button");
  await sees(page, "#password output", "Your new password is set.");
  assert.equal(await page.isVisible("#again"), false);
  assert.equal((await slow.post("/v1/login", { ...person, password: "another fine sentence" })).status, 200);
  await context.close();
});

test("when signed out, the page leads to the sign-in", async () => {
  const context = await openContext(chromium);
  const page = await context.newPage();
  for (const path of ["/account", "/person?id=x"]) {
    await page.goto(url + path);
    await sees(page, "#out h1", "You are signed out");
    assert.equal(await page.isVisible("#in"), false);
  }
  await context.close();
});
