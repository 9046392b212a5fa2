// The AuthClient around the wasm: prevented events, joined submits, errors, traps, listeners, tabs, disposal.

import assert from "node:assert/strict";
import { readFile, writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "esbuild";
import { load, open, problem, tokens } from "./page.mjs";
import { root } from "./world.mjs";

const form = (attributes = `action="/home"`, more = "") => `
  <form id="f" method="post" ${attributes}>
    <input name="email" value="ada@example.com"><input name="password" type="password" value="secret">
    ${more}<button>Go</button>
  </form>`;
const login = { "POST /v1/login": [200, tokens()] };
/** A route that responds after `release()`; `first` resolves when the page has called it. */
function held(answer) {
  let ask, release;
  const first = new Promise((resolve) => (ask = resolve));
  const released = new Promise((resolve) => (release = resolve));
  return Object.assign(() => (ask(), released.then(() => answer)), { first, release });
}

test("the browser never submits a form itself, not with requestSubmit and not on a slow network", async (t) => {
  const answer = held([200, tokens()]);
  const { page, names } = await open(t, { html: form(), routes: { "POST /v1/login": answer } });
  const prevented = await page.evaluate(() => {
    const auth = new AuthClient();
    let prevented;
    f.addEventListener("submit", auth.login);
    f.addEventListener("submit", (event) => (prevented = event.defaultPrevented));
    f.requestSubmit();
    return prevented;
  });
  assert.equal(prevented, true);
  await answer.first;
  answer.release();
  await page.waitForURL("**/home");
  assert.deepEqual(names(), ["POST /v1/login", "GET /home"]);
});

for (const [what, setting] of /** @type {any[][]} */ ([
  ["the browser has no WebAssembly", { before: () => delete globalThis.WebAssembly }],
  ["the page's policy forbids WebAssembly", { headers: { "content-security-policy": "script-src 'self' 'unsafe-inline'" } }],
])) {
  test(`when ${what}, the client prevents the submit and the call reports the reason`, async (t) => {
    const { page, asked } = await open(t, { html: form(), ...setting });
    const told = await page.evaluate(async () => {
      const auth = new AuthClient();
      const told = new Promise((resolve) => {
        f.addEventListener("submit", (event) => {
          auth.login(event).catch((error) => resolve([event.defaultPrevented, error.name, error.code]));
        });
      });
      f.requestSubmit();
      return [await told, auth.user, auth.persistence];
    });
    assert.deepEqual(told, [[true, "AuthError", "WASM_UNAVAILABLE"], null, "memory"]);
    assert.deepEqual(asked, []);
  });
}

test("a second submit joins the first: one promise, one request", async (t) => {
  const { page, names } = await open(t, { html: form(""), routes: login });
  const joined = await page.evaluate(async () => {
    const auth = new AuthClient();
    const calls = [];
    f.addEventListener("submit", (event) => calls.push(auth.login(event)));
    f.requestSubmit();
    f.querySelector("button").click();
    calls.push(auth.login(f), auth.login({ nativeEvent: { preventDefault() {}, target: f } }));
    await Promise.all(calls);
    const after = auth.login(f);
    await after;
    return [calls.length, new Set(calls).size, calls.includes(after)];
  });
  assert.deepEqual(joined, [4, 1, false]);
  assert.deepEqual(names(), ["POST /v1/login", "POST /v1/login"]);
});

test("a submit that failed before it began does not block the next one", async (t) => {
  const { page } = await open(t, { html: form(""), before: plant, routes: login });
  const told = await page.evaluate(async () => {
    const submits = (auth) =>
      auth.login(f).then(
        (user) => user.email,
        (error) => error.code,
      );
    const told = [];
    const auth = new AuthClient();
    await auth.getSession();
    window.planted = true;
    told.push(await submits(auth));
    window.planted = false;
    told.push(await submits(auth));
    const slim = await import("/slim.js");
    const other = new slim.AuthClient({ storage: "memory" });
    told.push(await submits(other));
    await slim.init("/slim.wasm");
    told.push(await submits(other));
    return told;
  });
  assert.deepEqual(told, ["INTERNAL", "ada@example.com", "WASM_UNAVAILABLE", "ada@example.com"]);
});

test("the client prevents and reads React's event like the browser's own", async (t) => {
  const { page } = await open(t, { html: form(""), routes: login });
  const prevented = await page.evaluate(async () => {
    const auth = new AuthClient();
    const calls = [];
    const synthetic = (nativeEvent) => ({
      nativeEvent,
      target: nativeEvent.target,
      preventDefault() {
        calls.push("synthetic");
        nativeEvent.preventDefault();
      },
    });
    let user;
    f.onsubmit = (event) => {
      user = auth.login(synthetic(event));
      calls.push(event.defaultPrevented);
    };
    f.requestSubmit();
    calls.push((await user).email);
    return calls;
  });
  assert.deepEqual(prevented, ["synthetic", true, "ada@example.com"]);
});

test("after the caller's handlers the browser follows the submitter's formaction or the form's action", async (t) => {
  for (const [html, goal] of [
    [form(`action="/home"`, `<button formaction="/other">First</button>`), "/other"],
    [form(`action="home?x=1#y"`, `<input name="action" value="/evil"><button name="submit">S</button>`), "/home?x=1#y"],
  ]) {
    const { page } = await open(t, { html, routes: login });
    const handled = await page.evaluate(async () => {
      const auth = new AuthClient();
      const path = new Promise((resolve) => {
        f.addEventListener("submit", (event) => auth.login(event).then(() => resolve(location.pathname)));
      });
      f.querySelector("button").click();
      return path;
    });
    assert.equal(handled, "/");
    await page.waitForURL(`**${goal}`);
  }
});

test("the client does not follow an action that is not a web URL, and `navigate` decides about the others", async (t) => {
  const { page } = await open(t, { html: "", routes: login });
  const went = await page.evaluate(async () => {
    const went = [];
    const submit = async (attributes, navigate) => {
      document.body.innerHTML = `<form ${attributes}><input name=email value=a@b.de><input name=password value=x></form>`;
      await new AuthClient({ storage: "memory", navigate }).login(document.forms[0]);
      await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const router = (url) => went.push(url instanceof URL && url.pathname);
    await submit(`action="javascript:document.title='evil'"`);
    await submit(`action="javascript:throw 1"`, router);
    await submit(`action=""`, router);
    await submit(``, router);
    await submit(`action="/no"`, false);
    await submit(`action="/routed"`, router);
    await submit(`action="/routed"`, () => {
      throw new Error("a router that fails");
    });
    return [went, location.pathname, document.title];
  });
  assert.deepEqual(went, [["/routed"], "/", ""]);
});

test("a failed call does not navigate, shows its error on the control, and allows the next submit", async (t) => {
  const routes = {
    "POST /v1/signup": (_call, asked) => (asked.length === 1 ? [409, problem("EXISTS")] : [200, { confirmation_required: false }]),
  };
  const { page, names } = await open(t, { html: form(`action="/done"`), routes });
  await page.evaluate(() => {
    window.auth = new AuthClient();
    f.addEventListener("submit", (event) => auth.signup(event).catch((error) => (window.failed = error.code)));
  });
  await page.click("button");
  await page.waitForFunction("window.failed");
  assert.equal(await page.evaluate("f.email.validationMessage"), "EXISTS");
  assert.equal(await page.evaluate("document.activeElement.name"), "email");
  assert.equal(new URL(page.url()).pathname, "/");
  await page.click("button");
  await page.waitForURL("**/done");
  assert.deepEqual(names(), ["POST /v1/signup", "POST /v1/signup", "GET /done"]);
});

test("seed_K22 on a page opened from a file, a path for the confirmation is rejected", async (t) => {
  const { page } = await open(t, {});
  const folder = await mkdtemp(join(tmpdir(), "doorward-file-"));
  t.after(() => rm(folder, { recursive: true }));
  const bundle = { stdin: { contents: `export * from "${root}pkg/index.js"`, resolveDir: root }, write: false };
  const { outputFiles } = await build({ ...bundle, bundle: true, format: "iife", globalName: "doorward" });
  await writeFile(join(folder, "doorward.js"), outputFiles[0].text);
  await writeFile(join(folder, "page.html"), `<meta charset=utf-8><script src="doorward.js"></script>`);
  await page.goto(`file://${folder}/page.html`);
  const told = await page.evaluate(async () => {
    const auth = new window.doorward.AuthClient({
      url: "https://auth.test",
      fetch: async () => Response.json({ confirmation_required: true }),
    });
    const ada = { email: "ada@example.com", password: "secret" };
    const fault = await auth.signup(ada, { signup_confirmation: "/welcome" }).catch((error) => [error.code, error.field]);
    return [fault, await auth.signup(ada, { signup_confirmation: "https://app.test/welcome" })];
  });
  assert.deepEqual(told[0], ["INVALID_PARAMETER", "signup_confirmation"]);
  assert.match(told[1], /^SUCCESS/);
});

test("seed_K45 every rejection is an AuthError with the call's stack, and other copies of the package recognise it", async (t) => {
  const routes = {
    "POST /v1/login": [429, problem("REQUEST_EXCEED", { detail: "Too many.", retry_after: 9, id: "r1", business_code: 2000 })],
  };
  const { page } = await open(t, { routes });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const callerOfLogin = () => auth.login({ email: "a@b.de", password: "x" });
    const error = await callerOfLogin().catch((error) => error);
    const frame = document.body.appendChild(document.createElement("iframe")).contentWindow;
    const other = await frame.eval(`import("${location.origin}/index.js?copy")`);
    return {
      json: JSON.parse(JSON.stringify(error)),
      is: [
        error instanceof Error,
        error instanceof AuthError,
        isAuthError(error),
        other.isAuthError(error),
        error instanceof other.AuthError,
      ],
      others: [null, undefined, 7, {}, new Error("x"), { name: "AuthError", code: "X" }].map(isAuthError),
      text: String(error),
      stack: error.stack.startsWith("AuthError: Too many.\n") && error.stack.includes("callerOfLogin"),
      keys: Object.keys(await auth.login({}).catch((error) => error)),
    };
  });
  assert.deepEqual(told, {
    json: { name: "AuthError", code: "REQUEST_EXCEED", message: "Too many.", status: 429, retry_after: 9, id: "r1", business_code: 2000 },
    is: [true, true, true, true, false],
    others: [false, false, false, false, false, false],
    text: "AuthError: Too many.",
    stack: true,
    keys: ["code", "status", "field"],
  });
});

test("an unhandled rejection is reported as one", async (t) => {
  const { page } = await open(t, { routes: { "POST /v1/login": [401, problem("INCORRECT_USERNAME_OR_PASSWORD")] } });
  const code = await page.evaluate(() => {
    new AuthClient().login({ email: "ada@example.com", password: "secret" });
    return new Promise((resolve) => addEventListener("unhandledrejection", (event) => resolve(event.reason.code)));
  });
  assert.equal(code, "INCORRECT_USERNAME_OR_PASSWORD");
});

/** Makes the exports of each instance throw a real trap while `planted` is set. */
function plant() {
  const Real = WebAssembly.Instance;
  const bytes = new Uint8Array([
    0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0, 11,
  ]);
  const { trap } = /** @type {any} */ (new Real(new WebAssembly.Module(bytes)).exports);
  window.instances = 0;
  WebAssembly.Instance = class {
    exports = {};
    constructor(module, imports) {
      window.instances += 1;
      for (const [name, inner] of Object.entries(/** @type {any} */ (new Real(module, imports).exports))) {
        const call = (...args) => (window.planted ? trap() : inner(...args));
        this.exports[name] = typeof inner === "function" ? call : inner;
      }
    }
  };
}

for (const when of ["in a call", "between two awaits"]) {
  test(`a trap ${when} rejects all pending calls, and the next call runs on a fresh instance`, async (t) => {
    const settings = held([200, {}]);
    const { page, names } = await open(t, {
      before: plant,
      routes: { ...login, "GET /v1/settings": settings, "GET /v1/profile": [200, { user_id: "u1", name: "Ada" }] },
    });
    await page.evaluate(async () => {
      window.auth = new AuthClient();
      window.events = [];
      window.seen = [];
      for (const type of ["error", "unhandledrejection"])
        addEventListener(type, (/** @type {any} */ event) => window.seen.push(`${type} ${event.message ?? event.reason}`));
      auth.onAuthStateChange((event) => events.push(event));
      await auth.login({ email: "a@b.de", password: "x" });
      const code = (call) =>
        call.then(
          () => "resolved",
          (error) => [error.name, error.code, error.cause instanceof WebAssembly.RuntimeError],
        );
      window.pending = [code(auth.getSettings()), code(auth.getSettings())];
    });
    await settings.first;
    await page.evaluate(() => void (window.planted = true));
    if (when === "in a call") await page.evaluate(() => auth.login({ email: "a@b.de", password: "x" }).catch(() => {}));
    else settings.release();
    const told = await page.evaluate(async () => {
      const told = await Promise.all(window.pending);
      window.planted = false;
      const profile = await auth.getProfile();
      await new Promise((resolve) => setTimeout(resolve, 20));
      return [told, profile.name, auth.user.name, events, window.instances, window.seen];
    });
    // The page sees the trap itself only if it has no pending call to reject.
    settings.release();
    const late = told.pop().filter((text) => !text.includes("unreachable"));
    assert.deepEqual(late, [], "callbacks of the lost instance are silent");
    const lost = ["AuthError", "INTERNAL", true];
    assert.deepEqual(told[0], [lost, lost]);
    assert.deepEqual(told.slice(1), ["Ada", "Ada", ["INITIAL_SESSION", "SIGNED_IN", "USER_UPDATED"], 2]);
    assert.ok(names().includes("GET /v1/profile"));
  });
}

test("each subscriber gets the current state once, then each change, even if another subscriber throws", async (t) => {
  const routes = { ...login, "POST /v1/logout": [200, {}], "GET /v1/profile": [200, tokens().user] };
  const { page } = await open(t, { routes });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const log = [];
    const reported = [];
    addEventListener("error", (event) => reported.push(event.error.message));
    auth.onAuthStateChange(() => {
      throw new Error("a listener's own");
    });
    const end = auth.onAuthStateChange((event, session) => log.push(`1 ${event} ${session?.user.user_id}`));
    log.push("subscribed");
    await auth.login({ email: "a@b.de", password: "x" });
    log.push("signed in");
    auth.onAuthStateChange(async (event, session) => log.push(`2 ${event} ${session?.user.user_id}`, (await auth.getSession()) && "open"));
    await auth.getProfile();
    await new Promise((resolve) => setTimeout(resolve, 20));
    end();
    await auth.logout();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return [log, reported.length];
  });
  assert.deepEqual(told, [
    [
      "subscribed",
      "1 INITIAL_SESSION undefined",
      "1 SIGNED_IN u1",
      "signed in",
      "2 INITIAL_SESSION u1",
      "open",
      "2 SIGNED_OUT undefined",
      null,
    ],
    3,
  ]);
});

test("the initial state of a subscriber includes changes during its subscription", async (t) => {
  const { page } = await open(t, { routes: login });
  const log = await page.evaluate(async () => {
    await new AuthClient().login({ email: "a@b.de", password: "x" });
    const key = "doorward.session";
    const stored = localStorage.getItem(key);
    localStorage.clear();
    const log = [];
    new AuthClient().onAuthStateChange((event, session) => log.push(`${event} ${session?.user.user_id}`));
    localStorage.setItem(key, stored);
    dispatchEvent(new StorageEvent("storage", { key, newValue: stored }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    return log;
  });
  assert.deepEqual(log, ["INITIAL_SESSION u1"]);
});

test("every subscriber gets one warning about a denied storage, even if it subscribes late", async (t) => {
  const before = () =>
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("denied", "SecurityError");
      },
    });
  const { page } = await open(t, { before });
  const log = await page.evaluate(async () => {
    const auth = new AuthClient();
    const log = [];
    const listen = (name) => auth.onAuthStateChange((event, _session, detail) => log.push([name, event, detail?.code]));
    listen(1);
    await until(() => log.length >= 2);
    listen(2);
    await until(() => log.length >= 4);
    return log;
  });
  assert.deepEqual(
    log,
    [
      [1, "INITIAL_SESSION", null],
      [1, "WARNING", "storage_in_memory"],
      [2, "INITIAL_SESSION", null],
      [2, "WARNING", "storage_in_memory"],
    ].map(([name, event, code]) => [name, event, code ?? undefined]),
  );
});

test("a warning carries the current session", async (t) => {
  const { page } = await open(t, { routes: { ...login, "POST /v1/token": [200, tokens({ access_token: "access-2" })] } });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const log = [];
    const listen = (who) => auth.onAuthStateChange((event, session) => log.push(`${who} ${event} ${session?.user.user_id}`));
    await auth.login({ email: "a@b.de", password: "x" });
    listen("early");
    await auth.getSession();
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
    await auth.refreshToken();
    listen("late");
    await auth.getSession();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return log;
  });
  const early = ["early INITIAL_SESSION u1", "early WARNING u1", "early TOKEN_REFRESHED u1"];
  assert.deepEqual(told, [...early, "late INITIAL_SESSION u1", "late WARNING u1"]);
});

test("clients of one page share a session, also if the browser stores nothing", async (t) => {
  const routes = { ...login, "POST /v1/token": [400, { error: "invalid_grant" }] };
  const deny = () =>
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("denied", "SecurityError");
      },
    });
  for (const before of [undefined, deny]) {
    const { page } = await open(t, { routes, before });
    const told = await page.evaluate(async () => {
      const [one, other, stranger] = [new AuthClient(), new AuthClient(), new AuthClient({ storageKey: "own" })];
      const logs = [one, other].map((auth) => {
        const log = [];
        auth.onAuthStateChange((event) => event === "WARNING" || log.push(event));
        return log;
      });
      await other.getSession();
      await one.login({ email: "a@b.de", password: "x" });
      const users = [one, other, stranger].map((auth) => auth.user?.user_id);
      await one.refreshToken().catch(() => {});
      await until(() => logs.every((log) => log.length >= 3));
      return [users, ...logs];
    });
    const all = ["INITIAL_SESSION", "SIGNED_IN", "SESSION_EXPIRED"];
    assert.deepEqual(told, [["u1", "u1", undefined], all, all]);
  }
});

test("sec_B01 all tabs share one session, and each learns of a sign-in, a sign-out and an expired session", async (t) => {
  const routes = { ...login, "POST /v1/logout": [200, {}], "POST /v1/token": [400, { error: "invalid_grant" }] };
  const { page, tab } = await open(t, { routes });
  const other = await tab();
  for (const each of [page, other]) {
    await each.evaluate(() => {
      window.auth = new AuthClient();
      window.log = [];
      auth.onAuthStateChange((event) => window.log.push(event));
    });
  }
  const sees = (event) => other.waitForFunction((event) => window.log.at(-1) === event, event);
  const signIn = () => page.evaluate(() => auth.login({ email: "a@b.de", password: "x" }));
  await signIn();
  await sees("SIGNED_IN");
  assert.equal(await other.evaluate("auth.user.user_id"), "u1");
  await page.evaluate(() => auth.logout());
  await sees("SIGNED_OUT");
  assert.equal(await other.evaluate("Object.keys(localStorage).length"), 0);
  await signIn();
  await sees("SIGNED_IN");
  assert.equal(await page.evaluate(() => auth.refreshToken().catch((error) => error.code)), "SESSION_REQUIRED");
  await sees("SESSION_EXPIRED");
  const all = ["INITIAL_SESSION", "SIGNED_IN", "SIGNED_OUT", "SIGNED_IN", "SESSION_EXPIRED"];
  assert.deepEqual(await page.evaluate("log"), all);
  assert.deepEqual(await other.evaluate("log"), all);
});

test("dispose ends the calls and listeners of a client, and may be called again", async (t) => {
  const settings = held([200, {}]);
  const { page, names } = await open(t, { routes: { ...login, "GET /v1/settings": settings } });
  await page.evaluate(() => {
    window.auth = new AuthClient();
    window.events = [];
    auth.onAuthStateChange((event) => events.push(event));
    window.code = (call) => call.catch((error) => error.code);
    window.pending = window.code(auth.getSettings());
  });
  await settings.first;
  const told = await page.evaluate(async () => {
    auth.dispose();
    auth.dispose();
    const unused = new AuthClient();
    unused.dispose();
    const later = [
      await window.pending,
      await window.code(auth.getSettings()),
      await window.code(unused.getSession()),
      auth.user,
      auth.persistence,
    ];
    dispatchEvent(new StorageEvent("storage", { key: null }));
    // Another client of the page. Its changes reach the clients that share its storage.
    await new AuthClient().login({ email: "a@b.de", password: "x" });
    return [later, events, AuthClient.prototype[Symbol.dispose ?? "dispose"] instanceof Function];
  });
  assert.deepEqual(told, [["ABORTED", "ABORTED", "ABORTED", null, "memory"], ["INITIAL_SESSION"], true]);
  assert.deepEqual(names(), ["GET /v1/settings", "POST /v1/login"]);
});

test("the constructor never throws, and the first call reports invalid options", async (t) => {
  const { page } = await open(t, {});
  const codes = await page.evaluate(async () => {
    const odd = [
      null,
      7,
      "x",
      { url: Symbol("x") },
      { storage: {} },
      {
        get fetch() {
          throw new Error("getter");
        },
      },
      Object.create(null),
    ];
    const codes = [];
    for (const options of odd)
      codes.push(
        await new AuthClient(options).getSession().then(
          () => "fine",
          (error) => `${error.code} ${error.field}`,
        ),
      );
    return codes;
  });
  const wrong = (field) => `INVALID_PARAMETER ${field}`;
  assert.deepEqual(codes, ["fine", "fine", "fine", wrong("url"), wrong("storage"), "fine", "fine"]);
});

test("a finished call leaves no listener on the client's signals", async (t) => {
  const { page } = await open(t, { routes: { ...login, "GET /api": [200, {}] } });
  const left = await page.evaluate(async () => {
    let left = 0;
    const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
    AbortSignal.prototype.addEventListener = function (/** @type {[any, any]} */ ...args) {
      left += 1;
      return add.apply(this, args);
    };
    AbortSignal.prototype.removeEventListener = function (/** @type {[any, any]} */ ...args) {
      left -= 1;
      return remove.apply(this, args);
    };
    const auth = new AuthClient();
    await auth.login({ email: "a@b.de", password: "x" });
    const before = left;
    for (let calls = 0; calls < 20; calls += 1) await Promise.all([auth.getSession(), auth.fetch("/api")]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return left - before;
  });
  assert.equal(left, 0);
});

test("objects that look like an event or a response are accepted, and a throwing getter fails only its own call", async (t) => {
  const { page, names } = await open(t, { html: form(""), routes: login });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const email = (call) =>
      call.then(
        (user) => user.email,
        (error) => error.code,
      );
    const hostile = {
      preventDefault() {},
      get target() {
        throw new Error("hostile");
      },
    };
    const told = [
      await email(auth.login({ target: f })),
      await email(auth.login({ nativeEvent: { target: f } })),
      await email(auth.login(hostile)),
    ];
    const mocked = new AuthClient({ storage: "memory", fetch: async () => ({ status: 200, json: async () => ({ kind: "picture" }) }) });
    told.push((await mocked.getCaptcha()).kind);
    const gone = [];
    auth.dispose();
    auth.onAuthStateChange((event) => gone.push(event))();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return [...told, gone.length];
  });
  assert.deepEqual(told, ["ada@example.com", "ada@example.com", "INVALID_PARAMETER", "picture", 0]);
  assert.deepEqual(names(), ["POST /v1/login", "POST /v1/login"]);
});

test("a page may subclass AuthClient", async (t) => {
  const { page } = await open(t, { routes: login });
  const told = await page.evaluate(async () => {
    class Mine extends /** @type {any} */ (AuthClient) {
      async login(params) {
        return { ...(await super.login({ ...params, password: "x" })), mine: true };
      }
    }
    const { login } = new Mine();
    return login({ email: "a@b.de" });
  });
  assert.deepEqual(told, { ...tokens().user, mine: true });
});

test("methods are bound, and strange arguments reject instead of throwing", async (t) => {
  const { page } = await open(t, {});
  const told = await page.evaluate(async () => {
    const { login, checkEmail, onAuthStateChange, dispose } = new AuthClient();
    const odd = [
      7,
      "local",
      Symbol("x"),
      () => {},
      [],
      new Proxy(
        {},
        {
          get() {
            throw new Error("trapped");
          },
        },
      ),
      document.createElement("div"),
      new Event("click"),
    ];
    const told = [];
    for (const input of odd) told.push(await login(input).catch((error) => error.code));
    onAuthStateChange(() => {})();
    told.push(await checkEmail("nobody", 3).catch((error) => error.field));
    dispose();
    return told;
  });
  assert.deepEqual(told, [...Array(8).fill("INVALID_PARAMETER"), "email"]);
});

test("the type declarations name every method of the class", async () => {
  const types = await readFile(`${root}pkg/index.d.ts`, "utf8");
  const { AuthClient } = await import(`${root}pkg/index.js`);
  const names = Object.getOwnPropertyNames(AuthClient.prototype).filter((name) => name !== "constructor");
  const body = types.slice(types.indexOf("export class AuthClient {"), types.indexOf("export interface ProfileFields"));
  const typed = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map(([, name]) => name).filter((name) => name !== "constructor");
  assert.deepEqual(names.sort(), [...new Set(typed)].sort());
});

test("the confirmation can be sent again after a reload and by a second client, until the login works", async (t) => {
  const answers = [
    [403, problem("SIGNUP_CONFIRMATION_NEEDED")],
    [200, tokens()],
  ];
  const routes = { "POST /v1/login": () => answers.shift(), "POST /v1/email/resend": [200, {}] };
  const { page, asked } = await open(t, { routes });
  const login = () =>
    page.evaluate(() =>
      new AuthClient().login({ email: "ada@example.com", password: "secret" }).then(
        () => "in",
        (error) => error.code,
      ),
    );
  const resend = () => page.evaluate(() => new AuthClient().resendSignupConfirmation().catch((error) => error.code));
  assert.equal(await resend(), "INVALID_REQUEST");
  assert.equal(await login(), "SIGNUP_CONFIRMATION_NEEDED");
  assert.match(await resend(), /^SUCCESS/);
  await page.reload();
  await load(page);
  assert.match(await resend(), /^SUCCESS/);
  const sent = asked.filter(({ name }) => name === "POST /v1/email/resend").map(({ body }) => JSON.parse(body));
  assert.deepEqual(sent, [{ email: "ada@example.com" }, { email: "ada@example.com" }]);
  assert.ok(!(await page.evaluate(() => JSON.stringify([sessionStorage, localStorage]))).includes("secret"));
  assert.equal(await login(), "in");
  assert.equal(await resend(), "INVALID_REQUEST");
});

for (const code of ["HOOK_REJECTED", "FORBIDDEN", "EXAM_RUNS"])
  test(`a sign-out that a hook refuses with ${code} rejects, ends the local session, and is sent once`, async (t) => {
    const rejected = [403, problem(code, { detail: "Not during the exam." })];
    const { page, names } = await open(t, { routes: { "POST /v1/login": [200, tokens()], "POST /v1/logout": rejected } });
    const told = await page.evaluate(async () => {
      const auth = new AuthClient();
      await auth.login({ email: "ada@example.com", password: "secret" });
      const fault = await auth.logout().catch(({ code, message }) => [code, message]);
      return [fault, auth.user, await new AuthClient().getSession(), JSON.stringify(localStorage).includes("-1")];
    });
    assert.deepEqual(told, [[code, "Not during the exam."], null, null, false]);
    await page.reload();
    await load(page);
    await page.evaluate(() => new AuthClient().logout());
    assert.deepEqual(
      names().filter((name) => name === "POST /v1/logout"),
      ["POST /v1/logout"],
    );
  });

for (const [what, version, stores] of [
  ["without its store", 1, []],
  ["of a later version", 7, ["keys"]],
  ["of other stores", 1, ["other"]],
]) {
  test(`the client recreates a database of keys ${what}, and the session survives a reload`, async (t) => {
    const { page } = await open(t, { routes: { "POST /v1/login": [200, tokens()] } });
    const warnings = await page.evaluate(
      async ([version, stores]) => {
        await new Promise((resolve) => {
          const request = indexedDB.open("doorward.keys", version);
          request.onupgradeneeded = () => stores.forEach((store) => request.result.createObjectStore(store));
          request.onsuccess = () => resolve(request.result.close());
        });
        const warnings = [];
        const auth = new AuthClient();
        auth.onAuthStateChange((event, _, detail) => event === "WARNING" && warnings.push(detail.code));
        await auth.login({ email: "ada@example.com", password: "secret" });
        return warnings;
      },
      [version, stores],
    );
    assert.deepEqual(warnings, []);
    await page.reload();
    await load(page);
    const told = await page.evaluate(async () => {
      const auth = new AuthClient();
      const { DPoP } = await auth.authHeaders("GET", "/x");
      return [auth.user.email, DPoP.split(".").length];
    });
    assert.deepEqual(told, ["ada@example.com", 3]);
  });
}

/** Runs in the page and in the worker: a storage that both can read. */
function sharedStorage() {
  const database = new Promise((resolve, reject) => {
    const request = indexedDB.open("app", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("entries");
    request.onsuccess = () => resolve(request.result);
    request.onerror = reject;
  });
  const ask = async (method, ...args) => {
    const request = (await database)
      .transaction("entries", "readwrite")
      .objectStore("entries")
      [method](...args);
    return new Promise((resolve) => (request.onsuccess = () => resolve(request.result ?? null)));
  };
  return {
    getItem: (name) => ask("get", name),
    setItem: (name, text) => ask("put", text, name),
    removeItem: (name) => ask("delete", name),
  };
}

for (const kind of ["Worker", "SharedWorker"]) {
  test(`in a ${kind}, events and the user follow changes of the page without a call`, async (t) => {
    const { page } = await open(t, { routes: { "POST /v1/login": [200, tokens()], "POST /v1/logout": [200, {}] } });
    const told = await page.evaluate(
      async ([kind, sharedStorage]) => {
        const text = `import { AuthClient } from "${location.origin}/index.js";
        const auth = new AuthClient({ url: "${location.origin}", storage: (${sharedStorage})() });
        const begin = (port) => {
          const tell = (name) => port.postMessage([name, auth.user?.email ?? null]);
          auth.onAuthStateChange(tell);
        };
        if (globalThis.SharedWorkerGlobalScope) onconnect = ({ ports: [port] }) => begin(port);
        else begin(globalThis);`;
        const worker = new /** @type {any} */ (window)[kind](URL.createObjectURL(new Blob([text], { type: "text/javascript" })), {
          type: "module",
        });
        const told = [];
        const port = worker.port ?? worker;
        port.onmessage = ({ data }) => told.push(data);
        await until(() => told.length > 0);
        const auth = new AuthClient({ storage: new Function(`return (${sharedStorage})()`)() });
        await auth.login({ email: "ada@example.com", password: "secret" });
        await until(() => told.length > 1);
        await auth.logout();
        await until(() => told.length > 2);
        return told;
      },
      [kind, sharedStorage.toString()],
    );
    assert.deepEqual(told, [
      ["INITIAL_SESSION", null],
      ["SIGNED_IN", "ada@example.com"],
      ["SIGNED_OUT", null],
    ]);
  });
}

test("two projects on one origin keep separate sessions, each with its own server", async (t) => {
  const { page } = await open(t, {});
  const told = await page.evaluate(
    async ([first, second]) => {
      const server =
        (answer) =>
        async ({ url }) =>
          Response.json(url.endsWith("/v1/login") ? answer : {});
      const clients = () => [
        new AuthClient({ url: "https://one.example", fetch: server(first) }),
        new AuthClient({ url: "https://two.example/auth", fetch: server(second) }),
      ];
      for (const auth of clients()) await auth.login({ email: "a@b.de", password: "secret" });
      const users = () => clients().map((auth) => auth.user?.email ?? null);
      const both = users();
      await clients()[0].logout();
      return [both, users()];
    },
    [tokens(), tokens({ user: { user_id: "u2", email: "bob@example.com" } })],
  );
  assert.deepEqual(told, [
    ["ada@example.com", "bob@example.com"],
    [null, "bob@example.com"],
  ]);
});

test("only the client of its server takes over a session stored before entries named their server", async (t) => {
  const { page } = await open(t, {});
  const told = await page.evaluate(
    async (answer) => {
      const asked = [];
      const options = (url) => ({
        url,
        fetch: async (request) => (asked.push(request), Response.json(request.url.endsWith("/v1/login") ? answer : {})),
      });
      // The entries of an older version, which all clients of an origin shared.
      await new AuthClient({ ...options("https://one.example"), storageKey: "doorward" }).login({ email: "a@b.de", password: "secret" });
      const users = ["https://two.example", "https://one.example"].map((url) => new AuthClient(options(url)).user?.email ?? null);
      const names = Object.keys(localStorage)
        .filter((name) => !name.endsWith(".moved"))
        .sort();
      const auth = new AuthClient(options("https://one.example"));
      await auth.getUser({ user_id: "u1" });
      return { users, names, proof: asked.at(-1).headers.has("DPoP") };
    },
    tokens({ known_device: "k".repeat(40) }),
  );
  assert.deepEqual(told, {
    users: [null, "ada@example.com"],
    names: ["doorward.https://one.example.devices", "doorward.https://one.example.session"],
    proof: true,
  });
});

test("a sign-out that the server refused does not block later ones", async (t) => {
  const revoked = [];
  const answers = { "revoke-1": [503, {}], "revoke-2": [200, {}] };
  let number = 0;
  const routes = {
    "POST /v1/login": () => [200, tokens({ revoke_token: `revoke-${(number += 1)}` })],
    "POST /v1/logout": ({ body }) => (revoked.push(JSON.parse(body).revoke_token), answers[revoked.at(-1)]),
  };
  const { page } = await open(t, { routes });
  const leave = () =>
    page.evaluate(async () => {
      const auth = new AuthClient();
      await auth.login({ email: "ada@example.com", password: "secret" });
      return auth.logout().catch(({ code }) => code);
    });
  assert.match(await leave(), /^SUCCESS/, "the server is busy: it is told later");
  answers["revoke-1"] = [403, problem("FORBIDDEN")];
  assert.match(await leave(), /^SUCCESS/, "this one was taken");
  assert.deepEqual([revoked.includes("revoke-2"), await page.evaluate(() => localStorage.getItem("doorward.ended"))], [true, null]);
});

test("a session under the old names is moved once: after a sign-out no session of another client returns", async (t) => {
  const { page } = await open(t, {});
  const told = await page.evaluate(async (answer) => {
    const options = { url: "https://one.example", fetch: async ({ url }) => Response.json(url.endsWith("/v1/login") ? answer : {}) };
    const ada = { email: "a@b.de", password: "secret" };
    const named = new AuthClient(options);
    await named.login(ada);
    const old = new AuthClient({ ...options, storageKey: "doorward" });
    await old.login(ada);
    await named.logout();
    return [new AuthClient(options).user, old.user?.email];
  }, tokens());
  assert.deepEqual(told, [null, "ada@example.com"]);
});
