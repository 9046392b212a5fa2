// The receiver of docs/examples, with the Standard Webhooks library, and the real server: the receiver verifies
// signatures and ignores repeated events.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { atEnd } from "../e2e/world.mjs";
import { eventually, startServer } from "./world.mjs";

const [OLD, NEW] = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"];
const RECEIVER = fileURLToPath(new URL("../../docs/examples/webhooks/server.js", import.meta.url));

async function startReceiver(secret) {
  const env = { ...process.env, PORT: "0", WEBHOOK_SECRET: secret };
  const child = spawn(process.execPath, [RECEIVER], { env, stdio: ["ignore", "pipe", "inherit"] });
  const over = new Promise((resolve) => child.once("exit", resolve));
  atEnd(async () => {
    child.kill();
    await over;
  });
  const said = [];
  createInterface({ input: child.stdout }).on("line", (line) => said.push(line));
  const ready = await eventually("the receiver", () => said.find((line) => line.startsWith("ready: ")));
  return { url: ready.slice("ready: ".length), welcomed: () => said.filter((line) => line.startsWith("welcome: ")) };
}

async function world(secret) {
  const receiver = await startReceiver(secret);
  const server = await startServer({
    settings: {
      WEBHOOKS__CRM__URL: receiver.url,
      WEBHOOKS__CRM__SECRETS: `${OLD},${NEW}`,
      WEBHOOKS__CRM__EVENTS: "pre_signup,post_signup",
    },
  });
  const signUp = async (email) => {
    const body = JSON.stringify({ email, password: "correct horse" });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${server.url}/v1/signup`, { method: "POST", headers, body });
    return { status: answer.status, ...(await answer.json()) };
  };
  return { receiver, server, signUp };
}

for (const [which, secret] of Object.entries({ old: OLD, new: NEW })) {
  test(`a service with the ${which} one of two live secrets gets the questions and the events`, async () => {
    const { receiver, signUp } = await world(secret);
    const refused = await signUp("eve@spam.example");
    assert.deepEqual([refused.status, refused.code, refused.field], [403, "HOOK_REJECTED", "email"]);
    assert.equal(refused.detail, "We do not know this domain.");
    assert.equal((await signUp("ada@example.com")).status, 200);
    await eventually("a welcome", () => receiver.welcomed().length > 0);
    assert.deepEqual(receiver.welcomed(), ["welcome: ada@example.com"]);
  });
}

test("sec_h02 the receiver ignores a webhook that is altered, old, repeated or signed with another secret", async () => {
  const receiver = await startReceiver(OLD);
  const body = JSON.stringify({ type: "post_signup", data: { succeeded: true, email: "ada@example.com" } });
  const send = async ({ secret = OLD, at = new Date(), id = "one", sent = body } = {}) => {
    const seconds = String(Math.floor(at.getTime() / 1000));
    const signature = new Webhook(secret).sign(id, at, body);
    const headers = { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signature };
    return (await fetch(receiver.url, { method: "POST", headers, body: sent })).status;
  };
  assert.equal(await send({ sent: body.replace("ada", "eve") }), 401);
  assert.equal(await send({ secret: NEW }), 401);
  for (const minutes of [-6, 6]) assert.equal(await send({ at: new Date(Date.now() + minutes * 60_000) }), 401);
  assert.deepEqual(receiver.welcomed(), []);
  for (let copy = 0; copy < 3; copy += 1) assert.equal(await send(), 204);
  assert.equal(await send({ id: "two" }), 204);
  await eventually("two welcomes", () => receiver.welcomed().length >= 2);
  assert.equal(receiver.welcomed().length, 2, "one for each id");
});
