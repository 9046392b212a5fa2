// schemathesis tests `/openapi.json` against the running server: it sends data that the document allows and data that
// it forbids, and compares every response with the document.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { folder, LONG_RUN, startServer } from "../e2e/world.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SCHEMATHESIS = process.env.DOORWARD_SCHEMATHESIS ?? join(HERE, "../../.tools/schema/bin/schemathesis");

// The quick run makes fewer calls than schemathesis.toml configures: three random ones for each operation, and the
// 4,000 of the coverage phase only with a session. Without a session, most operations answer 401 to any input.
const FEWER = ["--max-examples", "3"];
const FEWER_SIGNED_OUT = ["--phases", "examples,fuzzing,stateful"];

// The passes run concurrently, each with its own server.
describe("openapi.json", { concurrency: true }, () => {
  for (const [who, signedIn] of [
    ["a signed-out client", "no"],
    ["a signed-in user", "yes"],
  ]) {
    test(`every response to ${who} matches openapi.json`, async () => {
      const server = await startServer({
        // Cheap hashes, because their cost does not matter here.
        settings: {
          PASSWORD__HASH_MEMORY: 64,
          PASSWORD__HASH_PASSES: 1,
          INTROSPECTION__CLIENTS: "api:a-secret-that-is-only-for-these-tests",
        },
      });
      const { code, text } = await schemathesis(server.url, signedIn);
      assert.equal(code, 0, text);
    });
  }
});

async function schemathesis(url, signedIn) {
  const args = ["--config-file", join(HERE, "schemathesis.toml"), "run", `${url}/openapi.json`, "--no-color"];
  if (!LONG_RUN) args.push(...FEWER, ...(signedIn === "no" ? FEWER_SIGNED_OUT : []));
  const env = {
    ...process.env,
    SERVER: url,
    SIGNED_IN: signedIn,
    SCHEMATHESIS_HOOKS: join(HERE, "hooks.py"),
    PYTHONDONTWRITEBYTECODE: "1",
  };
  const child = spawn(SCHEMATHESIS, args, { cwd: await folder(), env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (part) => (text += part));
  child.stderr.on("data", (part) => (text += part));
  const code = await new Promise((resolve) => child.once("exit", resolve));
  return { code, text };
}
