// Every method to sign up and in as a user does it: on the pages, with the codes from the mailbox.

import assert from "node:assert/strict";
import { number, openChromium, openContext, sees, sharedServer, signUp, somebody, startServer, test, unique, told } from "./world.mjs";

const server = await sharedServer();
const { url } = server;
const chromium = await openChromium();

async function visitor(path, at = url) {
  const context = await openContext(chromium);
  const page = await context.newPage();
  await page.goto(at + path);
  return page;
}

const choose = (page, way) => page.check(`[name=by][value=${way}]`);
const userId = (page) => page.evaluate(() => JSON.parse(localStorage.getItem("doorward.session")).user.user_id);

async function signOut(page) {
  await page.goto(`${url}/account`);
  await page.click("#logout button");
  await page.waitForURL(`${url}/`);
}

async function signUpByPhone(page) {
  const phone = number();
  await choose(page, "phone");
  await page.fill("#phone", phone);
  await page.click("#send");
  await page.fill("#code", await server.code(phone));
  await page.click("#create");
  await page.waitForURL("**/profile");
  return phone;
}

test("seed_A03_seed_A14_a user signs up by username, is signed in, and signs in again with the password", async () => {
  const page = await visitor("/signup");
  const username = unique("grace");
  await choose(page, "username");
  await page.fill("#username", username);
  await page.fill("#password", "correct horse battery");
  await page.click("#create");
  await page.waitForURL("**/profile");
  await sees(page, "#who", username);
  await sees(page, ".session", username);
  await signOut(page);
  await page.goto(`${url}/login`);
  await choose(page, "username");
  assert.equal(await page.isVisible("#codes"), false, "no code can be sent to a username");
  await page.fill("#username", username);
  await page.fill("#password", "correct horse battery");
  await page.click("#login > button");
  await page.waitForURL("**/profile");
  await page.context().close();
});

test("a taken username is reported at its field", async () => {
  const username = unique("taken");
  const answer = await server.post("/v1/signup", { username, password: "correct horse battery" });
  assert.equal(answer.status, 200);
  const page = await visitor("/signup");
  await choose(page, "username");
  await page.fill("#username", username);
  await page.fill("#password", "correct horse battery");
  await page.click("#create");
  await told(page, "#signup", "user already exists.");
  await page.context().close();
});

test("seed_A04_seed_A18_a phone number signs up with its code, gets a password, and signs in with it", async () => {
  const page = await visitor("/signup");
  const phone = await signUpByPhone(page);
  await sees(page, "#who", phone);
  await page.goto(`${url}/account`);
  await page.click("#password summary");
  await page.fill("#new-password", "another fine sentence");
  await page.click("#password form > button");
  await sees(page, "#password output", "Your new password is set.");
  await signOut(page);
  await page.goto(`${url}/login`);
  await choose(page, "phone");
  await page.fill("#phone", phone);
  await page.fill("#password", "another fine sentence");
  await page.click("#login > button");
  await page.waitForURL("**/profile");
  await sees(page, "#who", phone);
  await page.context().close();
});

test("seed_A32_a user signs in with an e-mail address and the mailed code", async () => {
  const { email } = await signUp(server);
  const page = await visitor("/login");
  await page.fill("#email", email);
  await page.click("#codes");
  await sees(page, "#login output", "The mail is on its way.");
  assert.equal(await page.isVisible("#password"), false);
  const code = await server.code(email, 2);
  await page.fill("#code", code === "000000" ? "000001" : "000000");
  await page.click("#login > button");
  await told(page, "#login", "The code is not valid.");
  await page.fill("#code", code);
  await page.click("#login > button");
  await page.waitForURL("**/profile");
  await sees(page, "#who", email);
  await page.context().close();
});

test("seed_A21_the page reports that a correct code has no account", async () => {
  const { email } = somebody();
  const page = await visitor("/login");
  await page.fill("#email", email);
  await page.click("#codes");
  await page.fill("#code", await server.code(email));
  await page.click("#login > button");
  await told(page, "#login", "This account does not exist yet.");
  await page.context().close();
});

test("seed_H40_seed_H41_a device signs in, gets an address and a password, and keeps its account", async () => {
  const page = await visitor("/login");
  await page.click("#device");
  await page.waitForURL("**/account");
  await sees(page, "#who", "A device");
  const id = await userId(page);

  const { email, password } = somebody();
  await page.click("#email summary");
  await page.fill("#new-email", email);
  await page.click("#email form > button");
  await page.fill("#email-code", await server.code(email));
  await page.click("#email form > button");
  await sees(page, "#email summary", email);
  await page.click("#password summary");
  await page.fill("#new-password", password);
  await page.click("#password form > button");
  await sees(page, "#password output", "Your new password is set.");

  await signOut(page);
  await page.goto(`${url}/login`);
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#login > button");
  await page.waitForURL("**/profile");
  assert.equal(await userId(page), id);
  await signOut(page);
  await page.goto(`${url}/login`);
  await page.click("#device");
  await page.waitForURL("**/account");
  await sees(page, "#who", email);
  assert.equal(await userId(page), id);
  await page.context().close();
});

test("seed_A36_a code by SMS sets a new password", async () => {
  const page = await visitor("/signup");
  const phone = await signUpByPhone(page);
  await signOut(page);
  await page.goto(`${url}/forgot`);
  await choose(page, "phone");
  await page.fill("#phone", phone);
  await page.click("#forgot > button");
  await page.waitForURL("**/reset#sent");
  assert.equal(await page.inputValue("#phone"), phone, "the page before said how and who");
  await page.fill("#code", await server.code(phone, 2));
  await page.fill("#password", "another fine sentence");
  await page.click("#reset > button");
  await page.waitForURL("**/login#password-set");
  assert.equal((await server.post("/v1/login", { phone_number: phone, password: "another fine sentence" })).status, 200);
  await page.context().close();
});

test("the page hides a sign-in method that the server does not offer", async () => {
  const strict = await startServer({ settings: { DEVICE_ID__ENABLED: false, EMAIL__CODES: false } });
  const page = await visitor("/login", strict.url);
  // The phone option appears with the same response.
  await page.waitForSelector("[name=by][value=phone]", { state: "visible" });
  assert.equal(await page.isVisible("#device"), false);
  assert.equal(await page.isVisible("#codes"), false);
  await choose(page, "phone");
  await page.waitForSelector("#codes", { state: "visible" });
  await page.context().close();
});
