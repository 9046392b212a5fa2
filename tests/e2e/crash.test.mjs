// The power cut: what was answered with success is there afterwards, and nothing is half there.

import assert from "node:assert/strict";
import { eventually, LONG_RUN, somebody, startServer, test } from "./world.mjs";

const server = await startServer({ restarts: true });

const signup = (person) => server.post("/v1/signup", { ...person, options: { login: true } });

test("after SIGKILL in a stream of signups every answered one is there and none is half there", async () => {
  for (let round = 0; round < (LONG_RUN ? 3 : 1); round += 1) {
    const answered = [];
    const open = new Set();
    let going = true;
    const stream = async () => {
      while (going) {
        const person = somebody();
        open.add(person);
        const answer = await signup(person).catch(() => null);
        // The body, too: an answer counts when the client has all of it.
        const body = answer?.ok && (await answer.json().catch(() => null));
        if (body) {
          open.delete(person);
          answered.push({ ...person, session: body.session });
        } else {
          return;
        }
      }
    };
    const streams = Array.from({ length: 12 }, stream);
    await eventually("a stream of signups", () => answered.length >= 60);
    await server.down("SIGKILL");
    going = false;
    await Promise.all(streams);
    await server.up();

    for (const { email, password, session } of answered) {
      assert.equal((await server.post("/v1/login", { email, password })).status, 200, `${email} is lost`);
      const profile = await fetch(`${server.url}/v1/profile`, { headers: { authorization: `Bearer ${session.access_token}` } });
      assert.equal(profile.status, 200, `the session of ${email} is lost`);
    }
    for (const person of open) {
      const again = await signup(person);
      if (again.status === 200) continue;
      assert.equal((await again.json()).code, "EXISTS");
      const { status } = await server.post("/v1/login", { email: person.email, password: person.password });
      assert.equal(status, 200, `${person.email} is half there`);
    }
  }
});

test("a graceful stop answers what is running", async () => {
  const people = Array.from({ length: 12 }, somebody);
  const answers = people.map((person) =>
    signup(person).then(
      ({ status }) => status,
      () => 0,
    ),
  );
  await Promise.race(answers);
  const { code } = await server.down("SIGTERM");
  assert.equal(code, 0);
  const statuses = await Promise.all(answers);
  await server.up();
  for (const [at, person] of people.entries()) {
    if (statuses[at] !== 200) continue;
    assert.equal((await server.post("/v1/login", { email: person.email, password: person.password })).status, 200);
  }
});
