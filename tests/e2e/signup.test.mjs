// The sign-up page, and `signup` with all its fields and options.

import assert from "node:assert/strict";
import { openPage, sharedServer, signUp, somebody, test } from "./world.mjs";

const server = await sharedServer();
const page = await openPage();
const { url } = server;

test("seed_K02_the form creates an account and leads to the confirmation", async () => {
  const { email, password } = somebody();
  await page.fresh(url);
  await page.open(`${url}/signup`);
  await page.fill({ email, password, name: "Ada Lovelace" });
  await page.click("#signup > button");
  await page.at("/verify#sent");
  assert.equal(await page.tab.isVisible("#sent"), true);
  assert.equal(await page.tab.inputValue("[name=email]"), email);
  const mail = await server.mail(email);
  assert.match(mail.code, /^\d{6}$/);
  assert.match(mail.link, /\/verify#token=[\w.-]{16,}$/);
  assert.equal(await page.text(".session"), "Signed out");
});

test("seed_K24_K26_the second button signs in at once", async () => {
  const { email, password } = somebody();
  await page.fresh(url);
  await page.open(`${url}/signup`);
  await page.fill({ email, password, name: "Grace Hopper" });
  await page.click("#at-once");
  await page.at("/profile");
  await page.sees("#who", "Grace Hopper");
  await page.sees(".session", email);
  assert.equal(await page.text("#verified"), "not confirmed");
});

test("seed_K05_to_K19_the account keeps the fields that the user filled in", async () => {
  const { email, password } = somebody();
  await page.fresh(url);
  await page.open(`${url}/signup`);
  await page.click("summary");
  await page.fill({
    email,
    password,
    name: "אדה 👩‍💻",
    nickname: "Ünï",
    phone_number: "+0012341234",
    birthdate: "1990-01-31",
    "address.locality": "London",
    "address.country": "United Kingdom",
    website: "https://example.com/~ada",
  });
  await page.click("#public");
  await page.click("#at-once");
  await page.at("/profile");
  await page.sees("#who", "אדה 👩‍💻");
  for (const [name, value] of Object.entries({
    nickname: "Ünï",
    phone_number: "+0012341234",
    birthdate: "1990-01-31",
    address: "London, United Kingdom",
    website: "https://example.com/~ada",
    email_public: "true",
    birthdate_public: "false",
  })) {
    assert.equal(await page.fact(name), value, name);
  }
});

test("seed_K07_to_K23_an object with every field resolves with a profile with every field", async () => {
  const { email, password } = somebody();
  const said = {
    name: "Ada",
    given_name: "Ada",
    family_name: "King",
    middle_name: "A.",
    nickname: "A",
    preferred_username: "ada",
    picture: "https://example.com/a.png",
    profile: "https://example.com/a",
    website: "http://example.com",
    gender: "female",
    birthdate: "2000-02-29",
    zoneinfo: "Europe/London",
    locale: "en-GB",
    company: "Analytical",
    address: "12 St James's Square\nLondon",
    misc: "for me alone",
    email_public: true,
    phone_number_public: true,
    address_public: true,
    gender_public: true,
    birthdate_public: true,
  };
  await page.fresh(url);
  const { value } = await page.run("return auth.signup(args[0], { login: true, email_subscription: true })", {
    email,
    password,
    phone_number: "+12025550123",
    ...said,
  });
  for (const [name, sent] of Object.entries({ ...said, email, phone_number: "+12025550123" })) {
    assert.deepEqual(value[name], sent, name);
  }
  assert.equal(value.email_subscription, true);
  assert.equal(value.email_verified, false);
  assert.equal(value.password, undefined);
});

test("seed_K27_K28_without a session the result tells whether a confirmation is needed", async () => {
  await page.fresh(url);
  const confirmed = await page.run("return auth.signup(args[0], { signup_confirmation: true })", somebody());
  assert.equal(confirmed.value, "SUCCESS: The account has been created. User's signup confirmation is required.");
  const plain = await page.run("return auth.signup(args[0])", somebody());
  assert.equal(plain.value, "SUCCESS: The account has been created.");
  const kept = await page.run("return auth.getSession()");
  assert.equal(kept.value, null);
});

test("seed_K25_signing in at once and a confirmation exclude each other", async () => {
  await page.fresh(url);
  for (const field of ["login", "generate_token"]) {
    const { error } = await page.run("return auth.signup(args[0], { [args[1]]: true, signup_confirmation: true })", somebody(), field);
    assert.equal(error.code, "INVALID_PARAMETER");
    assert.match(error.field, new RegExp(`${field}$`));
  }
});

test("seed_K29_the page reports a taken address", async () => {
  const { email, password } = await signUp(server);
  await page.fresh(url);
  await page.open(`${url}/signup`);
  await page.fill({ email: email.toUpperCase(), password });
  await page.click("#signup > button");
  await page.told("#signup", "user already exists.");
  const { error } = await page.run("return auth.signup(args[0])", { email, password });
  assert.equal(error.code, "EXISTS");
  assert.equal(error.ours, true);
});

test("seed_M04_M05_the page reports a taken address when the user leaves the field", async () => {
  const { email } = await signUp(server);
  await page.fresh(url);
  await page.open(`${url}/signup`);
  await page.fill({ email, name: "next field" });
  await page.sees("#taken", "This address has an account.");
  const free = somebody().email;
  await page.fill({ email: free, name: "next field" });
  await page.sees("#taken", /^$/);
  const taken = await page.run("return auth.checkEmail(args[0])", email);
  assert.equal(taken.value.message, "Email already in use");
  assert.deepEqual({ ...taken.value.data }, { email, registered: true, id: email });
  const open = await page.run("return auth.checkEmail(args[0])", free);
  assert.deepEqual(open.value, { data: { email: free, registered: false, id: free }, message: "Email available" });
});

test("Enter in a field uses the first button", async () => {
  const { email, password } = somebody();
  await page.fresh(url);
  await page.open(`${url}/signup`);
  await page.fill({ email, password });
  await page.tab.press("#password", "Enter");
  await page.at("/verify#sent");
});
