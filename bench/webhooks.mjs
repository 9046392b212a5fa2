// Measures the time that a webhook on this machine adds to a sign-in by device id, which hashes nothing and sends
// nothing. The service is a few lines in this process and answers 204.

import { Agent, createServer } from "node:http";
import { median } from "./numbers.mjs";
import { inFolder, running, starter, timed } from "./servers.mjs";

const ROUNDS = 1_000;
const WARM = 100;

/**
 * Median milliseconds and the 99th percentile of a sign-in: without a webhook, with one before, with one after, and
 * with one that hangs.
 */
export async function webhooks() {
  const good = await service((response) => response.writeHead(204).end());
  const hanging = await service(() => {});
  const hook = (url, events, more = {}) => ({
    WEBHOOKS__BENCH__URL: url,
    WEBHOOKS__BENCH__SECRETS: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    WEBHOOKS__BENCH__EVENTS: events,
    ...more,
  });
  try {
    return await sideBySide({
      without: {},
      before: hook(good.url, "pre_deviceid_auth"),
      after: hook(good.url, "post_deviceid_auth"),
      hangs: hook(hanging.url, "post_deviceid_auth"),
    });
  } finally {
    good.close();
    hanging.close();
  }
}

/**
 * Median and 99th percentile of sign-ins by device, with one server per settings. All servers run at the same time and
 * are called in turn, because the machine's speed changes from minute to minute.
 */
export const sideBySide = (cases) =>
  withServers(Object.entries(cases), async (ports) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const times = ports.map(() => []);
    for (let round = 0; round < WARM + ROUNDS; round += 1) {
      for (const [at, port] of ports.entries()) {
        const time = await signIn(agent, port);
        if (round >= WARM) times[at].push(time);
      }
    }
    agent.destroy();
    return Object.fromEntries(Object.keys(cases).map((name, at) => [name, summary(times[at])]));
  });

/**
 * The same for one server, during other calls and without them: `meanwhile(port)` starts these calls and returns a
 * function that stops them.
 */
export const inTurns = (settings, meanwhile) =>
  withServers([["", settings]], async ([port]) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const [quiet, busy] = [[], []];
    for (let block = 0; block < ROUNDS / WARM; block += 1) {
      for (const times of [quiet, busy]) {
        const end = times === busy ? meanwhile(port) : null;
        for (let round = 0; round < WARM; round += 1) times.push(await signIn(agent, port));
        await end?.();
      }
    }
    agent.destroy();
    return { quiet: summary(quiet), busy: summary(busy) };
  });

/**
 * Calls `use` with the ports of servers with these settings.
 * @type {(cases: any[][], use: (ports: number[]) => any, ports?: number[]) => Promise<any>}
 */
const withServers = ([first, ...rest], use, ports = []) =>
  first ? inFolder((folder) => running(starter(first[1]), folder, ({ port }) => withServers(rest, use, [...ports, port]))) : use(ports);

async function signIn(agent, port) {
  const answer = await timed(agent, port, "/v1/login/device", { body: { device_id: "the-device-of-the-bench" } });
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.time;
}

const summary = (times) => ({ median: median(times), p99: times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] });

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
