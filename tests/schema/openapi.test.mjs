// `/openapi.json` is held against the running server by schemathesis: each call with data that the document allows and
// with data that it does not, and every answer compared with what the document says.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { folder, LONG_RUN, startServer } from "../e2e/world.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const SCHEMATHESIS = process.env.DOORWARD_SCHEMATHESIS ?? join(HERE, "../../.tools/schema/bin/schemathesis");

// The quick run makes fewer calls than schemathesis.toml says: three random ones for each operation, and the 4,000 of the coverage
// phase only with a session. Without one, most operations answer 401 to any input.
const FEWER = ["--max-examples", "3"];
const FEWER_SIGNED_OUT = ["--phases", "examples,fuzzing,stateful"];

// At the same time: each pass has a server of its own.
describe("openapi.json", { concurrency: true }, () => {
  for (const [who, signedIn] of [
    ["nobody", "no"],
    ["somebody who is signed in", "yes"],
  ]) {
    test(`every answer to ${who} is as openapi.json says`, async () => {
      const server = await startServer({
        // Hashes are cheap here: what they cost is not the point.
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
