// Makes the world of an end-to-end test: the real server with a database file of its own, a browser, a mailbox.
//
// A file of tests runs by itself, `node --test tests/e2e/login.test.mjs`, or in one process with others, see run.mjs. The browser
// and the servers of `sharedServer` and `sharedDemo` last as long as the process; everything else ends with the file that opened it.
// The server's binary is `target/release/doorward` unless DOORWARD_BIN names another; DOORWARD_CHROMIUM names another browser.

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
// The SDK gives a request up after 10 s; what takes longer here is a fault.
const PATIENCE = 30_000;
/** How long one test may take. */
export const LONGEST = 120_000;

/** Whether this is `npm run test:long`, with more tabs and more rounds. */
export const LONG_RUN = Boolean(process.env.DOORWARD_TEST_LONG);

// ── tests, and what ends with them ──

const ends = { file: [], process: [] };
let worker = null;

/** Registers a test. */
export const test = (name, story) => (worker ? worker(name, story) : runner.test(name, { timeout: LONGEST }, story));

/** From here on `register` gets the tests, and its owner calls `endFile` and `endProcess`. */
export function workWith(register) {
  worker = register;
}

/** Runs `end` when the test file is over, the last one first. */
export const atEnd = (end) => endOf("file", end);
const atExit = (end) => endOf("process", end);

const endOf = (life, end) => ends[life].push(end);

// Registered while the file is loaded: a hook that a running test registers ends with that test.
if (!process.argv[1].endsWith("worker.mjs")) runner.after(() => endFile().finally(endProcess));

/** Ends what one file of tests has opened. */
export async function endFile() {
  // A test that failed leaves its pages open.
  await Promise.all(((await browser)?.contexts() ?? []).map((context) => context.close()));
  while (ends.file.length > 0) await ends.file.pop()();
}

/** Ends what all files share. */
export async function endProcess() {
  while (ends.process.length > 0) await ends.process.pop()();
}

const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

/** A folder that is deleted at the end. */
export async function folder(end = atEnd) {
  const path = await mkdtemp(join(tmpdir(), "doorward-e2e-"));
  // Chromium's last helpers may still write into it.
  end(() => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  return path;
}

/** A port on 127.0.0.1 that was free a moment ago. Prefer port 0 and the line that says ready, or `lastingPort`. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A port for a program that ends and starts again: the system gives it to no other program in between. */
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

/** The system hands out ports from here on. */
function firstEphemeralPort() {
  try {
    const [first] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s/);
    return Math.max(Number(first), 20_500);
  } catch {
    return 32_768;
  }
}

/** Calls `look` until it gives something; fails with `what` when time is up. */
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
    // There is no exit of a program that could not be started.
    child.once("error", () => resolve({ code: null, signal: null }));
  });
  child.over.then(() => children.delete(child));
  return child;
}

// ── the server ──

// Real hashes would take a fifth of the step's time; the server's own tests have them.
const CHEAP = { PASSWORD__HASH_MEMORY: 64, PASSWORD__HASH_PASSES: 1 };

/**
 * The real server with the demo site. Settings are `DOORWARD_…` variables without the prefix: `{ TOKEN__LIFETIME: "2s" }`.
 * A server that a test takes down and up again needs `restarts`. With `source`, pages show their source beside them.
 */
export async function startServer({ settings = {}, dev = true, restarts = false, source = false, end = atEnd } = {}) {
  const data = await folder(end);
  // DOORWARD_… variables are settings to the server, but DOORWARD_BIN is ours.
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
    /** Ends it; SIGKILL is the power cut. */
    async down(signal = "SIGTERM") {
      server.child.kill(signal);
      return server.child.over;
    },
    /** Moves its clock forward. */
    async advance(milliseconds) {
      const answer = await server.post("/dev/clock", { advance: milliseconds });
      assert.equal(answer.status, 200, await answer.text());
    },
    /** Forgets the mails of other tests, which its page would show. */
    emptyMailbox: () => fetch(`${server.url}/dev/mailbox.json`, { method: "DELETE" }),
    /** Mails to an address, newest first. */
    async mails(to) {
      const answer = await fetch(`${server.url}/dev/mailbox.json?to=${encodeURIComponent(to)}`);
      assert.equal(answer.status, 200);
      return answer.json();
    },
    /** The newest mail to an address whose link leads to `page`, once there are `count`. */
    async mail(to, count = 1, page = "/verify") {
      const mails = await eventually(`mail ${count} for ${page} to ${to}`, async () => {
        const found = (await server.mails(to)).filter(({ link }) => link?.includes(`${page}#`));
        return found.length >= count && found;
      });
      return mails[0];
    },
    /** The code of the newest mail or SMS to an address or number, once there are `count` with one. */
    async code(to, count = 1) {
      const sent = await eventually(`code ${count} to ${to}`, async () => {
        const found = (await server.mails(to)).filter(({ code }) => code);
        return found.length >= count && found;
      });
      return sent[0].code;
    },
    /** POSTs JSON to the API. */
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

/** The demo site without the panel of source, which costs a browser as much as the page itself. */
async function bareSite() {
  const root = await folder(atExit);
  await cp(join(ROOT, "www"), join(root, "www"), { recursive: true });
  await writeFile(join(root, "www/source.js"), "");
  await symlink(join(ROOT, "pkg"), join(root, "pkg"));
  return join(root, "www/doorward.toml");
}

let plain = null;

/** A server without settings of its own, for all files of this process. */
export const sharedServer = () => (plain ??= startServer({ end: atExit }));

// ── a provider ──

/** The demo's provider: real OpenID Connect, with screens to click through. */
export async function openProvider(end = atEnd) {
  const provider = await startProvider();
  end(() => provider.close());
  return provider;
}

let demo = null;

/** The whole demo, as `npm start` starts it, for all files of this process. */
export const sharedDemo = () => (demo ??= startDemo({ source: true, end: atExit }));

/** A server with a provider. */
export async function startDemo({ source = false, end = atEnd } = {}) {
  const provider = await openProvider(end);
  return { provider, server: await startServer({ settings: settingsOf(provider), source, end }) };
}

/** What makes it a provider of the server. */
export function settingsOf({ issuer, clientId, secret }, name = "DEMO") {
  const settings = { KIND: "oidc", ISSUER: issuer, CLIENT_ID: clientId, CLIENT_SECRET: secret, TRUST_EMAIL: true };
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [`PROVIDERS__${name}__${key}`, value]));
}

/** Somebody whom no other test knows, as the provider knows them. */
export function someone(email = somebody().email) {
  people += 1;
  return { name: `Person ${process.pid} ${people}`, email, verified: true };
}

/** Says on the provider's screens who one is, and what one thinks of it. */
export async function consent(page, { name, email, verified }, { allow = true, asked = true } = {}) {
  // First what only the provider's page has: others have a name and an address, too.
  await page.setChecked("#verified", Boolean(verified));
  await page.fill("#name", name);
  await page.fill("#email", email ?? "");
  await page.click("button:text-is('Go on')");
  if (asked) await page.click(allow ? "[name=allow]" : "form:not(:has(#name)) [name=cancel]");
}

// ── people ──

let people = 0;

/** Somebody whom no other test knows. */
export function somebody() {
  return { email: `${unique("person")}@example.com`, password: "correct horse battery" };
}

/** A username that no other test knows. */
export const unique = (name) => `${name}.${process.pid}.${++people}`;

/** A phone number that no other test knows. */
export const number = () => `+1202555${String(++people).padStart(4, "0")}`;

/** Creates an account over HTTP, for tests that begin behind the sign-up. */
export async function signUp(server, person = somebody(), options = {}) {
  const answer = await server.post("/v1/signup", { ...person, options });
  assert.equal(answer.status, 200, await answer.clone().text());
  return person;
}

// ── the browser ──

const FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-quic", "--disable-background-networking"];

let browser = null;

/** Chromium, for all files of this process: a profile of one's own is `openContext`. */
export const openChromium = () => (browser ??= launch());

async function launch() {
  const { chromium } = await import("playwright-core");
  const home = await folder(atExit);
  const env = { ...process.env, TMPDIR: home };
  const launched = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, env });
  atExit(() => launched.close());
  return launched;
}

/** A page in a profile of its own, by what a person does and sees there. `tab` is Playwright's page. */
export async function openPage() {
  const tab = await (await openContext(await openChromium())).newPage();
  return {
    tab,
    /** As from the address bar: where only the fragment is another, a page may load itself anew. */
    async open(url) {
      await tab.goto(url, { waitUntil: "commit" });
      await tab.waitForLoadState();
    },
    reload: () => tab.reload(),
    click: (selector) => tab.click(selector),
    /** Forgets everything that this browser keeps for the origin of `url`. */
    async fresh(url) {
      await tab.goto(`${url}/favicon.svg`);
      await tab.evaluate(() => [localStorage, sessionStorage].forEach((storage) => storage.clear()));
    },
    /** Types into the controls with these names. */
    async fill(fields) {
      for (const [name, value] of Object.entries(fields)) await tab.fill(`[name="${name}"]:enabled`, value);
    },
    /** What an element shows: nothing while it is hidden. */
    text: (selector) => tab.$eval(selector, (element) => (element.checkVisibility() ? element.innerText.trim() : "")),
    sees: (selector, words) => sees(tab, selector, words),
    told: (form, words) => told(tab, form, words),
    /** Waits until the browser is at this path (with query and fragment, if given). */
    at: (path) => tab.waitForURL(({ pathname, search, hash }) => pathname === path || pathname + search + hash === path),
    visible: (selector) => tab.waitForSelector(selector),
    /** A line of the profile page's lists. */
    // In one step: the page writes them anew when it learns something.
    fact: (name) =>
      tab.evaluate(
        (term) =>
          /** @type {HTMLElement} */ (
            [...document.querySelectorAll("dt")].find(({ textContent }) => textContent === term)?.nextElementSibling
          )?.innerText,
        name,
      ),
    /**
     * Runs the body of an async function in the page, with `auth` a new AuthClient and `args` what is given here.
     * The answer is `{ value }` or `{ error }`; the page's policy forbids eval, so the text is put together here.
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
    /** Signs in without the page. */
    async signIn({ email, password }) {
      const { error } = await this.run("await auth.login(args[0])", { email, password });
      assert.equal(error, undefined);
    },
  };
}

/** A browser profile of its own; what its pages complain about is in `complaints`. */
export async function openContext(browser, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE);
  context.complaints = [];
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) context.complaints.push(message.text());
  });
  context.on("weberror", (error) => context.complaints.push(String(error.error())));
  // Closing while a page is still on its way to the next one hangs the browser's driver at times.
  const close = context.close.bind(context);
  context.close = async () => {
    await Promise.all(context.pages().map((page) => page.goto("about:blank").catch(() => {})));
    await close();
  };
  return context;
}

/** Waits until the browser shows these words at a control of the form, as it does with what the SDK says of it. */
export const told = (page, form, words) =>
  page.waitForFunction(
    ([form, words]) =>
      [...document.querySelectorAll(`${form} :is(input, select, textarea, button)`)].some((/** @type {any} */ control) =>
        control.validationMessage.includes(words),
      ),
    [form, words],
  );

/** Waits until the element shows these words, or what the expression describes; a hidden element shows nothing. */
export const sees = (page, selector, words) =>
  page.waitForFunction(
    ([where, text, pattern]) => {
      const element = document.querySelector(where);
      if (!element) return false;
      const shown = element.checkVisibility() ? element.innerText.trim() : "";
      return pattern === undefined ? shown.includes(text) : new RegExp(pattern).test(shown);
    },
    words instanceof RegExp ? [selector, null, words.source] : [selector, words],
    // Playwright's own way looks in each frame, and keeps the browser drawing.
    { polling: 50 },
  );

/** Opens a page of the demo, or one of the server's own, and waits until it has drawn itself. */
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
 * Signs somebody in at a page of theirs, with a client that is gone afterwards; gives the page, without any client.
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
 * Runs a function in the page, with `auth` a new AuthClient, and `refusal` to catch what a call rejects with.
 * @param {import("playwright-core").Page} page
 * @param {(argument: any) => any} body
 * @param {{ options?: import("../../js/index.js").AuthClientOptions, argument?: any }} [given]
 */
export async function withClient(page, body, { options = {}, argument } = {}) {
  await page.evaluate(async (given) => {
    const { AuthClient } = await import("/pkg/index.js");
    window.events = [];
    window.auth = new AuthClient(given);
    // What a call rejects with: its code and field.
    window.refusal = (call) =>
      call.then(
        () => "resolved",
        ({ code, field }) => (field ? `${code} ${field}` : code),
      );
    auth.onAuthStateChange((event, _session, detail) => events.push(detail ? `${event} ${detail.code}` : event));
  }, options);
  return page.evaluate(body, argument);
}

/** Which refresh token the browser keeps: how often its session has been rotated (D-3). */
export async function generation(page) {
  const { refresh_token } = JSON.parse(await page.evaluate(() => localStorage.getItem("doorward.session")));
  return Number(Buffer.from(refresh_token, "base64url").readBigInt64BE(21));
}

/** Holds requests to `path` back until `release()`; `requests` are those that came. */
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
