// Measures the cost of an attack (SECURITY S13-S15): how long the requests of other users take meanwhile, and how fast
// the server refuses the attacker's. Attacker and users are processes of their own that send at a fixed rate; a latency
// counts from the time at which its request was due. The limits are those of production, except the limits by source,
// because this machine is a single source.

import { inFolder, measure, person, post, running, starter } from "./servers.mjs";

/** Requests per second of an attack, over this number of connections. */
const [RATE, CONNECTIONS] = [2_000, 500];

/** Rows: the attack, and its effect on the calls of other users. */
export const flood = () =>
  inFolder((folder) =>
    running(starter(SETTINGS), folder, async ({ port, memory }) => {
      await post(port, "/v1/signup", person);
      const tokens = await (await post(port, "/v1/login", person)).json();
      const login = JSON.stringify(person);
      // The budget of this account is used up, so that each of its sign-ins is refused without a hash.
      const other = { ...person, email: "refused@example.com" };
      await post(port, "/v1/signup", other);
      const wrong = JSON.stringify({ email: other.email, password: "not the password" });
      const send = (...words) => measure(...words, "--address", `127.0.0.1:${port}`, "--seconds", SECONDS);
      const during = async (name, attacks) => {
        const attackers = attacks.map((words) =>
          send(
            "repeat",
            ...words,
            "--accept",
            "400,401,429,503",
            "--rate",
            `${RATE / attacks.length}`,
            "--connections",
            `${Math.floor(CONNECTIONS / attacks.length)}`,
          ),
        );
        const [refusal, refresh, keys, owner, attacked] = await Promise.all([
          send("repeat", "--path", "/v1/login", "--body", wrong, "--accept", "401,429,503", "--rate", "50", "--connections", "4"),
          send("refresh", "--login", login, "--header", `known-device: ${tokens.known_device}`, "--rate", "100", "--connections", "4"),
          send("repeat", "--path", "/.well-known/jwks.json", "--rate", "100", "--connections", "4"),
          send(
            "repeat",
            "--path",
            "/v1/login",
            "--body",
            login,
            "--header",
            `known-device: ${tokens.known_device}`,
            "--rate",
            "2",
            "--connections",
            "2",
          ),
          Promise.all(attackers),
        ]);
        const checks = attacks.length === 1 ? [401] : [];
        const answers = attacked.flatMap((it) => Object.entries(it.by_status)).map(([status, of]) => ({ status: Number(status), ...of }));
        const refused = answers.filter(({ status }) => status >= 400 && !checks.includes(status));
        const count = (some) => some.reduce((sum, it) => sum + it.count, 0);
        return {
          name,
          per_second: attacked.reduce((sum, it) => sum + it.per_second, 0),
          accepted: count(answers.filter(({ status }) => status < 300)),
          looked_at: count(answers.filter(({ status }) => checks.includes(status))),
          refused: count(refused),
          refused_p50: refusal.p50_ms,
          refused_p99: refusal.p99_ms,
          refresh_p99: refresh.p99_ms,
          keys_p99: keys.p99_ms,
          owner_most: owner.max_ms,
          mib: await memory(),
        };
      };
      const signIn = (email) => ["--path", "/v1/login", "--body", JSON.stringify({ email, password: "not the password" })];
      return [
        await during("no attack", []),
        await during("sign-ins on one account", [signIn(person.email)]),
        await during("sign-ins on unknown addresses", [signIn("unknown{n}@example.com")]),
        await during("mails to one address", [["--path", "/v1/code", "--body", JSON.stringify({ email: person.email })]]),
        await during("invalid requests", [
          ["--path", "/v1/login", "--body", JSON.stringify({ email: 1 })],
          ["--path", "/v1/profile", "--header", `authorization: Bearer ${FORGED}`],
          ["--path", "/v1/login", "--body", login, "--header", `dpop: ${FORGED_PROOF}`],
        ]),
      ];
    }),
  );

const SECONDS = process.env.BENCH_SECONDS ?? "5";
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
