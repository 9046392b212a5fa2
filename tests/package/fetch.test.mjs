// `fetch`, `authHeaders` and `checkLoginStatus` of the built package: an app's own API with the session.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, problem, tokens } from "./page.mjs";

const login = { "POST /v1/login": [200, tokens()] };
const refresh = (number) => [200, tokens({ access_token: `access-${number}`, refresh_token: `refresh-${number}`, user: undefined })];
const signIn = () =>
  Object.assign(window, { auth: new AuthClient() })
    .auth.login({ email: "ada@example.com", password: "secret" })
    .then(() => {});
const claims = ({ headers }) => JSON.parse(Buffer.from(headers.dpop.split(".")[1], "base64url"));
const api = (asked) => asked.filter(({ name }) => name.endsWith("/api"));

test("a request carries the token and its own proof, and is otherwise unchanged", async (t) => {
  const { page, asked } = await open(t, { routes: { ...login, "POST /api": ({ body }) => [201, { body }] } });
  await page.evaluate(signIn);
  const answers = await page.evaluate(async () => {
    const init = { method: "post", body: "text", headers: { "x-app": "1" } };
    const answers = [
      await auth.fetch("/api?q=1#f", init),
      await auth.fetch(new Request("/api", init)),
      await auth.fetch(new URL("/api", location.href), { ...init, body: new Blob(["text"]) }),
    ];
    return Promise.all(answers.map(async (answer) => [answer.status, await answer.json()]));
  });
  assert.deepEqual(answers, Array(3).fill([201, { body: "text" }]));
  for (const call of api(asked)) {
    assert.equal(call.headers.authorization, "DPoP access-1");
    assert.equal(call.headers["x-app"], "1");
    assert.deepEqual([claims(call).htm, new URL(claims(call).htu).pathname], ["POST", "/api"]);
  }
  assert.equal(new Set(api(asked).map((call) => claims(call).jti)).size, 3);
  assert.ok(!claims(api(asked)[0]).htu.includes("q=1"));
});

test("authHeaders also takes a path of the page", async (t) => {
  const { page, asked } = await open(t, { routes: { ...login, "GET /api": [200, {}] } });
  await page.evaluate(signIn);
  await page.evaluate(async () => fetch("/api?q=1", { headers: await auth.authHeaders("get", "/api?q=1") }));
  const [call] = api(asked);
  assert.equal(call.headers.authorization, "DPoP access-1");
  assert.deepEqual([claims(call).htm, new URL(claims(call).htu).pathname], ["GET", "/api"]);
});

test("other origins get no request", async (t) => {
  const { page, asked } = await open(t, { routes: login });
  await page.evaluate(signIn);
  const told = await page.evaluate(async () => {
    const other = location.origin.replace("127.0.0.1", "localhost");
    const told = [];
    for (const input of [`${other}/api`, new Request(`${other}/api`), "https://evil.example", "data:,x", "http://[", {}])
      told.push(await auth.fetch(input).catch((error) => [error.name, error.code, error.field].join()));
    told.push(await auth.authHeaders("GET", new URL(`${other}/api`)).catch((error) => error.field));
    return told;
  });
  const refused = (field) => `AuthError,INVALID_PARAMETER,${field}`;
  assert.deepEqual(told.slice(0, 5), [...Array(4).fill(refused("url")), refused("input")]);
  assert.equal(told[6], "url");
  assert.deepEqual(api(asked), []);
});

test("fetch does not follow a redirect", async (t) => {
  const { page, asked } = await open(t, { routes: { ...login, "GET /api": [302, {}, { location: "http://localhost:1/" }] } });
  await page.evaluate(signIn);
  const answer = await page.evaluate(() => auth.fetch("/api").then(({ type, ok }) => [type, ok]));
  assert.deepEqual(answer, ["opaqueredirect", false]);
  assert.equal(api(asked).length, 1);
});

test("fetch refreshes a rejected token and repeats the request once, with its body", async (t) => {
  const routes = {
    ...login,
    "POST /v1/token": refresh(2),
    "POST /api": ({ headers, body }) => (headers.authorization === "DPoP access-2" ? [200, { body }] : [401, {}]),
  };
  const { page, names } = await open(t, { routes });
  await page.evaluate(signIn);
  const answer = await page.evaluate(async () => (await auth.fetch(new Request("/api", { method: "POST", body: "text" }))).json());
  assert.deepEqual(answer, { body: "text" });
  assert.deepEqual(names(), ["POST /v1/login", "POST /api", "POST /v1/token", "POST /api"]);
});

test("concurrent requests with a rejected token are all repeated after one refresh", async (t) => {
  const taken = ({ headers }) => [headers.authorization === "DPoP access-2" ? 200 : 401, {}];
  const { page, names } = await open(t, { routes: { ...login, "POST /v1/token": refresh(2), "GET /api": taken } });
  await page.evaluate(signIn);
  const statuses = await page.evaluate(() => Promise.all(Array.from({ length: 5 }, async () => (await auth.fetch("/api")).status)));
  assert.deepEqual(statuses, Array(5).fill(200));
  assert.equal(names().filter((name) => name === "POST /v1/token").length, 1);
});

test("an API that accepts no token causes one refresh, not one per request", async (t) => {
  let number = 1;
  const { page, names } = await open(t, { routes: { ...login, "POST /v1/token": () => refresh(++number), "GET /api": [401, {}] } });
  await page.evaluate(signIn);
  const statuses = await page.evaluate(async () => {
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await auth.fetch("/api")).status);
    return statuses;
  });
  assert.deepEqual(statuses, Array(5).fill(401));
  assert.equal(names().filter((name) => name === "POST /v1/token").length, 1);
});

test("if no new token is available, fetch returns the API's response", async (t) => {
  const { page } = await open(t, { routes: { ...login, "POST /v1/token": [500, {}], "GET /api": [401, { mine: true }] } });
  await page.evaluate(signIn);
  assert.deepEqual(await page.evaluate(async () => (await auth.fetch("/api")).json()), { mine: true });
});

test("fetch uses the nonce of an API's response once", async (t) => {
  const challenge = (nonce) => [401, {}, { "www-authenticate": `DPoP error="use_dpop_nonce"`, "dpop-nonce": nonce }];
  const routes = {
    ...login,
    "GET /api": (call) => (claims(call).nonce === "n1" ? [200, {}] : challenge("n1")),
    "PUT /api": challenge("n2"),
  };
  const { page, names } = await open(t, { routes });
  await page.evaluate(signIn);
  const statuses = await page.evaluate(async () => {
    const statuses = [];
    for (const method of ["GET", "GET", "PUT"]) statuses.push((await auth.fetch("/api", { method })).status);
    return statuses;
  });
  assert.deepEqual(statuses, [200, 200, 401]);
  assert.deepEqual(names().slice(1), ["GET /api", "GET /api", "GET /api", "PUT /api", "PUT /api"]);
});

test("fetch sends a stream once", async (t) => {
  const { page } = await open(t, { routes: { ...login } });
  await page.evaluate(signIn);
  const told = await page.evaluate(async () => {
    let sent = 0;
    const own = new AuthClient({ fetch: async (request) => (sent++, await request.text(), new Response("", { status: 401 })) });
    const body = new ReadableStream({ start: (c) => (c.enqueue(new TextEncoder().encode("x")), c.close()) });
    const { status } = await own.fetch("/api", { method: "POST", body, duplex: "half" });
    return [status, sent];
  });
  assert.deepEqual(told, [401, 1]);
});

test("signals end a request, and a network failure is an error", async (t) => {
  const routes = { ...login, "GET /api": () => new Promise(() => {}) };
  const { page } = await open(t, { routes });
  await page.evaluate(signIn);
  const codes = await page.evaluate(async () => {
    const code = (call) =>
      call.then(
        () => "fine",
        (error) => error.code,
      );
    const aborted = (input, init) => code(auth.fetch(input, init));
    const codes = [
      await aborted("/api", { signal: AbortSignal.abort() }),
      await aborted("/api", { signal: AbortSignal.timeout(50) }),
      await aborted(new Request("/api", { signal: AbortSignal.timeout(50) })),
    ];
    const broken = new AuthClient({ fetch: () => Promise.reject(7) });
    codes.push(await code(broken.fetch("/x")));
    const pending = code(auth.fetch("/api"));
    setTimeout(() => auth.dispose(), 50);
    return [...codes, await pending, await code(auth.fetch("/api"))];
  });
  assert.deepEqual(codes, ["ABORTED", "ABORTED", "ABORTED", "NETWORK", "ABORTED", "ABORTED"]);
});

test("signed out, fetch sends a request without a token", async (t) => {
  const { page, asked } = await open(t, { routes: { "GET /api": [401, {}] } });
  assert.equal(await page.evaluate(async () => (await new AuthClient().fetch("/api")).status), 401);
  assert.equal(api(asked).length, 1);
  assert.equal(api(asked)[0].headers.authorization, undefined);
});

test("checkLoginStatus reports a valid and an invalid token without an error", async (t) => {
  const routes = {
    ...login,
    "GET /v1/session": ({ headers }) =>
      headers.authorization === "DPoP access-1"
        ? [200, { user_id: "u1", session_id: "s", iat: 1, exp: 2 }]
        : [401, problem("SESSION_REQUIRED")],
  };
  const { page } = await open(t, { routes });
  const out = await page.evaluate(() => new AuthClient().checkLoginStatus());
  await page.evaluate(signIn);
  const told = await page.evaluate(async () => [
    await auth.checkLoginStatus(),
    await auth.checkLoginStatus("access-1"),
    await auth.checkLoginStatus("x"),
    await auth.checkLoginStatus("x", { signal: AbortSignal.abort() }).catch((error) => error.code),
  ]);
  const valid = { status: true, code: 200, message: "Signed in.", exp: 2, iat: 1, data: { id: "u1" } };
  assert.deepEqual(out, { status: false, code: 401, message: "Please sign in." });
  assert.deepEqual(told, [valid, valid, { status: false, code: 401, message: "SESSION_REQUIRED" }, "ABORTED"]);
});
