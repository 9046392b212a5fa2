// What a webhook on this machine adds to a sign-in by a device id, which hashes nothing and sends nothing. The service is a
// few lines here, in this process, and says 204.

import { Agent, createServer } from "node:http";
import { median } from "./numbers.mjs";
import { inFolder, running, starter, timed } from "./servers.mjs";

const ROUNDS = 1_000;
const WARM = 100;

/** Median milliseconds and the 99th percentile of a sign-in: without a webhook, with one before, after, and one that hangs. */
export async function webhooks() {
  const good = await service((response) => response.writeHead(204).end());
  const hanging = await service(() => {});
  const hook = (url, events, more = {}) => ({
    WEBHOOKS__BENCH__URL: url, WEBHOOKS__BENCH__SECRETS: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    WEBHOOKS__BENCH__EVENTS: events, ...more,
  });
  try {
    return {
      without: await among({}),
      before: await among(hook(good.url, "pre_deviceid_auth")),
      after: await among(hook(good.url, "post_deviceid_auth")),
      hangs: await among(hook(hanging.url, "post_deviceid_auth")),
    };
  } finally {
    good.close();
    hanging.close();
  }
}

/** Median and 99th percentile of sign-ins by device, while something else may go on: `meanwhile(port)` begins it and gives what ends it. */
export const among = (settings, meanwhile) => inFolder((folder) => running(starter(settings), folder, async ({ port }) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const end = meanwhile?.(port);
  const times = [];
  for (let round = 0; round < WARM + ROUNDS; round += 1) {
    const answer = await timed(agent, port, "/v1/login/device", { body: { device_id: "the-device-of-the-bench" } });
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    if (round >= WARM) times.push(answer.time);
  }
  await end?.();
  agent.destroy();
  return { median: median(times), p99: times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] };
}));

async function service(answer) {
  const server = createServer(async (request, response) => {
    request.resume();
    request.once("end", () => answer(response));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${server.address().port}/`, close };
}
