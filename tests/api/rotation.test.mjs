// Signing keys rotate under load while verifiers in three languages cache the JWKS document. No request fails.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { decodeProtectedHeader } from "jose";
import { APIS, Key, Person, signUp, startApi, startServer } from "./world.mjs";

test("sec_L05 tokens verify with jose, PyJWT and jsonwebtoken before, during and after two rotations", async () => {
  // As in production, with seconds instead of days: caches live shorter than a key is published in advance.
  const settings = { TOKEN__ROTATE_KEYS: "4s", TOKEN__PUBLISH_KEYS: "3s", SESSION__REPEAT: "0s" };
  const server = await startServer({ settings });
  const credentials = await signUp(server);
  const kept = { KEYS_KEPT: "1" };
  const apis = await Promise.all(Object.keys(APIS).map((name) => startApi(name, server.url, kept)));
  const people = [new Person(server, await Key.make()), new Person(server)];
  await Promise.all(people.map((person) => person.signIn(credentials)));

  const signers = new Set();
  // After two rotations the third key signs.
  const wanted = process.env.DOORWARD_TEST_LONG ? 4 : 3;
  const until = Date.now() + 60_000;
  let checked = 0;
  const load = people.map(async (person) => {
    while (signers.size < wanted) {
      assert.ok(Date.now() < until, `${signers.size} keys have signed within a minute`);
      const { access_token: token } = await person.refresh();
      signers.add(decodeProtectedHeader(token).kid);
      for (const api of apis) {
        const answer = await fetch(api, { headers: await person.headersFor("GET", `${api}/`) });
        assert.equal(answer.status, 200, `${api} ${answer.headers.get("www-authenticate")}`);
        checked += 1;
      }
      await setTimeout(20);
    }
  });
  await Promise.all(load);
  assert.ok(checked > 60, `${checked} tokens`);
});
