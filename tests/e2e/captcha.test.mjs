// Captchas on the demo's forms against the real server: a proof of work that the browser solves, and a picture that the
// user solves.

import assert from "node:assert/strict";
import { createDecipheriv, hkdfSync } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openChromium, openContext, sees, signUp, somebody, startServer, test, told } from "./world.mjs";

const chromium = await openChromium();

/** A user's browser on a page of a server. */
async function visit(server, path) {
  const page = await (await openContext(chromium)).newPage();
  page.asked = [];
  page.on("request", (request) => {
    if (request.url().includes("/v1/")) page.asked.push([request.method(), new URL(request.url()).pathname, request.headers()]);
  });
  await page.goto(server.url + path);
  return page;
}

const calls = (page, path) => page.asked.filter(([method, asked]) => method === "POST" && asked === path);

/** The text of a picture: the server's own key decrypts its id. */
async function read(server, id) {
  const [line] = (await readFile(join(server.data, "secret_keys"), "utf8")).split("\n").filter((line) => line && !line.startsWith("#"));
  const key = Buffer.from(hkdfSync("sha256", Buffer.from(line.split(":")[1], "base64url"), "doorward", "seal", 32));
  const sealed = Buffer.from(id, "base64url");
  const open = createDecipheriv("aes-256-gcm", key, sealed.subarray(5, 17));
  open.setAAD(Buffer.from("captcha picture")).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([open.update(sealed.subarray(17, -16)), open.final()])
    .subarray(8)
    .toString();
}

async function signIn(page, { email, password }) {
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#login > button:not([type])");
}

/** Types the text of the picture, in lower case. */
async function solve(server, page, form) {
  const id = await page.inputValue(`${form} [name=captcha_id]`);
  await page.fill("#captcha", (await read(server, id)).toLowerCase());
  return id;
}

test("seed_a24_a25_after wrong passwords, a login with the right one solves the captcha by itself", async () => {
  const server = await startServer({ settings: { CAPTCHA__AFTER: 3 } });
  const person = await signUp(server);
  const page = await visit(server, "/login");
  for (let wrong = 1; wrong <= 3; wrong += 1) {
    await signIn(page, { ...person, password: "wrong password" });
    await told(page, "#login", "Incorrect username or password.");
    await page.fill("#password", "");
    await page.evaluate(() => (document.querySelector("#login output").value = ""));
  }
  await signIn(page, person);
  await page.waitForURL("**/profile");
  const given = calls(page, "/v1/login").map(([, , headers]) => Boolean(headers["captcha-response"]));
  assert.deepEqual(given, [false, false, false, false, true]);
});

test("seed_a25_every call that requires a proof of work gets one", async () => {
  const server = await startServer({ settings: { CAPTCHA__AFTER: 0, CAPTCHA__DIFFICULTY: 200_000 } });
  const page = await visit(server, "/signup");
  const { email, password } = somebody();
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#at-once");
  await page.waitForURL("**/profile");
  const [first, second] = calls(page, "/v1/signup").map(([, , headers]) => headers);
  assert.equal(first["captcha-response"], undefined);
  assert.match(second["captcha-response"], /^[\w-]{64}:\d+(\.\d+){15}$/);
  assert.equal(first["idempotency-key"], second["idempotency-key"]);
});

test("seed_a22_a25_a26_a user solves the picture and signs in", async () => {
  const server = await startServer({ settings: { CAPTCHA__KIND: "picture", CAPTCHA__AFTER: 0 } });
  const page = await visit(server, "/signup");
  const { email, password } = somebody();
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#at-once");
  await page.waitForSelector("#signup .captcha img");
  assert.ok(await page.$eval(".captcha img", (image) => image.complete && image.naturalWidth === 200));
  await solve(server, page, "#signup");
  await page.click("#at-once");
  await page.waitForURL("**/profile");

  await page.goto(`${server.url}/login`);
  await signIn(page, { email, password: "wrong password" });
  const first = await solve(server, page, "#login");
  await page.click("#login > button:not([type])");
  await told(page, "#login", "Incorrect username or password.");
  assert.equal(await page.$(".captcha"), null, "it is used up");
  await signIn(page, { email, password });
  await page.waitForSelector("#login .captcha img");
  await page.fill("#captcha", "wrong");
  await page.click("#login > button:not([type])");
  await page.waitForFunction(() => document.querySelector("#captcha")?.value === "");
  assert.notEqual(await solve(server, page, "#login"), first);
  await page.click("#login > button:not([type])");
  await page.waitForURL("**/profile");
});

test("seed_a26_a call that sends a mail asks for a picture, too", async () => {
  const server = await startServer({ settings: { CAPTCHA__KIND: "picture", CAPTCHA__AFTER: 0 } });
  const page = await visit(server, "/forgot");
  await page.fill("#email", somebody().email);
  await page.click("#forgot > button");
  await page.waitForSelector("#forgot .captcha img");
  await solve(server, page, "#forgot");
  await page.click("#forgot > button");
  await page.waitForURL("**/reset#sent");
  await page.goto(`${server.url}/login`);
  await page.fill("#email", somebody().email);
  await page.click("#codes");
  await page.waitForSelector("#login .captcha img");
  await solve(server, page, "#login");
  await page.click("#codes");
  await sees(page, "#login output", "The mail is on its way.");
});
