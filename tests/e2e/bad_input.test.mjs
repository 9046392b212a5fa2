// Invalid input for each field: the correct code and field name over HTTP and from the SDK, and a message on the form's
// control.

import assert from "node:assert/strict";
import { openChromium, openContext, openForm, sharedServer, signUp, somebody, test } from "./world.mjs";

const server = await sharedServer();
const { url } = server;
const chromium = await openChromium();
const context = await openContext(chromium);
const page = await context.newPage();

const REQUIRED = "This field is required.";
const EMAIL = "Enter an e-mail address, like name@example.com.";
const WEB = "Enter a web address that begins with https:// or http://.";
const CODE = "Enter the code of 6 digits.";
const LINE = "This must be one line without control characters.";
const good = { email: "a@example.com", password: "secret 1" };

/**
 * Method, path, a valid body, and per case: field, invalid value, message. `SERVER` marks cases that only the server
 * can detect: its region of phone numbers, and the fields that its operator declares. `undefined` leaves the field out.
 */
const SERVER = true;
/** @type {any[][]} */
const CALLS = [
  [
    "signup",
    "/v1/signup",
    good,
    [
      ["email", undefined, REQUIRED],
      ["email", "", REQUIRED],
      ["email", "a@b", EMAIL],
      ["email", "a b@example.com", EMAIL],
      ["email", "a@example.com,b@example.com", EMAIL],
      ["email", "u\u0000@example.com", EMAIL],
      ["password", undefined, REQUIRED],
      ["password", "12345", "A password needs at least 6 characters."],
      ["password", "x".repeat(61), "A password may have at most 60 characters."],
      ["phone_number", "12025550123", "Enter a phone number as + and digits, like +12025550123.", SERVER],
      ["name", "x".repeat(257), "This may have at most 256 characters."],
      ["nickname", "a\u0007b", LINE],
      ["gender", "x".repeat(65), "This may have at most 64 characters."],
      ["birthdate", "1990-02-31", "Enter a real date as YYYY-MM-DD."],
      ["picture", "javascript:alert(1)", WEB],
      ["profile", "//example.com", WEB],
      ["website", "example.com", WEB],
      ["address", "x".repeat(513), "This may have at most 512 characters."],
      ["address.locality", "x".repeat(129), "This may have at most 128 characters."],
      ["address.planet", "Mars", "There is no such field."],
      ["email_public", "perhaps", "This must be true or false."],
      ["misc", "x".repeat(4097), "This may have at most 4096 characters."],
      ["is_admin", "true", "There is no such field.", SERVER],
      ["roles", "admin", "There is no such field.", SERVER],
    ],
  ],
  [
    "login",
    "/v1/login",
    good,
    [
      ["email", undefined, REQUIRED],
      ["email", "not one", EMAIL],
      ["password", undefined, REQUIRED],
      ["password", "x".repeat(1025), "This password is too long."],
      ["remember", "yes", "There is no such field."],
    ],
  ],
  [
    "forgotPassword",
    "/v1/password/forgot",
    { email: good.email },
    [
      ["email", undefined, REQUIRED],
      ["email", "@example.com", EMAIL],
    ],
  ],
  [
    "resetPassword",
    "/v1/password/reset",
    { email: good.email, code: "123456", new_password: "secret 1" },
    [
      ["email", undefined, REQUIRED],
      ["code", undefined, REQUIRED],
      ["code", "1234567", CODE],
      ["code", "12a456", CODE],
      ["new_password", undefined, REQUIRED],
      ["new_password", "short", "A password needs at least 6 characters."],
      ["token", "x".repeat(43), "Give a code or a token, not both."],
    ],
  ],
  [
    "verifyEmail",
    "/v1/email/verify",
    { email: good.email, code: "123456" },
    [
      ["email", undefined, REQUIRED],
      ["email", "x", EMAIL],
      ["code", undefined, REQUIRED],
      ["code", "abc", CODE],
    ],
  ],
];

/** Returns the body with one field set (`a.b` is inside `a`), or without the field if the value is undefined. */
function changed(body, field, value) {
  const [name, inner] = field.split(".");
  const copy = { ...body, [name]: inner ? { [inner]: value } : value };
  if (value === undefined) delete copy[name];
  return copy;
}

for (const [method, path, body, cases] of CALLS) {
  test(`${path} names the invalid field`, async () => {
    for (const [field, value, message] of cases) {
      const answer = await server.post(path, changed(body, field, value));
      const problem = await answer.json();
      const what = `${field} = ${JSON.stringify(value)?.slice(0, 40)}`;
      assert.equal(answer.headers.get("content-type"), "application/problem+json", what);
      assert.deepEqual(
        [answer.status, problem.code, problem.field, problem.detail ?? problem.title],
        [400, "INVALID_PARAMETER", field, message],
        what,
      );
      assert.equal(problem.id, answer.headers.get("x-request-id"), what);
    }
  });

  test(`${method} rejects the same input, without a request if possible`, async () => {
    await page.goto(`${url}/favicon.svg`);
    const requests = [];
    const count = (request) => request.method() === "POST" && requests.push(request.url());
    page.on("request", count);
    for (const [field, value, message] of cases) {
      const error = await page.evaluate(
        async ([name, params]) => {
          const { AuthClient, isAuthError } = await import("/pkg/index.js");
          const error = await new AuthClient()[name](params).catch((error) => error);
          return [isAuthError(error) && error instanceof Error, error.code, error.field, error.message];
        },
        [method, changed(body, field, value)],
      );
      assert.deepEqual(error, [true, "INVALID_PARAMETER", field, message], `${field} = ${JSON.stringify(value)?.slice(0, 40)}`);
    }
    page.off("request", count);
    assert.equal(requests.length, cases.filter(([, , , server]) => server).length, requests.join());
  });

  test(`${method} shows the error on the control`, async () => {
    const fields = [...new Set([...Object.keys(body), ...cases.map(([field]) => field)])];
    const form = await context.newPage();
    // Without `required`, so that the SDK checks the field; a textarea accepts any character.
    const controls = fields.filter((name) => name !== "email_public" && name !== "address");
    await openForm(
      form,
      url,
      `<form method="post" novalidate>${controls.map((name) => `<textarea name="${name}"></textarea>`).join("")}<button>Go</button></form>`,
      `
      const auth = new AuthClient({ navigate: false });
      form.addEventListener("submit", (event) => { window.call = auth.${method}(event).then(() => "done", ({ code, field }) => code + " " + field); });
    `,
    );
    for (const [field, value, message] of cases) {
      // A control cannot contain NUL, and the SDK reads only the fields that the call knows.
      if (!controls.includes(field) || value?.includes("\u0000") || message === "There is no such field.") continue;
      await form.evaluate(
        ([values, name]) => {
          for (const control of document.querySelectorAll("textarea")) {
            control.disabled = !(control.name in values) && control.name !== name;
            control.value = values[control.name] ?? "";
            control.dispatchEvent(new Event("input", { bubbles: true }));
          }
          document.forms[0].requestSubmit();
        },
        [{ ...body, [field]: value ?? "" }, field],
      );
      assert.equal(await form.evaluate(() => window.call), `INVALID_PARAMETER ${field}`);
      const shown = await form.$eval(`[name="${field}"]`, (control) => control.validationMessage);
      assert.equal(shown, message);
    }
    await form.close();
  });
}

test("invalid JSON, a large body and another content type get errors in the same format", async () => {
  const post = (headers, body) => fetch(`${url}/v1/login`, { method: "POST", headers, body }).catch((error) => error);
  const json = { "content-type": "application/json" };
  for (const [what, answer, status, code] of [
    ["broken JSON", await post(json, `{"email":`), 400, "INVALID_REQUEST"],
    ["no body", await post(json, ""), 400, "INVALID_REQUEST"],
    ["a list", await post(json, "[]"), 400, "INVALID_REQUEST"],
    ["bytes that are no UTF-8", await post(json, Buffer.from([0x22, 0xff, 0xfe, 0x22])), 400, "INVALID_REQUEST"],
    ["a form", await post({ "content-type": "application/x-www-form-urlencoded" }, "email=a"), 415, "INVALID_REQUEST"],
    ["text", await post({ "content-type": "text/plain" }, "{}"), 415, "INVALID_REQUEST"],
    ["another method", await fetch(`${url}/v1/login`), 405, "INVALID_REQUEST"],
    ["another path", await fetch(`${url}/v1/nothing`), 404, "NOT_FOUND"],
  ]) {
    const problem = await answer.json();
    assert.deepEqual([answer.status, problem.code, problem.status], [status, code, status], what);
    assert.ok(problem.id, what);
  }
  // The server may close the connection during the upload: the client gets 413 or a broken connection.
  const big = await post(json, JSON.stringify({ email: "x".repeat(10_000_000) }));
  assert.ok(big.status === 413 || big instanceof Error, String(big.status));
  const deep = await post(json, "[".repeat(60_000));
  assert.equal(deep.status, 400);
  assert.equal((await fetch(`${url}/health/live`)).status, 200);
});

test("text of every script is returned unchanged, and never as markup", async () => {
  for (const name of ["𝕬𝖉𝖆 👩‍👩‍👧", "שלום עולם", "\u202Eadmin", "<img src=x onerror=alert(1)>", "'; drop table accounts; --", "{{7*7}}"]) {
    const person = somebody();
    await signUp(server, { ...person, name });
    const tab = await context.newPage();
    await tab.goto(`${url}/login`);
    await tab.fill("#email", person.email);
    await tab.fill("#password", person.password);
    await tab.click("#login > button");
    await tab.waitForURL("**/profile");
    await tab.waitForFunction((expected) => document.querySelector("#who").textContent === expected, name);
    await tab.close();
    await context.clearCookies();
  }
  assert.deepEqual(
    context.complaints.filter((text) => !/status of 4/.test(text)),
    [],
  );
});
