// Measures the time that a script adds to a sign-in by device id, which hashes nothing and sends nothing, and the
// effect of a hostile script on other calls.

import { writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { join } from "node:path";
import { inFolder, timed } from "./servers.mjs";
import { inTurns, sideBySide } from "./webhooks.mjs";

const NOTHING = "def pre_deviceid_auth(model):\n    pass\n";

const TYPICAL = `
BLOCKED = ["10.", "192.0.2.", "198.51.100.", "203.0.113."]

def pre_deviceid_auth(model):
    for network in BLOCKED:
        if model.get_ip().startswith(network):
            reject("Not from here.")
    if model.get_weekday() == "sunday" and model.get_user_agent().startswith("curl"):
        reject("Not on Sundays.")
    model.set_id(model.get_id().strip())
`;

const ENDLESS = `
def pre_customid_auth(model):
    [None for a in range(1000000) for b in range(1000000)]
`;

/** Median milliseconds and the 99th percentile of a sign-in by device, per script. */
export const hooks = () =>
  inFolder(async (folder) => {
    const by = async (name, script) => {
      const file = join(folder, `${name}.star`);
      await writeFile(file, script);
      return { HOOKS__SCRIPT: file, CUSTOM_ID__ENABLED: "true", CUSTOM_ID__OPEN: "true" };
    };
    const scripts = {
      without: {},
      empty: await by("empty", "# nothing\n"),
      nothing: await by("nothing", NOTHING),
      typical: await by("typical", TYPICAL),
    };
    const { quiet, busy } = await inTurns(await by("hostile", NOTHING + ENDLESS), callForEver);
    return { ...(await sideBySide(scripts)), quiet, busy };
  });

/** Repeats a call that exceeds the script's limits, one at a time, until stopped. */
function callForEver(port) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let going = true;
  const done = (async () => {
    while (going) {
      const answer = await timed(agent, port, "/v1/login/custom", { body: { custom_id: "the-id-of-the-bench" } });
      if (answer.status !== 500) throw new Error(`${answer.status} ${answer.text}`);
    }
  })();
  return async () => {
    going = false;
    await done;
    agent.destroy();
  };
}
