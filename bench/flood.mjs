// What an attack costs (SECURITY S13-S15): how long the calls of people take meanwhile, how fast what is too much is refused,
// and how many mails leave. The limits are those of production, but for sources, of which this machine is one.

import { Agent } from "node:http";
import { median } from "./numbers.mjs";
import { inFolder, person, post, running, starter, timed } from "./servers.mjs";

const PARALLEL = 500;
const MAILS = 1_000;
const BAD = 20_000;

/** Rows: what went on, and what it did to the calls of people. */
export const flood = () => inFolder((folder) => running(starter(SETTINGS), folder, async ({ port, memory }) => {
  await post(port, "/v1/signup", person);
  let tokens = await (await post(port, "/v1/login", person)).json();
  const people = new Agent({ keepAlive: true, maxSockets: 1 });
  const crowd = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  const during = async (name, attack) => {
    const [keys, refreshes, state] = [[], [], { over: false }];
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
    await watch;
    const refused = answers.filter(({ status }) => status === 429 || status === 503 || status === 400);
    return {
      name, seconds, count: answers.length, refused: refused.length, refused_ms: refused.length ? median(refused.map(({ time }) => time)) : NaN,
      looked_at: answers.filter(({ status }) => status === 401).length, sent: answers.filter(({ status }) => status === 200).length,
      keys_p99: p99(keys), refresh_p99: p99(refreshes), mib: await memory(),
    };
  };
  const all = async (count, ask) => {
    const answers = [];
    for (let from = 0; from < count; from += PARALLEL) {
      answers.push(...await Promise.all(Array.from({ length: Math.min(PARALLEL, count - from) }, (_, at) => ask(from + at))));
    }
    return answers;
  };
  const login = (email) => timed(crowd, port, "/v1/login", { body: { email, password: "not the password" } });
  try {
    return [
      await during("nothing else", () => new Promise((done) => setTimeout(() => done([]), 3_000))),
      await during(`${PARALLEL} sign-ins at once, one account`, () => all(PARALLEL, () => login(person.email))),
      await during(`${PARALLEL} sign-ins at once, names of nobody's`, () => all(PARALLEL, (at) => login(`nobody${at}@example.com`))),
      await during(`${MAILS} mails for one address`, () => all(MAILS, () => timed(crowd, port, "/v1/code", { body: { email: person.email } }))),
      await during(`${BAD} requests that are none`, () => all(BAD, () => timed(crowd, port, "/v1/login", { body: { email: 1 } }))),
    ];
  } finally {
    people.destroy();
    crowd.destroy();
  }
}));

const SETTINGS = {
  LIMITS__FAILURES: "5", LIMITS__MOST_FAILURES: "100", LIMITS__MAIL: "6/1h, 20/1d", LIMITS__MAIL_TOTAL: "20000/1d",
  PASSWORD__HASH_MEMORY: "19456", PASSWORD__HASH_PASSES: "2", CAPTCHA__KIND: "none",
};

const p99 = (times) => times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)];
