// Measures a sign-in with a provider, from the beginning of the flow to the tokens, without the provider's own time.
// The provider is a few lines in this process and measures itself.

import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";
import { Agent, createServer } from "node:http";
import { median } from "./numbers.mjs";
import { inFolder, running, starter, timed } from "./servers.mjs";

const ROUNDS = 500;
const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Median milliseconds of a flow's two calls, of doorward's share of both, and of a call that needs no provider. */
export async function provider() {
  const op = await issuer();
  try {
    const settings = {
      PROVIDERS__BENCH__KIND: "oidc",
      PROVIDERS__BENCH__ISSUER: op.url,
      PROVIDERS__BENCH__CLIENT_ID: "bench",
      PROVIDERS__BENCH__CLIENT_SECRET: "bench",
    };
    return await inFolder((folder) =>
      running(starter({ ...settings, AUTO_REGISTER__PROVIDER: "true" }), folder, ({ port }) => flows(port, op)),
    );
  } finally {
    op.close();
  }
}

async function flows(port, op) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const callback = "http://localhost:3000/callback";
  const call = async (path, body) => {
    const answer = await timed(agent, port, path, { body });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return { time: answer.time, json: JSON.parse(answer.text) };
  };
  const times = { begin: [], end: [], ours: [], device: [] };
  for (let round = 0; round <= ROUNDS; round += 1) {
    op.spent = 0;
    const begun = await call("/v1/flows/bench", { callback });
    const { data, state, flow } = begun.json;
    const code = op.consent(new URL(data.url));
    const ended = await call("/v1/login/provider/bench", { callback, code, state, iss: op.url, flow });
    const device = await call("/v1/login/device", { device_id: "the-device-of-the-bench" });
    // The first one fetches the provider's document and keys.
    if (round === 0) continue;
    times.begin.push(begun.time);
    times.end.push(ended.time);
    times.ours.push(begun.time + ended.time - op.spent);
    times.device.push(device.time);
  }
  agent.destroy();
  return Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
}

/** Discovery, keys, tokens and userinfo of one user. */
async function issuer() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const grants = new Map();
  const answers = {
    "/.well-known/openid-configuration": () => ({
      issuer: op.url,
      authorization_endpoint: `${op.url}/authorize`,
      token_endpoint: `${op.url}/token`,
      userinfo_endpoint: `${op.url}/userinfo`,
      jwks_uri: `${op.url}/keys`,
      id_token_signing_alg_values_supported: ["ES256"],
      authorization_response_iss_parameter_supported: true,
    }),
    "/keys": () => ({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "bench", alg: "ES256", use: "sig" }] }),
    "/token": (form) => {
      const grant = grants.get(form.get("code"));
      const challenge = createHash("sha256").update(form.get("code_verifier")).digest("base64url");
      if (challenge !== grant.get("code_challenge")) throw new Error("another verifier");
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: op.url, sub: "bench", aud: "bench", iat: now, exp: now + 600, nonce: grant.get("nonce") };
      const text = `${base64url({ alg: "ES256", kid: "bench" })}.${base64url(claims)}`;
      const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
      return { access_token: "bench", token_type: "Bearer", expires_in: 600, id_token: `${text}.${signature.toString("base64url")}` };
    },
    "/userinfo": () => ({ sub: "bench", name: "Bench" }),
  };
  const server = createServer(async (request, response) => {
    const begun = performance.now();
    let body = "";
    for await (const part of request) body += part;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answers[request.url](new URLSearchParams(body))));
    op.spent += performance.now() - begun;
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const op = {
    url: `http://127.0.0.1:${server.address().port}`,
    spent: 0,
    consent(url) {
      const code = randomUUID();
      grants.set(code, url.searchParams);
      return code;
    },
    close: () => server.close(),
  };
  return op;
}
