// Helpers for tests of signing in with a provider: a server of mocked routes, the way to the consent screen and back.

import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { load, tokens } from "./page.mjs";

export const existing = {
  type: "LoginExisting",
  data: { provider: "google", email: "ada@example.com", verified: true, id: "u1" },
  message: "You have been logged in with google account",
};
export const unknown = {
  type: "LoginOAuth",
  data: { provider: "google", email: "ada@example.com", name: "Ada", id: "7", oauthKey: "k1" },
  message: "Please register or link to an existing user",
};
export const linked = {
  type: "LoginLinked",
  data: { provider: "google", verified: true, id: "u1" },
  message: "The google account has been linked",
};
export const registered = { data: { user_id: "u1" }, message: "You have been registered with google account" };

/** A server whose flows are `s1`, `s2`, …, plus or instead of that the routes in `more`. */
export function server(more) {
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

/** Begins a flow and waits until the browser is at the consent screen. */
export async function leave(page, provider = "google", options = {}) {
  const gone = page.waitForURL("**/consent?*");
  const said = page.evaluate(
    ([provider, options]) => new AuthClient(options).oauthRedirect(provider, `${location.origin}/back`),
    [provider, options],
  );
  // The page may be gone before the call resolves.
  await Promise.all([gone, said.catch(() => null)]);
}

/** Opens a page with the package. */
export async function come(page, path) {
  await page.goto(new URL(path, page.url()).href);
  await load(page);
}

/** The result of the call, or `CODE field` of its error. */
export const call = (page, method, ...args) => callWith(page, {}, method, ...args);
export const callWith = (page, options, method, ...args) =>
  page.evaluate(
    ([options, method, args]) =>
      new AuthClient(options)[method](...args).catch(({ code, field }) => [code, field].filter(Boolean).join(" ")),
    [options, method, args],
  );

/** The `kept` values of the stored keys: true if a session uses the key. */
export const storedKeys = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        const request = indexedDB.open("doorward.keys");
        request.onsuccess = () => {
          const all = request.result.transaction("keys").objectStore("keys").getAll();
          all.onsuccess = () => (request.result.close(), resolve(all.result.map(({ kept }) => kept)));
        };
      }),
  );

/** Waits until the browser stores exactly these keys: a call does not wait until its key is stored or deleted. */
export async function keeps(page, expected) {
  for (let tries = 0; tries < 100 && !isDeepStrictEqual(await storedKeys(page), expected); tries += 1) await page.waitForTimeout(20);
  assert.deepEqual(await storedKeys(page), expected);
}

/** The consent screen never loads, so the browser stays on the page. */
export const stay = { "GET /consent": [204, {}] };

export const body = (call) => JSON.parse(call.body);
export const claims = (call, part) => JSON.parse(Buffer.from(call.headers.dpop.split(".")[part], "base64url"));
export const keyOf = (call) => claims(call, 0).jwk.x;
