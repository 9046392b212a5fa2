// Measures the cost of an attack (SECURITY S13-S15): how long the calls of regular users take meanwhile, how fast the
// server refuses the excess, and how many mails it sends. The limits are those of production, except the limits by
// source, because this machine is a single source.

import { Agent } from "node:http";
import { median } from "./numbers.mjs";
import { inFolder, person, post, running, starter, timed } from "./servers.mjs";

const PARALLEL = 500;
const MAILS = 1_000;
const BAD = 100_000;

/** Rows: the attack, and its effect on the calls of regular users. */
export const flood = () =>
  inFolder((folder) =>
    running(starter(SETTINGS), folder, async ({ port, memory }) => {
      await post(port, "/v1/signup", person);
      let tokens = await (await post(port, "/v1/login", person)).json();
      const home = { "known-device": tokens.known_device };
      const people = new Agent({ keepAlive: true, maxSockets: 1 });
      const owners = new Agent({ keepAlive: true, maxSockets: 1 });
      const crowd = new Agent({ keepAlive: true, maxSockets: PARALLEL });
      const during = async (name, attack) => {
        const [keys, refreshes, owner, state] = [[], [], [], { over: false }];
        const signIns = (async () => {
          while (!state.over || owner.length < 3) {
            const answer = await timed(owners, port, "/v1/login", { body: person, headers: home });
            if (answer.status !== 200) throw new Error(`sign-in on a known device: ${answer.status} ${answer.text}`);
            owner.push(answer.time);
          }
        })();
        const watch = (async () => {
          while (!state.over || keys.length < 50) {
            keys.push((await timed(people, port, "/.well-known/jwks.json", { method: "GET" })).time);
            const body = new URLSearchParams({ grant_type: "refresh_token", client_id: "doorward", refresh_token: tokens.refresh_token });
            const answer = await timed(people, port, "/v1/token", { body });
            if (answer.status !== 200) throw new Error(`a refresh: ${answer.status} ${answer.text}`);
            tokens = JSON.parse(answer.text);
            refreshes.push(answer.time);
          }
        })();
        const begun = performance.now();
        const answers = await attack();
        const seconds = (performance.now() - begun) / 1000;
        state.over = true;
        await Promise.all([watch, signIns]);
        // Both a wrong password and an invalid token are 401.
        const isLookedAt = ({ text }) => text.includes("INCORRECT_USERNAME_OR_PASSWORD");
        const looked_at = answers.filter(isLookedAt).length;
        const refused = answers.filter((answer) => [400, 401, 429, 503].includes(answer.status) && !isLookedAt(answer));
        return {
          name,
          seconds,
          count: answers.length,
          refused: refused.length,
          refused_ms: refused.length ? median(refused.map(({ time }) => time)) : NaN,
          looked_at,
          sent: answers.filter(({ status }) => status === 200).length,
          keys_p99: p99(keys),
          refresh_p99: p99(refreshes),
          owner_most: Math.max(...owner),
          mib: await memory(),
        };
      };
      const all = async (count, ask) => {
        const answers = [];
        for (let from = 0; from < count; from += PARALLEL) {
          answers.push(...(await Promise.all(Array.from({ length: Math.min(PARALLEL, count - from) }, (_, at) => ask(from + at)))));
        }
        return answers;
      };
      const login = (email) => timed(crowd, port, "/v1/login", { body: { email, password: "not the password" } });
      try {
        return [
          await during("nothing else", () => new Promise((done) => setTimeout(() => done([]), 3_000))),
          await during(`${PARALLEL} sign-ins at once, one account`, () => all(PARALLEL, () => login(person.email))),
          await during(`${PARALLEL} sign-ins at once, unknown accounts`, () => all(PARALLEL, (at) => login(`unknown${at}@example.com`))),
          await during(`${MAILS} mails for one address`, () =>
            all(MAILS, () => timed(crowd, port, "/v1/code", { body: { email: person.email } })),
          ),
          await during(`${BAD} invalid requests`, () => all(BAD, (at) => BAD_CALLS[at % BAD_CALLS.length](crowd, port))),
        ];
      } finally {
        people.destroy();
        owners.destroy();
        crowd.destroy();
      }
    }),
  );

/** Invalid requests: JSON of another shape, a forged token, a proof with an invalid signature. */
const BAD_CALLS = [
  (agent, port) => timed(agent, port, "/v1/login", { body: { email: 1 } }),
  (agent, port) => timed(agent, port, "/v1/profile", { method: "GET", headers: { authorization: `Bearer ${FORGED}` } }),
  (agent, port) => timed(agent, port, "/v1/login", { body: person, headers: { dpop: FORGED_PROOF } }),
];
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const signature = Buffer.alloc(64, 1).toString("base64url");
const FORGED = `${encoded({ typ: "at+jwt", alg: "ES256", kid: "none" })}.${encoded({ sub: "a", exp: 4102444800 })}.${signature}`;
const FORGED_KEY = {
  kty: "EC",
  crv: "P-256",
  x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
  y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
};
const FORGED_PROOF = `${encoded({ typ: "dpop+jwt", alg: "ES256", jwk: FORGED_KEY })}.${encoded({ htm: "POST", htu: "http://localhost/v1/login", iat: 1, jti: "a" })}.${signature}`;

const SETTINGS = {
  LIMITS__FAILURES: "5",
  LIMITS__MOST_FAILURES: "100",
  LIMITS__MAIL: "6/1h, 20/1d",
  LIMITS__MAIL_TOTAL: "20000/1d",
  PASSWORD__HASH_MEMORY: "19456",
  PASSWORD__HASH_PASSES: "2",
  CAPTCHA__KIND: "none",
};

const p99 = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)];
