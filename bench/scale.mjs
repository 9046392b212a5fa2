// Compares the time of each call among few and among many accounts. Each call uses another account, one after the
// other.

import { Agent } from "node:http";
import { median } from "./numbers.mjs";
import { address, cheap, filled, person, running, starter, steps, timed } from "./servers.mjs";

const ROUNDS = 500;

/** Median milliseconds of each call in a database with `accounts` accounts, by name. */
export function among(accounts) {
  return filled(accounts, cheap, [], async (folder) => {
    const times = {};
    const measure = (settings, rounds) =>
      running(starter({ ...cheap, ...steps, ...settings }), folder, async ({ port }) => {
        const agent = new Agent({ keepAlive: true, maxSockets: 1 });
        const call = async (name, path, options, ...fine) => {
          const answer = await timed(agent, port, path, options);
          if (answer.status !== 200 && !fine.includes(answer.status)) throw new Error(`${name}: ${answer.status} ${answer.text}`);
          (times[name] ??= []).push(answer.time);
          return answer;
        };
        for (let round = 1; round <= ROUNDS; round += 1) {
          // Spread over all accounts.
          const email = address(Math.ceil((accounts * round) / ROUNDS));
          await rounds(call, email, round);
        }
        agent.destroy();
      });
    await measure({ CHECK_EMAIL: "true" }, async (call, email, round) => {
      const login = await call("login", "/v1/login", { body: { email, password: person.password } });
      const { access_token, refresh_token } = JSON.parse(login.text);
      const headers = { authorization: `Bearer ${access_token}` };
      await call("profile", "/v1/profile", { method: "GET", headers });
      const form = { grant_type: "refresh_token", client_id: "doorward", refresh_token };
      await call("refresh", "/v1/token", { body: new URLSearchParams(form) });
      await call("signup", "/v1/signup", { body: { email: `new-${round}@example.com`, password: person.password } });
      await call("forgotPassword", "/v1/password/forgot", { body: { email } });
      await call("a code", "/v1/code", { body: { email, scene: "LOGIN" } });
      await call("checkEmail", "/v1/email/check", { body: { email } });
    });
    await measure({}, (call, email) => call("checkEmail, off", "/v1/email/check", { body: { email } }, 403));
    return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
  });
}
