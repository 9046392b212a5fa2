// Signing in with a provider, around the wasm: going there, coming back on another page, what is remembered meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, problem, tokens } from "./page.mjs";
import { emptyProject, run } from "./world.mjs";

const existing = {
  type: "LoginExisting",
  data: { provider: "google", email: "ada@example.com", verified: true, id: "u1" },
  message: "You have been logged in with google account",
};
const unknown = {
  type: "LoginOAuth",
  data: { provider: "google", email: "ada@example.com", name: "Ada", id: "7", oauthKey: "k1" },
  message: "Please register or link to an existing user",
};
const linked = { type: "LoginLinked", data: { provider: "google", verified: true, id: "u1" }, message: "The google account has been linked" };
const registered = { data: { user_id: "u1" }, message: "You have been registered with google account" };

/** A server whose flows are `s1`, `s2`, …, and what else or different it has. */
function server(more) {
  let flows = 0;
  const begin = ({ name, headers }) => {
    const provider = name.split("/").at(-1);
    const state = `s${(flows += 1)}`;
    const url = `http://${headers.host}/consent?state=${state}`;
    return [200, { data: { url, provider, id: provider }, state, ...(headers.dpop ? {} : { flow: `secret-${state}` }) }];
  };
  return {
    "POST /v1/flows/google": begin,
    "POST /v1/flows/github": begin,
    "POST /v1/login/provider/google": [200, { ...existing, session: tokens() }],
    "POST /v1/login": [200, tokens()],
    "POST /v1/logout": [200, {}],
    ...more,
  };
}

/** Begins a flow and goes along to the consent screen. */
async function leave(page, provider = "google", options = {}) {
  const gone = page.waitForURL("**/consent?*");
  const said = page.evaluate(
    ([provider, options]) => new AuthClient(options).oauthRedirect(provider, `${location.origin}/back`),
    [provider, options],
  );
  // The page may be gone before it can say.
  await Promise.all([gone, said.catch(() => null)]);
}

/** Comes to a page, with the package. */
async function come(page, path) {
  await page.goto(new URL(path, page.url()).href);
  await page.evaluate(async () => Object.assign(window, await import("/doorward.js")));
}

/** The call, or `CODE field` of why it was refused. */
const call = (page, method, ...args) => callWith(page, {}, method, ...args);
const callWith = (page, options, method, ...args) =>
  page.evaluate(
    ([options, method, args]) =>
      new AuthClient(options)[method](...args).catch(({ code, field }) => [code, field].filter(Boolean).join(" ")),
    [options, method, args],
  );

const body = (call) => JSON.parse(call.body);
const claims = (call, part) => JSON.parse(Buffer.from(call.headers.dpop.split(".")[part], "base64url"));
const keyOf = (call) => claims(call, 0).jwk.x;

test("seed_m25: oauthRedirect goes to the consent screen and resolves with null", async (t) => {
  const { page, asked, names } = await open(t, { routes: server() });
  const said = await page.evaluate(async () => {
    const said = await new AuthClient().oauthRedirect("google", `${location.origin}/back`);
    return said;
  });
  assert.equal(said, null);
  await page.waitForURL("**/consent?state=s1");
  assert.deepEqual(names(), ["POST /v1/flows/google", "GET /consent"]);
  assert.match(body(asked[0]).callback, /\/back$/);
  assert.equal(asked[0].headers.authorization, undefined);
});

test("seed_m36_m43: on another page, the same key signs in with what came back", async (t) => {
  const { page, asked } = await open(t, { routes: server() });
  await leave(page);
  await come(page, "/back?code=c1&state=s1");
  const callback = page.url();
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const result = await auth.login("google", { callback: location.href });
    return [result, auth.user.email, JSON.stringify(localStorage).includes("refresh-1"), (await auth.getSession()).token_type];
  });
  assert.deepEqual(told, [existing, "ada@example.com", true, "DPoP"]);
  const [begun, , , ended] = asked;
  assert.equal(ended.name, "POST /v1/login/provider/google");
  assert.deepEqual(body(ended), { callback });
  assert.equal(keyOf(ended), keyOf(begun));
  assert.equal(claims(ended, 1).htm, "POST");
  assert.ok(ended.headers["idempotency-key"]);
});
