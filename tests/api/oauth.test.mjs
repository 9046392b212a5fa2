// A generic OAuth client (oauth4webapi) that knows only the server's URL (RFC 8414).

import assert from "node:assert/strict";
import { test } from "node:test";
import * as oauth from "oauth4webapi";
import { Key, Person, signUp, startServer } from "./world.mjs";

const secret = "an-introspection-secret-of-32-characters";
const server = await startServer({ settings: { INTROSPECTION__CLIENTS: `reports:${secret}` } });
const credentials = await signUp(server);
/** @type {any} an oauth.Client; DPoP declares another type without documentation */
const client = { client_id: "doorward" };
const http = { [oauth.allowInsecureRequests]: true };

async function discover() {
  const issuer = new URL(server.url);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...http, algorithm: "oauth2" }));
}

/** Refreshes like any client: repeats the request when the server asks for a nonce. */
async function refresh(as, token, options = {}) {
  const ask = async () =>
    oauth.processRefreshTokenResponse(
      as,
      client,
      await oauth.refreshTokenGrantRequest(as, client, oauth.None(), token, { ...http, ...options }),
    );
  return ask().catch((error) => {
    if (!oauth.isDPoPNonceError(error)) throw error;
    return ask();
  });
}

test("the metadata lists the existing endpoints and nothing more", async () => {
  const answer = await fetch(`${server.url}/.well-known/oauth-authorization-server`, { headers: { origin: "https://anybody.example" } });
  assert.equal(answer.headers.get("access-control-allow-origin"), "https://anybody.example");
  const as = await answer.json();
  assert.equal(as.issuer, server.url);
  assert.deepEqual(as.grant_types_supported, ["refresh_token"]);
  assert.deepEqual(as.token_endpoint_auth_methods_supported, ["none"]);
  assert.deepEqual(as.dpop_signing_alg_values_supported, ["ES256"]);
  assert.equal(as.authorization_endpoint, undefined);
  for (const name of ["token_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint"]) {
    const { status } = await fetch(as[name], { method: name === "jwks_uri" ? "GET" : "POST" });
    assert.ok(status !== 404 && status !== 405, `${name} is there: ${status}`);
  }
});

test("sec_D07 a client that knows only the metadata refreshes a Bearer session and a bound session", async () => {
  const as = await discover();
  const bearer = await new Person(server).signIn(credentials);
  const next = await refresh(as, bearer.refresh_token);
  assert.equal(next.token_type, "bearer");
  assert.notEqual(next.refresh_token, bearer.refresh_token);

  const key = await Key.make();
  const bound = await new Person(server, key).signIn(credentials);
  await assert.rejects(refresh(as, bound.refresh_token), { error: "invalid_dpop_proof" });
  const stranger = await Key.make();
  await assert.rejects(refresh(as, bound.refresh_token, { DPoP: oauth.DPoP(client, stranger) }), { error: "invalid_grant" });
  const DPoP = oauth.DPoP(client, key);
  const second = await refresh(as, bound.refresh_token, { DPoP });
  assert.equal(second.token_type, "dpop");
  const profile = await oauth.protectedResourceRequest(
    second.access_token,
    "GET",
    new URL(`${server.url}/v1/profile`),
    undefined,
    undefined,
    { ...http, DPoP },
  );
  assert.equal((await profile.json()).email, credentials.email);
});

test("sec_T12 a revoked session ends for refresh, introspection and the server's own API at once", async () => {
  const as = await discover();
  const resource = { client_id: "reports" };
  const introspect = async (token, auth = oauth.ClientSecretBasic(secret)) =>
    oauth.processIntrospectionResponse(as, resource, await oauth.introspectionRequest(as, resource, auth, token, http));
  for (const kind of ["refresh_token", "access_token"]) {
    const key = await Key.make();
    const person = new Person(server, key);
    const tokens = await person.signIn(credentials);
    const found = await introspect(tokens.access_token);
    assert.deepEqual(
      [found.active, found.sub, found.token_type, found.cnf, found.iss, found.client_id],
      [true, tokens.user.user_id, "DPoP", { jkt: key.thumbprint }, server.url, "doorward"],
    );
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, oauth.None(), tokens[kind], http));
    assert.deepEqual(await introspect(tokens.access_token), { active: false });
    assert.equal((await person.send("GET", "/v1/profile", { token: tokens.access_token })).status, 401);
    await assert.rejects(refresh(as, tokens.refresh_token, { DPoP: oauth.DPoP(client, key) }), { error: "invalid_grant" });
  }
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, oauth.None(), "nonsense", http));
});

test("only resource servers with a secret may introspect tokens", async () => {
  const as = await discover();
  const tokens = await new Person(server).signIn(credentials);
  const ask = (headers) =>
    fetch(as.introspection_endpoint, { method: "POST", headers, body: new URLSearchParams({ token: tokens.access_token }) });
  const basic = (text) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
  for (const headers of [
    {},
    basic("reports:wrong"),
    basic(`other:${secret}`),
    basic("reports"),
    { authorization: `Bearer ${tokens.access_token}` },
  ]) {
    const answer = await ask(headers);
    assert.deepEqual([answer.status, (await answer.json()).error], [401, "invalid_client"]);
    assert.match(answer.headers.get("www-authenticate"), /^Basic/);
  }
  assert.equal((await (await ask(basic(`reports:${secret}`))).json()).active, true);
  const nothing = await fetch(as.introspection_endpoint, {
    method: "POST",
    headers: basic(`reports:${secret}`),
    body: new URLSearchParams({ token: tokens.refresh_token }),
  });
  assert.deepEqual(await nothing.json(), { active: false });
});
