// Tests whether a response, or its timing, reveals that an account exists (D-19). Sends the same call for known and for
// unknown accounts in random order, one after the other, and compares the two sides.

import { Agent } from "node:http";
import { mannWhitney, median } from "./numbers.mjs";
import { address, cheap, filled, person, running, starter, timed } from "./servers.mjs";

const quiet = { DISCLOSURE__SIGNUP: "quiet" };
const wrong = { password: "not the right password" };

/** The compared calls: settings of the server, and the bodies of the two sides. */
const calls = [
  { name: "login, two unknown accounts (control)", path: "/v1/login", settings: cheap, body: wrong, control: true },
  { name: "login, wrong password", path: "/v1/login", settings: cheap, body: wrong },
  { name: "  with the hash of the default settings", path: "/v1/login", settings: {}, body: wrong },
  {
    name: "login, unconfirmed under quiet, right password",
    path: "/v1/login",
    settings: { ...cheap, ...quiet },
    body: { password: person.password },
    unconfirmed: true,
  },
  { name: "forgotPassword", path: "/v1/password/forgot", settings: cheap },
  { name: "resendVerification", path: "/v1/email/resend", settings: cheap },
  { name: "a code to sign in", path: "/v1/code", settings: cheap, body: { scene: "LOGIN" } },
  { name: "a code for a new password", path: "/v1/code", settings: cheap, body: { scene: "RESET_PASSWORD" } },
  { name: "a code to verify the address", path: "/v1/code", settings: cheap, body: { scene: "VERIFY_EMAIL" } },
  { name: "signup under quiet", path: "/v1/signup", settings: { ...cheap, ...quiet }, body: { password: "a new password" } },
];

/**
 * Rows: name, medians of both sides, their gap, p, any difference in the responses, and whether the sides can be told
 * apart.
 */
export async function timing(samples) {
  const rows = [];
  for (const call of calls) {
    console.error(`… ${call.name.trim()}`);
    const row = await compare(call, samples);
    // Without a difference, one row in a thousand has such a p; and a client on this machine is not exact to 20 µs.
    rows.push({ ...row, told: row.differ !== undefined || (row.p < 0.001 && Math.abs(row.gap) > 0.02) });
  }
  return rows;
}

function compare({ name, path, settings, body = {}, control = false, unconfirmed = false }, samples) {
  const warmUp = Math.ceil(samples / 10);
  const each = samples + warmUp;
  return filled(each, settings, unconfirmed ? ["unconfirmed"] : [], (folder) =>
    running(starter(settings), folder, async ({ port }) => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const sides = { known: { times: [], answers: new Set() }, unknown: { times: [], answers: new Set() } };
      // Each account is used once, so that neither a cache nor a limit knows it already.
      const asked = { known: 0, unknown: 0 };
      for (const [round, side] of shuffled(each).entries()) {
        asked[side] += 1;
        const email = address(side === "known" && !control ? asked.known : each * (control ? 3 : 1) + 1 + round);
        const answer = await timed(agent, port, path, { body: { email, ...body } });
        if (![200, 401].includes(answer.status)) throw new Error(`${name}: ${answer.status} ${answer.text}`);
        sides[side].answers.add(facts(answer).replaceAll(email, "(the address)"));
        if (round >= 2 * warmUp) sides[side].times.push(answer.time);
      }
      agent.destroy();
      const { known, unknown } = sides;
      const gap = median(known.times) - median(unknown.times);
      const p = mannWhitney(known.times, unknown.times);
      const same = known.answers.size === 1 && unknown.answers.size === 1 && [...known.answers][0] === [...unknown.answers][0];
      const differ = same ? undefined : `${[...known.answers].join(" | ")}  against  ${[...unknown.answers].join(" | ")}`;
      return { name, known: median(known.times), unknown: median(unknown.times), gap, p, differ };
    }),
  );
}

function shuffled(each) {
  const order = [...Array(each).fill("known"), ...Array(each).fill("unknown")];
  for (let at = order.length - 1; at > 0; at -= 1) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other], order[at]];
  }
  return order;
}

/** A response as text, without the parts that are new each time. */
function facts({ status, headers, text }) {
  const { date, "x-request-id": id, ...others } = headers;
  return `${status} ${text.replaceAll(id, "(id)")} ${JSON.stringify(others)}`;
}
