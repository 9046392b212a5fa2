// How errors are shown to the user and reported to the page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, problem } from "./page.mjs";

const FORM = `<form id="f">
  <input name="email" value="ada@example.com"><input name="password" type="password" value="secret"><button>Sign in</button>
</form>`;
const WRONG = [401, problem("INCORRECT_USERNAME_OR_PASSWORD", { title: "Incorrect username or password." })];
const EXCEEDED = [429, problem("REQUEST_EXCEED", { title: "Too many attempts. Please try again later." })];

/** The README's example line, for a method and a form. */
async function listen(page, method = "login", options = {}) {
  await page.evaluate(
    ({ method, options }) => {
      window.unhandled = [];
      addEventListener("unhandledrejection", (event) => unhandled.push(event.reason.code));
      window.auth = new AuthClient(options);
      f.addEventListener("submit", auth[method]);
    },
    { method, options },
  );
}

/** Presses the button, and returns the controls that then show a message. */
async function press(page) {
  await page.click("button");
  await page.evaluate(() => until(() => document.querySelector(":is(input, button):invalid")));
  return shown(page);
}

const shown = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("input, button")]
      .filter((/** @type {any} */ control) => control.validationMessage)
      .map((/** @type {any} */ control) => [control.name || control.textContent, control.validationMessage]),
  );

test("the password control shows wrong credentials, and no unhandled rejection remains", async (t) => {
  const { page } = await open(t, { html: FORM, routes: { "POST /v1/login": WRONG } });
  await listen(page);
  assert.deepEqual(await press(page), [["password", "Incorrect username or password."]]);
  assert.equal(await page.evaluate("document.activeElement.name"), "password");
  assert.equal(await page.getAttribute("[name=password]", "aria-invalid"), "true");
  assert.deepEqual(await page.evaluate("unhandled"), []);
});

for (const [code, name] of [
  ["INVALID_CODE", "code"],
  ["EXPIRED_CODE", "code"],
  ["PASSWORD_REQUIRED", "password"],
]) {
  test(`the control of the ${name} shows ${code}`, async (t) => {
    const html = `<form id="f"><input name="code" value="123456"><input name="email" value="ada@example.com"><input name="password" value="secret"><button>Go</button></form>`;
    const { page } = await open(t, { html, routes: { "POST /v1/email/verify": [400, problem(code, { title: "No." })] } });
    await listen(page, "verifyEmail");
    assert.deepEqual(await press(page), [[name, "No."]]);
  });
}

test("the pressed button shows an error that belongs to no control", async (t) => {
  const codes = [
    "REQUEST_EXCEED",
    "LimitExceededException",
    "SIGNUP_CONFIRMATION_NEEDED",
    "USER_IS_DISABLED",
    "HOOK_REJECTED",
    "OVERLOADED",
    "CAPTCHA_REQUIRED",
  ];
  for (const code of codes) {
    const { page } = await open(t, { html: FORM, routes: { "POST /v1/login": [400, problem(code, { title: `It was ${code}.` })] } });
    await listen(page);
    assert.deepEqual(await press(page), [["Sign in", `It was ${code}.`]]);
    assert.equal(await page.getAttribute("button", "aria-invalid"), null, "a button has no value that could be wrong");
  }
});

test("if that button is disabled, the first control that the method knows shows the error", async (t) => {
  const html = FORM.replace(`<form id="f">`, `<form id="f"><input name="remember">`);
  const { page } = await open(t, { html, routes: { "POST /v1/login": EXCEEDED } });
  await listen(page);
  await page.evaluate(() => f.addEventListener("submit", () => (document.querySelector("button").disabled = true)));
  assert.deepEqual(await press(page), [["email", "Too many attempts. Please try again later."]]);
});

test("the button shows that the server does not respond or is too slow", async (t) => {
  const { page } = await open(t, { html: FORM, routes: {} });
  await listen(page, "login", { url: "http://127.0.0.1:9" });
  assert.deepEqual(await press(page), [["Sign in", "The server could not be reached."]]);
  const slow = await open(t, { html: FORM, routes: { "POST /v1/login": () => new Promise(() => {}) } });
  await listen(slow.page, "login", { timeout: 50 });
  assert.deepEqual(await press(slow.page), [["Sign in", "The server took too long to answer."]]);
});

test("an error of a field without a control names the field", async (t) => {
  const answer = [400, problem("INVALID_PARAMETER", { field: "username", detail: "Please choose another one." })];
  const { page } = await open(t, { html: FORM, routes: { "POST /v1/login": answer } });
  await listen(page);
  assert.deepEqual(await press(page), [["Sign in", "username: Please choose another one."]]);
});

test("the next input clears the message, and the message never blocks a submit", async (t) => {
  const { page, names } = await open(t, { html: FORM, routes: { "POST /v1/login": WRONG } });
  await listen(page);
  await press(page);
  await page.locator("[name=password]").pressSequentially("!");
  assert.deepEqual(await shown(page), []);
  assert.equal(await page.getAttribute("[name=password]", "aria-invalid"), null);
  await press(page);
  await press(page);
  await page.keyboard.press("Enter");
  await page.evaluate(() => until(() => document.querySelector(":is(input, button):invalid")));
  assert.equal(names().length, 4);
});

test("a rejected form leaves no listener on the document, and shows one message at a time", async (t) => {
  const answers = [WRONG, EXCEEDED];
  const { page } = await open(t, { html: FORM, routes: { "POST /v1/login": () => answers.shift() } });
  await page.evaluate(() => {
    window.added = [];
    const add = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (type, ...rest) {
      if ([window, document, document.documentElement, document.body].includes(/** @type {any} */ (this)) && type !== "unhandledrejection")
        window.added.push(type);
      return add.call(this, type, ...rest);
    };
  });
  await listen(page);
  await press(page);
  await page.evaluate(() => (window.added.length = 0)); // Ignores the client's own listeners.
  // The browser does not validate a form that the page submits by script.
  await page.evaluate(() => f.dispatchEvent(new SubmitEvent("submit", { cancelable: true, submitter: document.querySelector("button") })));
  await page.evaluate(() => until(() => document.querySelector("button").validationMessage));
  assert.deepEqual(await shown(page), [["Sign in", "Too many attempts. Please try again later."]]);
  assert.deepEqual(await page.evaluate("added"), []);
});

test("the page gets `doorward:error`, and with preventDefault shows the error itself", async (t) => {
  const { page } = await open(t, { html: FORM, routes: { "POST /v1/login": WRONG } });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const events = [];
    document.addEventListener("doorward:error", (event) => {
      events.push(event);
      event.preventDefault();
    });
    const rejected = new Promise((resolve) => f.addEventListener("submit", (event) => auth.login(event).catch(resolve)));
    f.requestSubmit();
    const error = await rejected;
    const [event] = events;
    return {
      events: events.length,
      onForm: event.target === f,
      same: event.detail === error,
      is: isAuthError(error),
      code: error.code,
      stack: error.stack.startsWith("AuthError: Incorrect"),
      shown: [...f.elements].filter((control) => control.validationMessage).length,
    };
  });
  assert.deepEqual(told, { events: 1, onForm: true, same: true, is: true, code: "INCORRECT_USERNAME_OR_PASSWORD", stack: true, shown: 0 });
});

test("without an event the caller handles the promise, and a form argument gets `doorward:error` all the same", async (t) => {
  const { page } = await open(t, { html: FORM, routes: { "POST /v1/login": WRONG } });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const events = [];
    addEventListener("doorward:error", (event) => events.push(event.detail.code));
    const code = new Promise((resolve) => addEventListener("unhandledrejection", (event) => resolve(event.reason.code)));
    auth.login(f);
    return [await code, events, f.password.validationMessage];
  });
  assert.deepEqual(told, ["INCORRECT_USERNAME_OR_PASSWORD", ["INCORRECT_USERNAME_OR_PASSWORD"], "Incorrect username or password."]);
});

test("the clicked element gets the error of a click; if the page does not prevent it, the rejection is unhandled", async (t) => {
  const { page } = await open(t, { html: `<button id="b" type="button">My sessions</button>` });
  const told = await page.evaluate(async () => {
    const reported = [];
    addEventListener("error", (event) => reported.push(event.message));
    addEventListener("unhandledrejection", (event) => reported.push(event.reason.code));
    window.b.addEventListener("click", new AuthClient().listSessions);
    const codes = [];
    window.b.addEventListener("doorward:error", (event) => codes.push(event.detail.code));
    window.b.click();
    await until(() => reported.length);
    window.b.addEventListener("doorward:error", (event) => event.preventDefault());
    window.b.click();
    await until(() => codes.length > 1);
    await new Promise((resolve) => setTimeout(resolve));
    return { codes, reported };
  });
  assert.deepEqual(told, { codes: ["SESSION_REQUIRED", "SESSION_REQUIRED"], reported: ["SESSION_REQUIRED"] });
});

test("a disposed client shows nothing and leaves no unhandled rejection", async (t) => {
  const { page } = await open(t, { html: FORM, routes: { "POST /v1/login": () => new Promise(() => {}) } });
  await listen(page);
  await page.click("button");
  const told = await page.evaluate(async () => {
    auth.dispose();
    await new Promise((resolve) => setTimeout(resolve));
    return unhandled;
  });
  assert.deepEqual([told, await shown(page)], [[], []]);
});

for (const [language, required, unreachable] of [
  ["de", "Bitte füllen Sie dieses Feld aus.", "Der Server ist nicht erreichbar."],
  ["id", "Isian ini wajib diisi.", "Server tidak dapat dihubungi."],
  ["zh", "此项为必填。", "无法连接服务器。"],
]) {
  test(`messages are in the client's language: ${language}`, async (t) => {
    const html = FORM.replace(`value="secret"`, "");
    const { page } = await open(t, { html });
    await listen(page, "login", { locale: `${language}-XX`, url: "http://127.0.0.1:9" });
    assert.deepEqual(await press(page), [["password", required]]);
    await page.fill("[name=password]", "secret");
    assert.deepEqual(await press(page), [["Sign in", unreachable]]);
  });
}

test("without the option `locale` messages are in the page's language, with their numbers", async (t) => {
  const html = FORM.replace(`value="secret"`, `value="abc"`);
  const { page } = await open(t, { html });
  await page.evaluate(() => (document.documentElement.lang = "de"));
  await listen(page, "signup");
  assert.deepEqual(await press(page), [["password", "Ein Passwort braucht mindestens 6 Zeichen."]]);
});

test("messages are English if the messages of the language cannot be loaded", async (t) => {
  const html = FORM.replace(`value="secret"`, "");
  const { page } = await open(t, { html });
  await page.route("**/messages-*", (route) => route.abort());
  t.after(() => page.unroute("**/messages-*"));
  await listen(page, "login", { locale: "de" });
  assert.deepEqual(await press(page), [["password", "This field is required."]]);
  assert.deepEqual(await page.evaluate("unhandled"), []);
});

test("an error waits a short time for the messages of its language, and only once", async (t) => {
  const html = FORM.replace(`value="secret"`, "");
  const { page } = await open(t, { html });
  await page.route("**/messages-*", () => {});
  t.after(() => page.unroute("**/messages-*"));
  await listen(page, "login", { locale: "de" });
  assert.deepEqual(await press(page), [["password", "This field is required."]]);
});

test("an event in the second argument gets the error, too", async (t) => {
  const { page } = await open(t, { html: FORM, routes: { "POST /v1/login": WRONG } });
  await page.evaluate(() => {
    window.unhandled = [];
    addEventListener("unhandledrejection", (event) => unhandled.push(event.reason.code));
    const auth = new AuthClient();
    f.addEventListener("submit", (event) => auth.login({ email: "ada@example.com", password: "secret" }, event));
  });
  assert.deepEqual(await press(page), [["password", "Incorrect username or password."]]);
  assert.deepEqual(await page.evaluate("unhandled"), []);
});

test("an invisible control does not show the error; another one does", async (t) => {
  const html = FORM.replace(
    `<input name="password" type="password" value="secret">`,
    `<div hidden><input name="password" value="secret"></div>`,
  );
  const { page } = await open(t, { html, routes: { "POST /v1/login": WRONG } });
  await listen(page);
  assert.deepEqual(await press(page), [["Sign in", "Incorrect username or password."]]);
});

test("leaving the control clears its message, so that a button added later and the page can submit", async (t) => {
  const { page, names } = await open(t, { html: FORM, routes: { "POST /v1/login": EXCEEDED } });
  await listen(page);
  await press(page);
  await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", `<button form="f" id="later">Again</button>`));
  await page.click("#later");
  await page.evaluate(() => until(() => document.querySelector("#later").validationMessage));
  await page.evaluate(() => (document.activeElement.blur(), f.requestSubmit()));
  // No button was pressed, so the first control of the method shows the error.
  await page.evaluate(() => until(() => f.email.validationMessage));
  assert.deepEqual(await shown(page), [["email", "Too many attempts. Please try again later."]]);
  assert.equal(names().length, 3);
});

test("a message replaces the control's aria-invalid, and clearing it restores the old value", async (t) => {
  const html = FORM.replace(`type="password"`, `type="password" aria-invalid="false"`);
  const { page } = await open(t, { html, routes: { "POST /v1/login": WRONG } });
  await listen(page);
  await press(page);
  assert.equal(await page.getAttribute("[name=password]", "aria-invalid"), "true");
  await page.locator("[name=password]").pressSequentially("!");
  assert.equal(await page.getAttribute("[name=password]", "aria-invalid"), "false");
});

test("the form shows that WebAssembly is unavailable", async (t) => {
  const { page } = await open(t, { html: FORM });
  await page.evaluate(() => delete window.WebAssembly);
  await listen(page);
  const [[where, message]] = await press(page);
  assert.equal(where, "Sign in");
  assert.match(message, /WebAssembly is not available here/);
  assert.deepEqual(await page.evaluate("unhandled"), []);
});

test("a failed `fetch` of the page has its message in the client's language", async (t) => {
  const { page } = await open(t, {});
  const message = await page.evaluate(() =>
    new AuthClient({ locale: "de", url: "http://127.0.0.1:9", dpop: false }).fetch("http://127.0.0.1:9/x").catch((error) => error.message),
  );
  assert.equal(message, "Der Server ist nicht erreichbar.");
});

test("an error keeps the browser's exception as its cause, and names the failed operation", async (t) => {
  const { page } = await open(t, { routes: { "POST /v1/login": EXCEEDED } });
  const told = await page.evaluate(async () => {
    const ada = { email: "ada@example.com", password: "secret" };
    const fault = (options) =>
      new AuthClient(options).login(ada).catch(({ code, message, cause }) => [code, message, cause?.name ?? cause]);
    const faults = { network: await fault({ url: "http://127.0.0.1:9", dpop: false }) };
    const failing = (name) =>
      Object.assign(crypto.subtle, {
        [name]: async () => {
          throw new DOMException("no", name);
        },
      });
    failing("sign");
    faults.sign = await fault({ storageKey: "a" });
    failing("generateKey");
    faults.generateKey = await fault({ storageKey: "b" });
    faults.thrown = await fault({
      dpop: false,
      fetch: () => {
        throw "a text";
      },
    });
    faults.server = await fault({ dpop: false });
    return faults;
  });
  assert.deepEqual(told, {
    network: ["NETWORK", "The server could not be reached.", "TypeError"],
    sign: ["INTERNAL", "The browser does not sign with the key of the session.", "sign"],
    generateKey: ["INTERNAL", "The browser makes no key for the session.", "generateKey"],
    thrown: ["NETWORK", "The server could not be reached.", "a text"],
    server: ["REQUEST_EXCEED", "Too many attempts. Please try again later.", undefined],
  });
});

test("a page without an origin gets an error that names this as the reason", async (t) => {
  const { page } = await open(t, {});
  const told = await page.evaluate(async () => {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    const module = (text) => `data:text/javascript;charset=utf-8,${encodeURIComponent(text)}`;
    const sdk = module(await (await fetch("/index.js")).text());
    const text = `import { AuthClient } from "${sdk}";
      const auth = new AuthClient({ url: "http://127.0.0.1:9", dpop: false });
      auth.login({ email: "a@b.de", password: "x" }).catch((error) => parent.postMessage([error.code, error.message], "*"));`;
    frame.srcdoc = `<script type="module" src="${module(text)}"></script>`;
    const message = new Promise((resolve) => addEventListener("message", (event) => resolve(event.data)));
    document.body.append(frame);
    return message;
  });
  assert.equal(told[0], "NETWORK");
  assert.match(told[1], /this page has no origin/);
});

test("without AbortSignal.any and AbortSignal.timeout calls work, time out, and end with the caller's signal", async (t) => {
  const slow = () => new Promise(() => {});
  const { page } = await open(t, { routes: { "POST /v1/login": EXCEEDED, "GET /v1/settings": slow } });
  const told = await page.evaluate(async () => {
    delete AbortSignal.any;
    delete AbortSignal.timeout;
    const auth = new AuthClient({ dpop: false });
    const code = (promise) =>
      promise.then(
        () => "done",
        (error) => error.code,
      );
    const controller = new AbortController();
    const ended = code(auth.getSettings({ signal: controller.signal }));
    const disposed = code(auth.getSettings({ signal: new AbortController().signal }));
    setTimeout(() => controller.abort());
    const codes = [
      await code(auth.login({ email: "ada@example.com", password: "secret" })),
      await code(auth.getSettings({ timeout: 50 })),
      await ended,
      await code(auth.getSettings({ signal: "no signal" })),
    ];
    auth.dispose();
    return [...codes, await disposed];
  });
  assert.deepEqual(told, ["REQUEST_EXCEED", "TIMEOUT", "ABORTED", "INVALID_PARAMETER", "ABORTED"]);
});
