// The data that the browser stores while a user is at a provider: the keys of flows and of sessions, in this tab and in
// others.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, problem, tokens } from "./page.mjs";
import {
  body,
  call,
  callWith,
  come,
  existing,
  keeps,
  keyOf,
  leave,
  linked,
  registered,
  server,
  stay,
  storedKeys,
  unknown,
} from "./providers.mjs";

test("two concurrent flows in two tabs do not disturb each other", async (t) => {
  const { page, tab, asked } = await open(t, { routes: server() });
  const other = await tab();
  await leave(page);
  await leave(other);
  await come(page, "/back");
  await call(page, "login", "google", { callback: page.url(), code: "c1" });
  await come(other, "/back");
  await call(other, "login", "google", { callback: other.url(), code: "c2" });
  const begun = asked.filter(({ name }) => name === "POST /v1/flows/google");
  const ended = asked.filter(({ name }) => name === "POST /v1/login/provider/google");
  assert.deepEqual(
    ended.map((call) => body(call).state),
    ["s1", "s2"],
  );
  assert.deepEqual(ended.map(keyOf), begun.map(keyOf));
  assert.notEqual(keyOf(begun[0]), keyOf(begun[1]));
});

test("a flow may return to another tab than the one that began it", async (t) => {
  const { page, tab, asked } = await open(t, { routes: server() });
  await leave(page);
  await leave(page);
  const other = await tab();
  await come(other, "/back?code=c1&state=s1");
  assert.deepEqual(await call(other, "login", "google", { callback: other.url() }), existing);
  const third = await tab();
  await come(third, "/back");
  await call(third, "login", "google", { callback: third.url(), code: "c2" });
  const [first, second] = asked.filter(({ name }) => name === "POST /v1/login/provider/google");
  const [begun] = asked;
  assert.equal(keyOf(first), keyOf(begun));
  assert.equal(body(second).state, undefined, "which of the other tab's flows it is, the server knows");
});

test("redoOAuth uses a new key if the old one is gone", async (t) => {
  const routes = server({ "GET /consent": ({ search }) => (search.includes("s1") ? [200, {}] : [204, {}]) });
  const { page, asked } = await open(t, { routes });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", "google", { callback: page.url() });
  await call(page, "logout");
  const gone = page.waitForRequest("**/consent?state=s2");
  assert.equal(await call(page, "redoOAuth", "google"), null);
  await gone;
  const [first, again] = asked.filter(({ name }) => name === "POST /v1/flows/google");
  assert.notEqual(keyOf(again), keyOf(first));
});

test("a token of a provider identity without an account does not take the session's key", async (t) => {
  const { page, asked } = await open(t, { routes: server({ "POST /v1/login/provider/google": [200, unknown] }) });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back");
  assert.deepEqual(await call(page, "login", "google", { token: "t" }), unknown);
  assert.equal(keyOf(asked.at(-1)), keyOf(asked[0]));
  assert.deepEqual(await storedKeys(page), [true]);
});

test("the key of a session in memory is deleted at the sign-out", async (t) => {
  const { page, asked } = await open(t, { routes: server() });
  const options = { storage: "memory" };
  await leave(page, "google", options);
  await come(page, "/back?code=c1&state=s1");
  await page.evaluate(async (options) => {
    const auth = new AuthClient(options);
    await auth.login("google", { callback: location.href });
    await auth.logout();
  }, options);
  await keeps(page, []);
  await callWith(page, options, "login", { email: "bob@example.com", password: "secret" });
  assert.notEqual(keyOf(asked.at(-1)), keyOf(asked[0]));
});

test("two clients with separate storages have separate keys", async (t) => {
  const { page, asked } = await open(t, { routes: server({ ...stay, "GET /v1/profile": [200, tokens().user] }) });
  await page.evaluate(async () => {
    const client = () => {
      const texts = new Map();
      const getItem = async (key) => texts.get(key) ?? null;
      return new AuthClient({
        storage: { getItem, setItem: async (key, text) => texts.set(key, text), removeItem: async (key) => texts.delete(key) },
      });
    };
    const first = client();
    window.second = client();
    await first.login({ email: "ada@example.com", password: "secret" });
    await first.oauthRedirect("google", `${location.origin}/back`);
    await second.login({ email: "bob@example.com", password: "secret" });
    await first.logout();
  });
  await keeps(page, [true]);
  assert.equal(await page.evaluate(async () => (await second.getProfile())?.user_id), "u1");
  const [first, second] = asked.filter(({ name }) => name === "POST /v1/login").map(keyOf);
  assert.notEqual(first, second);
  await keeps(page, [true]);
});

test("a sign-in in another tab does not take the key of a flow in this tab", async (t) => {
  const { page, tab, asked } = await open(t, { routes: server() });
  const other = await tab();
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await call(other, "login", { email: "ada@example.com", password: "secret" });
  await come(page, "/back?code=c1&state=s1");
  assert.deepEqual(await call(page, "login", "google", { callback: page.url() }), existing);
  const proofs = asked.filter(({ headers }) => headers.dpop).map(keyOf);
  assert.equal(proofs.at(-1), proofs[0]);
  assert.notEqual(proofs.at(-2), proofs[0]);
});

test("seed_m46: after a sign-in in another tab, a sign-in in this tab links with the key of the flow", async (t) => {
  const { page, tab, asked } = await open(t, { routes: server({ "POST /v1/identities/google": [200, linked] }) });
  const other = await tab();
  const ada = { email: "ada@example.com", password: "secret" };
  await call(page, "login", ada);
  await leave(page);
  await call(other, "login", ada);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", ada);
  assert.deepEqual(await call(page, "login", "google", { callback: page.url() }, "link"), linked);
  const [before, , theirs, anew, link] = asked.filter(({ headers }) => headers.dpop).map(keyOf);
  assert.deepEqual([anew, link], [before, before]);
  assert.notEqual(theirs, before);
});

for (const isDeleted of [false, true]) {
  test(`redoOAuth after a sign-out in another tab uses a stored key${isDeleted ? ", or else a new one" : ""}`, async (t) => {
    const { page, tab, asked } = await open(t, { routes: server() });
    const other = await tab();
    await leave(page);
    await come(page, "/back?code=c1&state=s1");
    await page.evaluate(async () => {
      window.auth = new AuthClient();
      await auth.login("google", { callback: location.href });
    });
    await call(other, "logout");
    await keeps(other, ["loose"]);
    if (isDeleted)
      await other.evaluate(() => new Promise((resolve) => (indexedDB.deleteDatabase("doorward.keys").onsuccess = () => resolve())));
    const gone = page.waitForURL("**/consent?state=s2");
    await Promise.all([gone, page.evaluate(() => auth.redoOAuth("google")).catch(() => null)]);
    await come(page, "/back?code=c2&state=s2");
    assert.deepEqual(await call(page, "login", "google", { callback: page.url() }), existing);
    const [begun, again] = asked.filter(({ name }) => name === "POST /v1/flows/google");
    assert.equal(keyOf(asked.at(-1)), keyOf(again));
    assert.equal(keyOf(again) === keyOf(begun), !isDeleted);
  });
}

for (const options of [{}, { dpop: false }]) {
  test(`a sign-out ends the flows of this tab and no others: ${JSON.stringify(options)}`, async (t) => {
    const bearer = { "POST /v1/login": [200, tokens({ token_type: "Bearer" })] };
    const { page, tab } = await open(t, { routes: server({ ...stay, ...(options.dpop === false && bearer) }) });
    const other = await tab();
    await callWith(page, options, "login", { email: "ada@example.com", password: "secret" });
    const back = "https://app.example.com/back";
    await callWith(page, options, "oauthRedirect", "google", back);
    await callWith(other, options, "oauthRedirect", "google", back);
    await callWith(page, options, "logout");
    const told = await page.evaluate(async () => {
      await until(() => [sessionStorage, localStorage].every((storage) => !storage["doorward.flow"].includes("s1")));
      return [sessionStorage, localStorage].map((storage) => JSON.parse(storage["doorward.flow"]).map(({ state }) => state ?? null));
    });
    assert.deepEqual(told, [[null], ["s2", null]]);
    const left = await page.evaluate(() => sessionStorage["doorward.flow"] + localStorage["doorward.flow"]);
    assert.doesNotMatch(left, /secret-s1/);
  });
}

test("after a sign-out in this tab or another, the next session has a key that lasts", async (t) => {
  const wrong = [401, problem("INCORRECT_USERNAME_OR_PASSWORD")];
  const routes = server({
    "POST /v1/login": ({ body }) => (JSON.parse(body).password === "wrong" ? wrong : [200, tokens()]),
    "GET /v1/profile": [200, tokens().user],
  });
  const { page, tab, names } = await open(t, { routes });
  const other = await tab();
  const ada = (password) => ({ email: "ada@example.com", password });
  for (const where of [other, page]) {
    await leave(page);
    await come(page, "/back?code=c1");
    await page.evaluate(() => (window.auth = new AuthClient()));
    const ask = (method, ...args) => page.evaluate(([method, args]) => auth[method](...args).catch(({ code }) => code), [method, args]);
    assert.deepEqual(await ask("login", "google", { callback: page.url() }), existing);
    assert.equal(await ask("login", ada("wrong")), "INCORRECT_USERNAME_OR_PASSWORD");
    if (where === page) await ask("logout");
    else await call(other, "logout");
    assert.equal((await ask("login", ada("secret"))).user_id, "u1");
    await come(page, "/home");
    assert.equal((await call(page, "getProfile"))?.user_id, "u1");
    await call(page, "logout");
  }
  assert.equal(names().at(-1), "POST /v1/logout");
});

test("a user without a linked account who signs in another way, on a later page, uses the key of the flow", async (t) => {
  const { page, asked } = await open(t, { routes: server({ "POST /v1/login/provider/google": [200, unknown] }) });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", "google", { callback: page.url() });
  await come(page, "/signin");
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  const proofs = asked.filter(({ headers }) => headers.dpop).map(keyOf);
  assert.equal(proofs.length, 3);
  assert.equal(new Set(proofs).size, 1);
  // The key belongs to that session alone: the next session gets its own.
  await call(page, "logout");
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  assert.notEqual(keyOf(asked.at(-1)), proofs[0]);
});

test("a provider sign-in of a signed-in user keeps the key that both sessions share", async (t) => {
  const routes = server({ "GET /v1/profile": [200, tokens().user] });
  const { page, asked } = await open(t, { routes });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "login", "google", { callback: page.url() });
  await come(page, "/home");
  assert.equal((await call(page, "getProfile")).user_id, "u1");
  assert.equal(keyOf(asked.at(-1)), keyOf(asked[0]));
});

test("if the key of the flow is gone, the call rejects as a state mismatch and sends nothing", async (t) => {
  const { page, asked, names } = await open(t, { routes: server() });
  await call(page, "login", { email: "ada@example.com", password: "secret" });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  await call(page, "logout");
  const before = asked.length;
  const data = { callback: page.url() };
  assert.equal(await call(page, "login", "google", data), "OAUTH_STATE_MISMATCH");
  assert.equal(await call(page, "register", "google", { oauthKey: "k" }), "OAUTH_STATE_MISMATCH");
  assert.equal(await call(page, "login", "google", data, "link"), "SESSION_REQUIRED");
  assert.deepEqual(names().slice(before), []);
});

test("a key that is about to be deleted is not used for another session", async (t) => {
  const { page, names } = await open(t, { routes: server(stay) });
  const told = await page.evaluate(async () => {
    let held;
    const texts = new Map();
    const getItem = async (key) => {
      if (key.endsWith(".flow")) await held;
      return texts.get(key) ?? null;
    };
    const storage = { getItem, setItem: async (key, text) => texts.set(key, text), removeItem: async (key) => texts.delete(key) };
    const auth = new AuthClient({ storage });
    await auth.login({ email: "ada@example.com", password: "secret" });
    await auth.oauthRedirect("google", `${location.origin}/back`);
    let release;
    held = new Promise((resolve) => (release = resolve));
    await auth.logout();
    held = undefined;
    const code = auth.login("google", { callback: `${location.origin}/back?code=c1&state=s1` }).catch(({ code }) => code);
    setTimeout(release, 50);
    return code;
  });
  assert.equal(told, "OAUTH_STATE_MISMATCH");
  // The browser may send its own request for the consent screen at any time.
  assert.equal(
    names()
      .filter((name) => name !== "GET /consent")
      .at(-1),
    "POST /v1/logout",
  );
});

for (const storage of ["local", "session", "memory", "custom"]) {
  test(`a flow outlives the page with storage "${storage}"`, async (t) => {
    const { page, asked } = await open(t, { routes: server() });
    const options = storage === "custom" ? {} : { storage };
    const begin = async (custom) => {
      const kept = { getItem: async (key) => localStorage.getItem(key), setItem: async (key, text) => localStorage.setItem(key, text) };
      const storage = custom && { ...kept, removeItem: async (key) => localStorage.removeItem(key) };
      window.client = (options) => new AuthClient(storage ? { storage } : options);
    };
    await page.evaluate(begin, storage === "custom");
    const gone = page.waitForURL("**/consent?*");
    await page.evaluate((options) => window.client(options).oauthRedirect("google", `${location.origin}/back`), options).catch(() => {});
    await gone;
    await come(page, "/back?code=c1&state=s1");
    await page.evaluate(begin, storage === "custom");
    const told = await page.evaluate((options) => window.client(options).login("google", { callback: location.href }), options);
    assert.deepEqual(told, existing);
    const [begun, ended] = asked.filter(({ headers }) => headers.dpop);
    assert.equal(keyOf(ended), keyOf(begun));
  });
}

const denied = {
  "all storages denied": () => {
    for (const name of ["localStorage", "sessionStorage"]) {
      Object.defineProperty(globalThis, name, {
        get() {
          throw new DOMException("denied", "SecurityError");
        },
      });
    }
  },
  "a storage that is full": () => {
    Storage.prototype.setItem = () => {
      throw new DOMException("full", "QuotaExceededError");
    };
  },
};
for (const [what, before] of Object.entries(denied)) {
  test(`with ${what}, a flow lasts as long as the page`, async (t) => {
    const { page, asked } = await open(t, { routes: server(stay), before });
    const told = await page.evaluate(async () => {
      const auth = new AuthClient();
      await auth.oauthRedirect("google", "https://app.example.com/back");
      return auth.login("google", { callback: "https://app.example.com/back", code: "c1" });
    });
    assert.deepEqual(told, existing);
    const [begun, ended] = asked.filter(({ headers }) => headers.dpop);
    assert.equal(keyOf(ended), keyOf(begun));
    assert.equal(body(ended).state, "s1");
  });
}

test("without stored keys, and with Bearer tokens, a secret replaces the key of the flow", async (t) => {
  const routes = {
    "POST /v1/login/provider/google": [200, unknown],
    "POST /v1/signup/provider/google": [200, registered],
  };
  for (const [before, options] of /** @type {any[][]} */ ([
    [
      () => {
        IDBFactory.prototype.open = () => {
          throw new DOMException("denied", "SecurityError");
        };
      },
      {},
    ],
    [undefined, { dpop: false }],
  ])) {
    const { page, asked } = await open(t, { routes: server(routes), before });
    await leave(page, "google", options);
    await come(page, "/back?code=c1&state=s1");
    await callWith(page, options, "login", "google", { callback: page.url() });
    await come(page, "/register");
    await callWith(page, options, "register", "google", { oauthKey: "k1" });
    const [begun, ended, made] = asked.filter(({ name }) => name.startsWith("POST "));
    assert.equal(begun.headers.dpop, undefined);
    assert.deepEqual(
      [ended, made].map((call) => body(call).flow),
      ["secret-s1", "secret-s1"],
    );
    assert.equal(Boolean(ended.headers.dpop), options.dpop !== false);
  }
});

test("the number and the age of remembered flows are limited", async (t) => {
  const mismatch = [400, problem("OAUTH_STATE_MISMATCH")];
  const { page, asked } = await open(t, { routes: server({ ...stay, "POST /v1/login/provider/google": mismatch }) });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    for (let at = 0; at < 20; at += 1) await auth.oauthRedirect("google", `https://app.example.com/back${at}`);
    const kept = ["localStorage", "sessionStorage"].map((name) => JSON.parse(globalThis[name]["doorward.flow"]));
    const { now } = Date;
    Date.now = () => now() + 601_000;
    await auth.login("google", { callback: "https://app.example.com/back19", code: "c1" }).catch(() => {});
    await auth.oauthRedirect("github", "https://app.example.com/back");
    const stale = JSON.parse(localStorage["doorward.flow"])[1];
    Date.now = () => now() + 2 * 86_400_000;
    await auth.oauthRedirect("github", "https://app.example.com/back");
    return [kept.map(({ length }) => length), Object.keys(stale).sort(), JSON.parse(localStorage["doorward.flow"]).length];
  });
  assert.deepEqual(told, [[9, 9], ["at", "callback", "key", "provider"], 1]);
  const login = asked.find(({ name }) => name === "POST /v1/login/provider/google");
  assert.equal(body(login).state, undefined);
});

test("ended flows do not stay in the storage", async (t) => {
  const { page } = await open(t, { routes: server(stay) });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    await auth.oauthRedirect("google", "https://app.example.com/back");
    const { now } = Date;
    const look = async (later) => {
      Date.now = () => now() + later;
      await auth.redoOAuth("github").catch(() => {});
      return [localStorage, sessionStorage].map((storage) => Object.keys(JSON.parse(storage.getItem("doorward.flow"))?.[0] ?? {}).length);
    };
    return [await look(599_000), await look(601_000), await look(86_401_000), "doorward.flow" in localStorage];
  });
  assert.deepEqual(told, [[5, 5], [4, 4], [0, 0], false]);
});

test("keys of abandoned flows are deleted after a while", async (t) => {
  const { page } = await open(t, { routes: server(stay) });
  await page.evaluate(async () => {
    const auth = new AuthClient();
    await auth.oauthRedirect("google", "https://app.example.com/back");
    await auth.oauthRedirect("github", "https://app.example.com/back");
  });
  assert.deepEqual(await storedKeys(page), ["loose"]);
  await page.evaluate(async () => {
    // A tab that knows nothing of the flows.
    sessionStorage.clear();
    const later = new AuthClient({ storage: "session" });
    const { now } = Date;
    Date.now = () => now() + 86_401_000;
    await later.login({ email: "ada@example.com", password: "secret" });
  });
  await keeps(page, [true]);
});

test("damaged entries in the storage do no harm", async (t) => {
  const { page, asked } = await open(t, { routes: server() });
  for (const [text, expected] of /** @type {any[][]} */ ([
    ["", existing],
    ["{", existing],
    ["7", existing],
    ["[7, null]", existing],
    ['[{"provider":"google","at":9e15,"key":7,"state":{},"callback":[]}]', "OAUTH_STATE_MISMATCH"],
  ])) {
    await page.evaluate((text) => (localStorage["doorward.flow"] = sessionStorage["doorward.flow"] = text), text);
    const told = await call(page, "login", "google", { callback: "https://app.example.com/", code: "c" });
    assert.deepEqual(told, expected, text);
  }
  assert.deepEqual(body(asked.at(-1)), { callback: "https://app.example.com/", code: "c" });
  assert.equal(await call(page, "redoOAuth", "google"), "INVALID_PARAMETER callback");
});
