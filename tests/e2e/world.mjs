// Sets up an end-to-end test: the real server with a separate database file, a browser, a mailbox.
//
// A test file runs alone, `node --test tests/e2e/login.test.mjs`, or in one process with others, see run.mjs. The
// browser and the servers of `sharedServer` and `sharedDemo` last as long as the process; everything else ends with the
// file that opened it. The server's binary is `target/release/doorward` unless DOORWARD_BIN names another;
// DOORWARD_CHROMIUM names another browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as runner from "node:test";
import { fileURLToPath } from "node:url";
import { startProvider } from "../../demo/provider.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BINARY = process.env.DOORWARD_BIN ?? join(ROOT, "target/release/doorward");
const CHROMIUM = process.env.DOORWARD_CHROMIUM ?? ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find(existsSync);
// The SDK's timeout is 10 s, so a longer wait is a fault.
const PATIENCE = 30_000;
/** The timeout of one test. */
export const LONGEST = 120_000;

/** True in `npm run test:long`, with more tabs and more rounds. */
export const LONG_RUN = Boolean(process.env.DOORWARD_TEST_LONG);

// ── tests and their cleanup ──

const ends = { file: [], process: [] };
let worker = null;

/** Registers a test. */
export const test = (name, story) => (worker ? worker(name, story) : runner.test(name, { timeout: LONGEST }, story));

/** From now on `register` gets the tests, and the caller must call `endFile` and `endProcess`. */
export function workWith(register) {
  worker = register;
}

/** Runs `end` after the test file, in reverse order. */
export const atEnd = (end) => endOf("file", end);
const atExit = (end) => endOf("process", end);

const endOf = (life, end) => ends[life].push(end);

// Registered while the file loads: a hook registered by a running test ends with that test.
if (!process.argv[1].endsWith("worker.mjs")) runner.after(() => endFile().finally(endProcess));

/** Cleans up after one test file. */
export async function endFile() {
  // A failed test leaves its pages open.
  await Promise.all(((await browser)?.contexts() ?? []).map((context) => context.close()));
  while (ends.file.length > 0) await ends.file.pop()();
}

/** Cleans up everything that the files share. */
export async function endProcess() {
  while (ends.process.length > 0) await ends.process.pop()();
}

const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

/** A folder that is deleted at the end. */
export async function folder(end = atEnd) {
  const path = await mkdtemp(join(tmpdir(), "doorward-e2e-"));
  // Chromium's last helper processes may still write into it.
  end(() => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  return path;
}

/** A port on 127.0.0.1 that was just free. Prefer port 0 and the line that reports readiness, or `lastingPort`. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A port for a program that stops and starts again: the system assigns it to no other program in between. */
export async function lastingPort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * (firstEphemeralPort() - 20_000));
    const server = createServer();
    const free = await new Promise((resolve) => {
      server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!free) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** The lowest port that the system assigns by itself. */
function firstEphemeralPort() {
  try {
    const [first] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/);
    return Math.max(Number(first), 20_500);
  } catch {
    return 32_768;
  }
}

/** Calls `look` until it returns a truthy value; fails with `what` after the timeout. */
export async function eventually(what, look, patience = PATIENCE) {
  const until = Date.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    assert.ok(Date.now() < until, `not within ${patience} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function start(command, args, options) {
  /** @type {import("node:child_process").ChildProcessWithoutNullStreams & { over?: Promise<any> }} */
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  children.add(child);
  child.over = new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    // A program that could not be started emits no exit.
    child.once("error", () => resolve({ code: null, signal: null }));
  });
  child.over.then(() => children.delete(child));
  return child;
}

// ── the server ──

// Real hashes would take a fifth of the step's time; the server's own tests use them.
const CHEAP = { PASSWORD__HASH_MEMORY: 64, PASSWORD__HASH_PASSES: 1 };

/**
 * Starts the real server with the demo site. Settings are `DOORWARD_…` variables without the prefix: `{
 * TOKEN__LIFETIME: "2s" }`. A server that a test stops and starts again needs `restarts`. With `source`, pages show
 * their source beside them.
 */
export async function startServer({ settings = {}, dev = true, restarts = false, source = false, end = atEnd } = {}) {
  const data = await folder(end);
  // The server treats every DOORWARD_… variable as a setting, but DOORWARD_BIN is for the tests.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DOORWARD_")));
  for (const [name, value] of Object.entries({ ...CHEAP, ...settings })) env[`DOORWARD_${name}`] = String(value);
  const port = restarts ? await lastingPort() : 0;
  const args = ["serve", "--listen", `127.0.0.1:${port}`, "--data", data, "--config", source ? SITE : await (bare ??= bareSite())];
  if (dev) args.splice(1, 0, "--dev");

  const server = {
    data,
    port: null,
    url: null,
    log: "",
    child: null,
    async up() {
      assert.ok(restarts || !server.url, "the address of a server stays the same only with `restarts`");
      server.child = start(BINARY, args, { env });
      server.child.stderr.on("data", (text) => (server.log += text));
      const lines = createInterface({ input: server.child.stdout });
      server.url = await new Promise((resolve, reject) => {
        lines.on("line", (line) => {
          const ready = /^doorward is ready: (\S+), listening on 127\.0\.0\.1:(\d+)/.exec(line);
          if (!ready) return;
          server.port = Number(ready[2]);
          resolve(ready[1]);
        });
        server.child.once("error", reject);
        server.child.once("exit", () => reject(new Error(`the server ended:\n${server.log}`)));
      });
      return server;
    },
    /** Stops it; SIGKILL simulates a power cut. */
    async down(signal = "SIGTERM") {
      server.child.kill(signal);
      return server.child.over;
    },
    /** Moves its clock forward. */
    async advance(milliseconds) {
      const answer = await server.post("/dev/clock", { advance: milliseconds });
      assert.equal(answer.status, 200, await answer.text());
    },
    /** Deletes the mails of other tests, which its page would show. */
    emptyMailbox: () => fetch(`${server.url}/dev/mailbox.json`, { method: "DELETE" }),
    /** Returns the mails to an address, newest first. */
    async mails(to) {
      const answer = await fetch(`${server.url}/dev/mailbox.json?to=${encodeURIComponent(to)}`);
      assert.equal(answer.status, 200);
      return answer.json();
    },
    /** Returns the newest mail to an address with a link to `page`, once there are `count` of them. */
    async mail(to, count = 1, page = "/verify") {
      const mails = await eventually(`mail ${count} for ${page} to ${to}`, async () => {
        const found = (await server.mails(to)).filter(({ link }) => link?.includes(`${page}#`));
        return found.length >= count && found;
      });
      return mails[0];
    },
    /** Returns the code of the newest mail or SMS to an address or number, once there are `count` with a code. */
    async code(to, count = 1) {
      const sent = await eventually(`code ${count} to ${to}`, async () => {
        const found = (await server.mails(to)).filter(({ code }) => code);
        return found.length >= count && found;
      });
      return sent[0].code;
    },
    /** Sends JSON to the API by POST. */
    post: (path, body, headers = {}) =>
      fetch(server.url + path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
  };
  end(() => server.down());
  return server.up();
}

const SITE = join(ROOT, "www/doorward.toml");
let bare = null;

/** The demo site without the source panel, which costs a browser as much as the page itself. */
async function bareSite() {
  const root = await folder(atExit);
  await cp(join(ROOT, "www"), join(root, "www"), { recursive: true });
  await writeFile(join(root, "www/source.js"), "");
  await symlink(join(ROOT, "pkg"), join(root, "pkg"));
  return join(root, "www/doorward.toml");
}

let plain = null;

/** A server with default settings, for all files of this process. */
export const sharedServer = () => (plain ??= startServer({ end: atExit }));

// ── a provider ──

/** The demo's provider: real OpenID Connect with screens to click through. */
export async function openProvider(end = atEnd) {
  const provider = await startProvider();
  end(() => provider.close());
  return provider;
}

let demo = null;

/** The whole demo, started like `npm start`, for all files of this process. */
export const sharedDemo = () => (demo ??= startDemo({ source: true, end: atExit }));

/** A server with a provider. */
export async function startDemo({ source = false, end = atEnd } = {}) {
  const provider = await openProvider(end);
  return { provider, server: await startServer({ settings: settingsOf(provider), source, end }) };
}

/** The settings that add the provider to the server. */
export function settingsOf({ issuer, clientId, secret }, name = "DEMO") {
  const settings = { KIND: "oidc", ISSUER: issuer, CLIENT_ID: clientId, CLIENT_SECRET: secret, TRUST_EMAIL: true };
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [`PROVIDERS__${name}__${key}`, value]));
}

/** A new user of the provider, unknown to other tests. */
export function someone(email = somebody().email) {
  people += 1;
  return { name: `Person ${process.pid} ${people}`, email, verified: true };
}

/** Fills in the provider's screens: the user's data, and consent or refusal. */
export async function consent(page, { name, email, verified }, { allow = true, asked = true } = {}) {
  // First a field that only the provider's page has: other pages have a name and an address, too.
  await page.setChecked("#verified", Boolean(verified));
  await page.fill("#name", name);
  await page.fill("#email", email ?? "");
  await page.click("button:text-is('Continue')");
  if (asked) await page.click(allow ? "[name=allow]" : "form:not(:has(#name)) [name=cancel]");
}

// ── users ──

let people = 0;

/** A new user, unknown to other tests. */
export function somebody() {
  return { email: `${unique("person")}@example.com`, password: "correct horse battery" };
}

/** A username unknown to other tests. */
export const unique = (name) => `${name}.${process.pid}.${++people}`;

/** A phone number unknown to other tests. */
export const number = () => `+1202555${String(++people).padStart(4, "0")}`;

/** Creates an account over HTTP, for tests that begin after the sign-up. */
export async function signUp(server, person = somebody(), options = {}) {
  const answer = await server.post("/v1/signup", { ...person, options });
  assert.equal(answer.status, 200, await answer.clone().text());
  return person;
}

// ── the browser ──

const FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-quic", "--disable-background-networking"];

let browser = null;

/** Chromium, for all files of this process; `openContext` creates a separate profile. */
export const openChromium = () => (browser ??= launch());

async function launch() {
  const { chromium } = await import("playwright-core");
  const home = await folder(atExit);
  const env = { ...process.env, TMPDIR: home };
  const launched = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, env });
  atExit(() => launched.close());
  return launched;
}

/** A page in a separate profile, with a user's actions as methods. `tab` is Playwright's page. */
export async function openPage() {
  const tab = await (await openContext(await openChromium())).newPage();
  return {
    tab,
    /** Opens a URL like from the address bar. If only the fragment changes, the page may reload itself. */
    async open(url) {
      await tab.goto(url, { waitUntil: "commit" });
      await tab.waitForLoadState();
    },
    reload: () => tab.reload(),
    click: (selector) => tab.click(selector),
    /** Deletes everything that this browser stores for the origin of `url`. */
    async fresh(url) {
      await tab.goto(`${url}/favicon.svg`);
      await tab.evaluate(() => [localStorage, sessionStorage].forEach((storage) => storage.clear()));
    },
    /** Types into the controls with these names. */
    async fill(fields) {
      for (const [name, value] of Object.entries(fields)) await tab.fill(`[name="${name}"]:enabled`, value);
    },
    /** The visible text of an element; empty while it is hidden. */
    text: (selector) => tab.$eval(selector, (element) => (element.checkVisibility() ? element.innerText.trim() : "")),
    sees: (selector, words) => sees(tab, selector, words),
    told: (form, words) => told(tab, form, words),
    /** Waits until the browser is at this path (with query and fragment, if given). */
    at: (path) => tab.waitForURL(({ pathname, search, hash }) => pathname === path || pathname + search + hash === path),
    visible: (selector) => tab.waitForSelector(selector),
    /** A line of the profile page's lists. */
    // In one step, because the page rewrites the lists when its data changes.
    fact: (name) =>
      tab.evaluate(
        (term) =>
          /** @type {HTMLElement} */ (
            [...document.querySelectorAll("dt")].find(({ textContent }) => textContent === term)?.nextElementSibling
          )?.innerText,
        name,
      ),
    /**
     * Runs the body of an async function in the page, with `auth` a new AuthClient and `args` the given values. Returns
     * `{ value }` or `{ error }`. The page's policy forbids eval, so the script is built here.
     */
    run: (body, ...args) =>
      tab.evaluate(
        `(async (args) => {
           const { AuthClient, isAuthError } = await import("/pkg/index.js");
           const auth = new AuthClient();
           try {
             return { value: await (async () => { ${body} })() };
           } catch (error) {
             const { code, message, field, status } = error;
             return { error: { code, message, field, status, ours: isAuthError(error) } };
           } finally {
             auth.dispose();
           }
         })(${JSON.stringify(args)})`,
      ),
    /** Signs in without the page's forms. */
    async signIn({ email, password }) {
      const { error } = await this.run("await auth.login(args[0])", { email, password });
      assert.equal(error, undefined);
    },
  };
}

/** A separate browser profile; `complaints` has the errors of its pages. */
export async function openContext(browser, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE);
  context.complaints = [];
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) context.complaints.push(message.text());
  });
  context.on("weberror", (error) => context.complaints.push(String(error.error())));
  // Closing a page during its navigation sometimes hangs the browser's driver.
  const close = context.close.bind(context);
  context.close = async () => {
    await Promise.all(context.pages().map((page) => page.goto("about:blank").catch(() => {})));
    await close();
  };
  return context;
}

/** Waits until a control of the form shows this text, as it does for errors of the SDK. */
export const told = (page, form, words) =>
  page.waitForFunction(
    ([form, words]) =>
      [...document.querySelectorAll(`${form} :is(input, select, textarea, button)`)].some((/** @type {any} */ control) =>
        control.validationMessage.includes(words),
      ),
    [form, words],
  );

/** Waits until the element shows this text, or a match of the expression; a hidden element shows none. */
export const sees = (page, selector, words) =>
  page.waitForFunction(
    ([where, text, pattern]) => {
      const element = document.querySelector(where);
      if (!element) return false;
      const shown = element.checkVisibility() ? element.innerText.trim() : "";
      return pattern === undefined ? shown.includes(text) : new RegExp(pattern).test(shown);
    },
    words instanceof RegExp ? [selector, null, words.source] : [selector, words],
    // Playwright's own method polls in each frame and keeps the browser drawing.
    { polling: 50 },
  );

/** Opens a page of the demo or of the server, and waits until it has drawn itself. */
export async function settled(page, address) {
  await page.goto(address);
  if (await page.$("#source")) await page.waitForSelector("#source figure:nth-of-type(2) span");
}

/** Serves `html` and the module `js` at `/under-test` of the server's origin, and opens it. */
export async function openForm(page, url, html, js) {
  await page.route("**/under-test", (route) =>
    route.fulfill({
      contentType: "text/html; charset=utf-8",
      body: `<!doctype html>${html}<script type="module" src="/under-test.js"></script>`,
    }),
  );
  await page.route("**/under-test.js", (route) =>
    route.fulfill({
      contentType: "text/javascript; charset=utf-8",
      body: `import { AuthClient, isAuthError } from "/pkg/index.js";\nconst form = document.forms[0];\n${js}\nwindow.ready = true;`,
    }),
  );
  await page.goto(`${url}/under-test`);
  await page.waitForFunction("window.ready");
}

/**
 * Signs a user in with a client that is then gone. Returns the page, without a client.
 * @param {import("playwright-core").Browser} browser
 * @param {{ url: string }} server
 * @param {object} person
 * @param {{ context?: import("playwright-core").BrowserContext, path?: string }} [options]
 */
export async function signedIn(browser, server, person, { context, path = "/favicon.svg" } = {}) {
  const profile = context ?? (await openContext(browser));
  const page = await profile.newPage();
  await page.goto(`${server.url}/favicon.svg`);
  await withClient(page, (credentials) => auth.login(credentials), { argument: person });
  await page.evaluate(() => auth.dispose());
  if (path !== "/favicon.svg") await page.goto(server.url + path);
  return { context: profile, page };
}

/**
 * Runs a function in the page, with `auth` a new AuthClient, and `refusal`, which catches the error of a call.
 * @param {import("playwright-core").Page} page
 * @param {(argument: any) => any} body
 * @param {{ options?: import("../../js/index.js").AuthClientOptions, argument?: any }} [given]
 */
export async function withClient(page, body, { options = {}, argument } = {}) {
  await page.evaluate(async (given) => {
    const { AuthClient } = await import("/pkg/index.js");
    window.events = [];
    window.auth = new AuthClient(given);
    // The error of a call: its code and field.
    window.refusal = (call) =>
      call.then(
        () => "resolved",
        ({ code, field }) => (field ? `${code} ${field}` : code),
      );
    auth.onAuthStateChange((event, _session, detail) => events.push(detail ? `${event} ${detail.code}` : event));
  }, options);
  return page.evaluate(body, argument);
}

/** The generation of the stored refresh token: how often the session has been rotated (D-3). */
export async function generation(page) {
  const { refresh_token } = JSON.parse(await page.evaluate(() => localStorage.getItem("doorward.session")));
  return Number(Buffer.from(refresh_token, "base64url").readBigInt64BE(21));
}

/** Holds requests to `path` until `release()`; `requests` are the held ones. */
export async function hold(page, path) {
  const held = { requests: [] };
  const open = new Promise((resolve) => (held.release = resolve));
  let first;
  held.first = new Promise((resolve) => (first = resolve));
  await page.route(`**${path}`, async (route) => {
    held.requests.push(route.request());
    first(route.request());
    await open;
    await route.continue().catch(() => {});
  });
  return held;
}
