// A crash like a power cut: every call that was answered with success is complete afterwards, and no call is half done.

import assert from "node:assert/strict";
import { eventually, LONG_RUN, somebody, startServer, test } from "./world.mjs";

const server = await startServer({ restarts: true });

const signup = (person) => server.post("/v1/signup", { ...person, options: { login: true } });

test("after SIGKILL during signups, every answered signup is stored, and none is stored in part", async () => {
  for (let round = 0; round < (LONG_RUN ? 3 : 1); round += 1) {
    const answered = [];
    const open = new Set();
    let going = true;
    const stream = async () => {
      while (going) {
        const person = somebody();
        open.add(person);
        const answer = await signup(person).catch(() => null);
        // Includes the body: a response counts when the client has all of it.
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

test("a graceful stop completes the running requests", async () => {
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
