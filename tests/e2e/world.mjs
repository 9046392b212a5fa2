// Makes the world of an end-to-end test: the real server with a database file of its own, a browser, a mailbox.
//
// A world takes everything down with it when the test file ends. The server's binary is `target/release/doorward`
// unless DOORWARD_BIN names another; DOORWARD_CHROMIUM and CHROMEDRIVER name another browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { startProvider } from "../../demo/provider.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BINARY = process.env.DOORWARD_BIN ?? join(ROOT, "target/release/doorward");
const CHROMIUM = process.env.DOORWARD_CHROMIUM ?? "/usr/bin/chromium";
const CHROMEDRIVER = process.env.CHROMEDRIVER ?? "/usr/bin/chromedriver";
// The SDK gives a request up after 10 s; what takes longer here is a fault.
const PATIENCE = 15_000;

const ends = [];
const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));
after(async () => {
  for (const end of ends.reverse()) await end();
});

/** Runs `end` when the test file is over, the last one first. */
export function atEnd(end) {
  ends.push(end);
}

/** A folder that is deleted at the end. */
export async function folder() {
  const path = await mkdtemp(join(tmpdir(), "doorward-e2e-"));
  // Chromium's last helpers may still write into it.
  atEnd(() => rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 }));
  return path;
}

/** A port on 127.0.0.1 that nobody uses. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
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
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  children.add(child);
  child.over = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  child.over.then(() => children.delete(child));
  return child;
}

// ── the server ──

/** The real server with the demo site. Settings are `DOORWARD_…` variables without the prefix: `{ TOKEN__LIFETIME: "2s" }`. */
export async function startServer({ settings = {}, dev = true } = {}) {
  const data = await folder();
  // DOORWARD_… variables are settings to the server, but DOORWARD_BIN is ours.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DOORWARD_")));
  for (const [name, value] of Object.entries(settings)) env[`DOORWARD_${name}`] = String(value);
  const args = ["serve", "--listen", "127.0.0.1:0", "--data", data, "--config", join(ROOT, "www/doorward.toml")];
  if (dev) args.splice(1, 0, "--dev");

  const server = {
    data,
    port: null,
    url: null,
    log: "",
    child: null,
    async up() {
      server.child = start(BINARY, args, { env });
      server.child.stderr.on("data", (text) => (server.log += text));
      const lines = createInterface({ input: server.child.stdout });
      server.url = await new Promise((resolve, reject) => {
        lines.on("line", (line) => {
          const ready = /^doorward is ready: (\S+), listening on 127\.0\.0\.1:(\d+)/.exec(line);
          if (!ready) return;
          server.port = Number(ready[2]);
          // Pages know this address: after a restart it is the same.
          args[args.indexOf("--listen") + 1] = `127.0.0.1:${server.port}`;
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
  atEnd(() => server.down());
  return server.up();
}

// ── a provider ──

/** The demo's provider: real OpenID Connect, with screens to click through. */
export async function openProvider() {
  const provider = await startProvider();
  atEnd(() => provider.close());
  return provider;
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
  people += 1;
  return { email: `person.${process.pid}.${people}@example.com`, password: "correct horse battery" };
}

/** A phone number that no other test knows. */
export const number = () => `+1202555${String(++people).padStart(4, "0")}`;

/** Creates an account over HTTP, for tests that begin behind the sign-up. */
export async function signUp(server, person = somebody(), options = {}) {
  const answer = await server.post("/v1/signup", { ...person, options });
  assert.equal(answer.status, 200, await answer.clone().text());
  return person;
}

// ── browsers ──

const FLAGS = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-quic", "--disable-background-networking"];

/** Chromium by WebDriver. */
export async function openBrowser() {
  const { Builder, By, until } = await import("selenium-webdriver");
  const port = await freePort();
  const home = await folder();
  const driver = start(CHROMEDRIVER, [`--port=${port}`], { env: { ...process.env, TMPDIR: home } });
  const address = `http://127.0.0.1:${port}`;
  await eventually("chromedriver is ready", async () => {
    const status = await fetch(`${address}/status`).catch(() => null);
    return (await status?.json())?.value.ready;
  });
  const browser = await new Builder()
    .usingServer(address)
    .withCapabilities({ browserName: "chrome", "goog:chromeOptions": { binary: CHROMIUM, args: FLAGS } })
    .build();
  atEnd(async () => {
    await browser.quit();
    driver.kill();
    await driver.over;
  });
  return page(browser, By, until);
}

/** What a person does and sees, in their words. */
function page(browser, By, until) {
  const css = (selector) => browser.findElement(By.css(selector));
  return {
    browser,
    open: (url) => browser.get(url),
    reload: () => browser.navigate().refresh(),
    /** Forgets everything that this browser keeps for the origin of `url`. */
    async fresh(url) {
      await browser.get(`${url}/favicon.svg`);
      await browser.executeScript("localStorage.clear(); sessionStorage.clear()");
    },
    find: css,
    click: async (selector) => (await css(selector)).click(),
    /** Types into the controls with these names. */
    async fill(fields) {
      for (const [name, value] of Object.entries(fields)) {
        const control = await css(`[name="${name}"]:enabled`);
        await control.clear();
        await control.sendKeys(value);
      }
    },
    text: async (selector) => (await css(selector)).getText(),
    /** Waits until the element shows this text. */
    sees: (selector, words) =>
      eventually(`"${words}" in ${selector}`, async () => {
        const text = await css(selector).then((element) => element.getText()).catch(() => "");
        return words instanceof RegExp ? words.test(text) : text.includes(words);
      }),
    /** Waits until the browser is at this path (with query and fragment, if given). */
    at: (path) =>
      eventually(`the browser is at ${path}`, async () => {
        const { pathname, search, hash } = new URL(await browser.getCurrentUrl());
        return pathname === path || pathname + search + hash === path;
      }),
    visible: (selector) => browser.wait(until.elementIsVisible(css(selector)), PATIENCE),
    /** A line of the profile page's lists. */
    // In one step: the page writes them anew when it learns something.
    fact: (name) =>
      browser.executeScript(
        `return [...document.querySelectorAll("dt")].find((term) => term.textContent === arguments[0])?.nextElementSibling.innerText`,
        name,
      ),
    /**
     * Runs the body of an async function in the page, with `auth` a new AuthClient and `args` what is given here.
     * The answer is `{ value }` or `{ error }`; the page's policy forbids eval, so the text is put together here.
     */
    run: (body, ...args) =>
      browser.executeAsyncScript(
        `const [args, done] = arguments;
         import("/pkg/doorward.js").then(async ({ AuthClient, isAuthError }) => {
           const auth = new AuthClient();
           try {
             done({ value: await (async () => { ${body} })() });
           } catch (error) {
             const { code, message, field, status } = error;
             done({ error: { code, message, field, status, ours: isAuthError(error) } });
           } finally {
             auth.dispose();
           }
         });`,
        args,
      ),
    /** Signs in without the page. */
    async signIn({ email, password }) {
      const { error } = await this.run("await auth.login(args[0])", { email, password });
      assert.equal(error, undefined);
    },
  };
}

/** Chromium by Playwright, where a test needs faults, several tabs or the console. */
export async function openChromium() {
  const { chromium } = await import("playwright-core");
  const home = await folder();
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS, env: { ...process.env, TMPDIR: home } });
  atEnd(() => browser.close());
  return browser;
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

/** Opens a page of the demo, or one of the server's own, and waits until it has drawn itself. */
export async function settled(page, address) {
  await page.goto(address);
  if (await page.$("#source")) await page.waitForSelector("#source figure:nth-of-type(2) span");
}

/** Serves `html` and the module `js` at `/under-test` of the server's origin, and opens it. */
export async function openForm(page, url, html, js) {
  await page.route("**/under-test", (route) =>
    route.fulfill({ contentType: "text/html; charset=utf-8", body: `<!doctype html>${html}<script type="module" src="/under-test.js"></script>` }),
  );
  await page.route("**/under-test.js", (route) =>
    route.fulfill({
      contentType: "text/javascript; charset=utf-8",
      body: `import { AuthClient, isAuthError } from "/pkg/doorward.js";\nconst form = document.forms[0];\n${js}\nwindow.ready = true;`,
    }),
  );
  await page.goto(`${url}/under-test`);
  await page.waitForFunction("window.ready");
}

/** Signs somebody in at a page of theirs, with a client that is gone afterwards; gives the page, without any client. */
export async function signedIn(browser, server, person, { context, path = "/favicon.svg" } = {}) {
  const profile = context ?? (await openContext(browser));
  const page = await profile.newPage();
  await page.goto(`${server.url}/favicon.svg`);
  await withClient(page, (credentials) => auth.login(credentials), { argument: person });
  await page.evaluate(() => auth.dispose());
  if (path !== "/favicon.svg") await page.goto(server.url + path);
  return { context: profile, page };
}

/** Runs a function in the page, with `auth` a new AuthClient, and `refusal` to catch what a call rejects with. */
export async function withClient(page, body, { options = {}, argument } = {}) {
  await page.evaluate(async (given) => {
    const { AuthClient } = await import("/pkg/doorward.js");
    window.events = [];
    window.auth = new AuthClient(given);
    // What a call rejects with: its code and field.
    window.refusal = (call) => call.then(() => "resolved", ({ code, field }) => (field ? `${code} ${field}` : code));
    auth.onAuthStateChange((event, session, detail) => events.push(detail ? `${event} ${detail.code}` : event));
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
