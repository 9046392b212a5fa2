// The APIs of docs/examples, in Node, Python and Rust, accept access tokens of the server. Tested over HTTP.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { SignJWT } from "jose";
import { APIS, Key, Person, signUp, startApi, startServer } from "./world.mjs";

const server = await startServer();
const credentials = await signUp(server);
const bound = new Person(server, await Key.make());
const bearer = new Person(server);
await bound.signIn(credentials);
await bearer.signIn(credentials);
const apis = Object.fromEntries(await Promise.all(Object.keys(APIS).map(async (name) => [name, await startApi(name, server.url)])));

const ask = (url, headers) => fetch(url, { headers });

for (const [name, api] of Object.entries(apis)) {
  const url = `${api}/hello`;

  test(`${name}: the API accepts a Bearer token, and a bound token with its proof`, async () => {
    for (const person of [bearer, bound]) {
      const answer = await ask(`${url}?a=b`, await person.headersFor("GET", url));
      assert.deepEqual([answer.status, await answer.json()], [200, { hello: person.tokens.user.user_id, roles: ["user"] }]);
    }
  });

  test(`sec_D02 sec_D03 ${name}: the API rejects a copied token without the key that it is bound to`, async () => {
    const token = bound.tokens.access_token;
    const thief = await Key.make();
    const good = await bound.headersFor("GET", url);
    assert.equal((await ask(url, good)).status, 200);
    const cases = {
      "no proof": { authorization: `DPoP ${token}` },
      "as Bearer": { authorization: `Bearer ${token}` },
      "as Bearer, with its proof": { ...(await bound.headersFor("GET", url)), authorization: `Bearer ${token}` },
      "the same proof again": good,
      "two proofs": { ...good, dpop: `${await bound.key.proof("GET", url, { token })}, ${await bound.key.proof("GET", url, { token })}` },
      "another key": { authorization: `DPoP ${token}`, dpop: await thief.proof("GET", url, { token }) },
      "another key's signature": await bound.headersFor("GET", url, { by: thief }),
      "another method": await bound.headersFor("POST", url),
      "another path": await bound.headersFor("GET", `${url}/other`),
      "another origin": await bound.headersFor("GET", url.replace("localhost", "evil.example")),
      "an old proof": await bound.headersFor("GET", url, { claims: { iat: Math.floor(Date.now() / 1000) - 600 } }),
      "a proof from tomorrow": await bound.headersFor("GET", url, { claims: { iat: Math.floor(Date.now() / 1000) + 86400 } }),
      "no time": await bound.headersFor("GET", url, { claims: { iat: null } }),
      "a time that is no number": await bound.headersFor("GET", url, { claims: { iat: "now" } }),
      "for another token": {
        authorization: `DPoP ${token}`,
        dpop: await bound.key.proof("GET", url, { token: bearer.tokens.access_token }),
      },
      "for no token": { authorization: `DPoP ${token}`, dpop: await bound.key.proof("GET", url) },
      "no id": await bound.headersFor("GET", url, { claims: { jti: null } }),
      "an id of a thousand letters": await bound.headersFor("GET", url, { claims: { jti: "x".repeat(1000) } }),
      "a token in its place": { authorization: `DPoP ${token}`, dpop: token },
      "another type": await bound.headersFor("GET", url, { header: { typ: "JWT" } }),
      "no key in it": await bound.headersFor("GET", url, { header: { jwk: undefined } }),
      "a Bearer token as DPoP": {
        authorization: `DPoP ${bearer.tokens.access_token}`,
        dpop: await thief.proof("GET", url, { token: bearer.tokens.access_token }),
      },
    };
    for (const [what, headers] of Object.entries(cases)) {
      const answer = await ask(url, headers);
      assert.equal(answer.status, 401, what);
      assert.equal(answer.headers.get("www-authenticate"), 'DPoP error="invalid_dpop_proof", algs="ES256"', what);
    }
  });

  test(`sec_T02 sec_T03 ${name}: the API rejects everything that is not an access token of the server`, async () => {
    const { keys } = await (await fetch(`${server.url}/.well-known/jwks.json`)).json();
    const [head, payload, signature] = bearer.tokens.access_token.split(".");
    const text = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const kid = keys[0].kid;
    const hmac = (message) => createHmac("sha256", JSON.stringify(keys[0])).update(message).digest("base64url");
    const forged = `${text({ typ: "at+jwt", alg: "HS256", kid })}.${payload}`;
    const own = await Key.make();
    const stranger = await new SignJWT(JSON.parse(Buffer.from(payload, "base64url")))
      .setProtectedHeader({ typ: "at+jwt", alg: "ES256", kid })
      .sign(own.privateKey);
    const cases = {
      nothing: undefined,
      "no scheme": bearer.tokens.access_token,
      rubbish: "Bearer rubbish",
      "a refresh token": `Bearer ${bearer.tokens.refresh_token}`,
      "no signature": `Bearer ${text({ typ: "at+jwt", alg: "none", kid })}.${payload}.`,
      "the public key as a secret": `Bearer ${forged}.${hmac(forged)}`,
      "another key": `Bearer ${stranger}`,
      "an unknown key": `Bearer ${text({ typ: "at+jwt", alg: "ES256", kid: "other" })}.${payload}.${signature}`,
      "another payload": `Bearer ${head}.${text({ sub: "root" })}.${signature}`,
    };
    for (const [what, authorization] of Object.entries(cases)) {
      const answer = await ask(url, authorization ? { authorization } : {});
      assert.equal(answer.status, 401, what);
      assert.match(answer.headers.get("www-authenticate"), /error="invalid_(token|dpop_proof)"/, what);
    }
  });
}

test("the API rejects a token for another audience", async () => {
  const strict = await startApi("Node", server.url, { AUDIENCE: "https://another.example" });
  assert.equal((await ask(strict, await bearer.headersFor("GET", strict))).status, 401);
});
