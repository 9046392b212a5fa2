// The storage of the session, and the behaviour when the browser has no storage.

import assert from "node:assert/strict";
import { openChromium, openContext, sharedServer, signUp, startServer, test } from "./world.mjs";

const server = await sharedServer();
const { url } = server;
const chromium = await openChromium();
const person = await signUp(server);

async function open(prepare) {
  const context = await openContext(chromium);
  if (prepare) await context.addInitScript(prepare);
  const page = await context.newPage();
  await page.goto(`${url}/favicon.svg`);
  return { context, page };
}

/** Signs in with these options, and returns the events and properties of the client. */
const signIn = (page, options = {}) =>
  page.evaluate(
    async ([credentials, given]) => {
      const { AuthClient } = await import("/pkg/index.js");
      window.auth = new AuthClient(given);
      const events = [];
      auth.onAuthStateChange((event, _session, detail) => events.push(detail ? `${event} ${detail.code}` : event));
      const user = await auth.login(credentials);
      await new Promise((resolve) => setTimeout(resolve));
      return { email: user.email, events, persistence: auth.persistence, profile: (await auth.getProfile()).email };
    },
    [person, options],
  );

for (const [what, block] of Object.entries({
  "denies localStorage": () =>
    Object.defineProperty(window, "localStorage", {
      get() {
        throw new DOMException("denied", "SecurityError");
      },
    }),
  "has no localStorage": () => Object.defineProperty(window, "localStorage", { value: null }),
  "refuses to write": () => {
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  },
})) {
  test(`sec_F6_a browser that ${what} keeps the session in memory, and the app gets a warning`, async () => {
    const { context, page } = await open(block);
    const told = await signIn(page);
    assert.equal(told.email, person.email);
    assert.equal(told.profile, person.email);
    assert.equal(told.persistence, "memory");
    assert.equal(told.events.filter((event) => event === "WARNING storage_in_memory").length, 1, told.events.join());
    await context.close();
  });
}

test("sec_F6_the pages work without any storage", async () => {
  const context = await openContext(chromium);
  await context.addInitScript(() => {
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException("denied", "SecurityError");
        },
      });
    }
  });
  const page = await context.newPage();
  await page.goto(`${url}/login`);
  await page.fill("#email", person.email);
  await page.fill("#password", person.password);
  await page.click("#login > button");
  await page.waitForURL("**/profile");
  // Memory does not outlive a page; the warning is about this.
  await page.waitForSelector("#out", { state: "visible" });
  // The browser logs the error of each first proof, which has no nonce yet.
  assert.deepEqual(
    context.complaints.filter((text) => !/status of 401/.test(text)),
    [],
  );
  await context.close();
});

test("sec_F7_a full storage loses no session", async () => {
  const { context, page } = await open();
  await page.evaluate(() => {
    let chunk = "x".repeat(1024 * 1024);
    for (let at = 0; chunk.length > 0; at += 1) {
      try {
        localStorage.setItem(`fill${at}`, chunk);
      } catch {
        chunk = chunk.slice(0, chunk.length >> 1);
      }
    }
  });
  const told = await signIn(page);
  assert.equal(told.profile, person.email);
  assert.equal(told.persistence, "memory");
  await context.close();
});

const DAMAGE = {
  "half of it": (text) => text.slice(0, text.length >> 1),
  nothing: () => "",
  null: () => "null",
  "a list": () => "[]",
  "a number": () => "42",
  "another format": () => JSON.stringify({ v: 99, user: "ada" }),
  "prototype keys": () => `{"__proto__":{"user":{"email":"x"}},"constructor":1}`,
  "binary rubbish": () => "\u0000\u0001\uD800\uFFFF",
  "a flipped character": (text) => text.replace(/refresh_token":"./, (found) => `${found}~`),
};
for (const [what, damage] of Object.entries(DAMAGE)) {
  test(`sec_F8_stored data with ${what} causes no crash, and signing in again works`, async () => {
    const { context, page } = await open();
    await signIn(page);
    const stored = await page.evaluate(() => Object.entries(localStorage).filter(([name]) => name.startsWith("doorward")));
    assert.ok(stored.length > 0);
    await page.evaluate(
      (entries) => entries.forEach(([name, text]) => localStorage.setItem(name, text)),
      stored.map(([name, text]) => [name, damage(text)]),
    );
    await page.goto(`${url}/profile`);
    await page.waitForSelector("#out:not([hidden]), #in:not([hidden])");
    assert.deepEqual(
      context.complaints.filter((text) => !/status of 40[01]/.test(text)),
      [],
    );
    assert.equal((await signIn(page)).profile, person.email);
    await context.close();
  });
}

test("storage: session, memory and a custom storage", async () => {
  const { context, page } = await open();
  assert.equal((await signIn(page, { storage: "session" })).persistence, "session");
  assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith("doorward")).length), 0);
  assert.equal((await signIn(page, { storage: "memory", storageKey: "other" })).persistence, "memory");
  const own = await page.evaluate(async (credentials) => {
    const { AuthClient } = await import("/pkg/index.js");
    const kept = new Map();
    const storage = {
      getItem: async (key) => kept.get(key) ?? null,
      setItem: async (key, value) => void kept.set(key, value),
      removeItem: async (key) => void kept.delete(key),
    };
    const auth = new AuthClient({ storage });
    await auth.login(credentials);
    const again = new AuthClient({ storage });
    const session = await again.getSession();
    await again.logout();
    return { persistence: auth.persistence, email: session.user.email, left: [...kept.values()].join("") };
  }, person);
  assert.equal(own.persistence, "custom");
  assert.equal(own.email, person.email);
  assert.ok(!own.left.includes("refresh_token"), own.left);
  await context.close();
});

test("clients with different storage keys do not see each other", async () => {
  const { context, page } = await open();
  await signIn(page, { storageKey: "one" });
  const other = await page.evaluate(async () => {
    const { AuthClient } = await import("/pkg/index.js");
    return new AuthClient({ storageKey: "two" }).getSession();
  });
  assert.equal(other, null);
  await context.close();
});

test("a client of another server does not use a stored session, and that server gets no data of it", async () => {
  const { context, page } = await open();
  await signIn(page);
  const other = await startServer();
  const asked = [];
  page.on("request", (request) => request.url().startsWith(other.url) && asked.push(JSON.stringify(request.headers())));
  const told = await page.evaluate(async (elsewhere) => {
    const { AuthClient } = await import("/pkg/index.js");
    auth.dispose();
    window.stranger = new AuthClient({ url: elsewhere });
    const profile = await window.stranger.getProfile();
    const token = await window.stranger.getAccessToken();
    window.stranger.dispose();
    window.auth = new AuthClient();
    return { profile, token, again: (await auth.getProfile()).email };
  }, other.url);
  assert.deepEqual(told, { profile: null, token: null, again: person.email });
  assert.deepEqual(asked, []);
  await context.close();
});
