// A real OpenID provider on loopback, for the demo site and for its end-to-end tests: sign-in and consent screens as elsewhere, and no
// account anywhere. The protocol is oidc-provider's, which is certified; ours are the screens and who there is.
//
// `cargo xtask start` runs it beside the server: `node demo/provider.mjs [port]`. It says on stdout its issuer and the client's id and
// secret, and ends when its stdin does, which is when who started it is gone.

import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { claimsOf, enrol, PEOPLE } from "./people.mjs";
import { consentScreen, errorScreen, signInScreen, STYLE } from "./screens.mjs";

const HOST = "127.0.0.1";
const CLIENT_ID = "doorward-demo";

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** Listens on `port`, or on a free one where that is taken, for one client: the server that the demo site belongs to. */
export async function startProvider({ port = 0 } = {}) {
  const secret = randomUUID();
  const server = await listen(port);
  const issuer = `http://${HOST}:${server.address().port}`;
  const cookieKey = randomBytes(32).toString("base64url");
  const running = {
    issuer,
    clientId: CLIENT_ID,
    secret,
    /** How many codes were exchanged for tokens. */
    exchanges: 0,
    /** From now on tokens are signed with another key, and the old one is not published any more. */
    rotateKeys: async () => {
      running.oidc = await quietly(() => provider(issuer, secret, cookieKey));
      running.oidc.on("grant.success", () => (running.exchanges += 1));
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
  await running.rotateKeys();
  server.on("request", (request, response) => answer(running.oidc, request, response));
  return running;
}

async function listen(port) {
  const server = createServer().listen(port, HOST);
  try {
    await once(server, "listening");
    return server;
  } catch (error) {
    if (error.code !== "EADDRINUSE") throw error;
    return listen(0);
  }
}

// It advises a newer Node than ours, and a database: nothing that who tries the demo could act on.
async function quietly(begin) {
  const { warn } = console;
  console.warn = () => {};
  return begin().finally(() => (console.warn = warn));
}

async function provider(issuer, secret, cookieKey) {
  const { Provider, interactionPolicy } = await import("oidc-provider");
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: "select_account", requestable: true }), 0);
  const oidc = new Provider(issuer, {
    clients: [{ client_id: CLIENT_ID, client_secret: secret, client_name: "doorward", redirect_uris: ["http://localhost/callback"] }],
    jwks: { keys: [signingKey()] },
    // A browser keeps cookies by host, whatever the port: two providers of one machine must not take each other's.
    cookies: { keys: [cookieKey], names: cookieNames(issuer) },
    pkce: { required: () => true },
    scopes: ["openid", "profile", "email"],
    claims: { openid: ["sub"], profile: ["name", "given_name", "family_name"], email: ["email", "email_verified"] },
    findAccount: (_, sub) => claimsOf(sub) && { accountId: sub, claims: () => claimsOf(sub) },
    interactions: { policy, url: (_, { uid }) => `/screen/${uid}` },
    features: { devInteractions: { enabled: false }, rpInitiatedLogout: { enabled: false } },
    clientBasedCORS: () => false,
    renderError: (context, { error, error_description }) => {
      context.set(HEADERS);
      context.body = errorScreen(error_description ?? error);
    },
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 3600, Session: 86_400, Grant: 86_400 },
  });
  // The demo site may be on any port of this machine, and tests begin flows on many.
  oidc.Client.prototype.redirectUriAllowed = (address) => /^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?\//.test(address);
  return oidc;
}

const cookieNames = (issuer) =>
  Object.fromEntries(["session", "interaction", "resume"].map((name) => [name, `${name}-${new URL(issuer).port}`]));

function signingKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "RS256", use: "sig" };
}

// ── the screens ──

async function answer(oidc, request, response) {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/style.css") return response.writeHead(200, { "content-type": "text/css" }).end(STYLE);
  if (!pathname.startsWith("/screen/")) return oidc.callback()(request, response);
  try {
    const details = await oidc.interactionDetails(request, response);
    if (request.method === "POST") await decide(oidc, details, await formOf(request), request, response);
    else response.writeHead(200, HEADERS).end(screen(pathname, details));
  } catch (error) {
    response.writeHead(400, HEADERS).end(errorScreen(error.error_description ?? error.message));
  }
}

function screen(back, { prompt, params, session }) {
  if (prompt.name !== "consent") return signInScreen(back, PEOPLE);
  return consentScreen(back, claimsOf(session.accountId), params.scope.split(" "));
}

async function decide(oidc, { prompt, params, session, grantId }, form, request, response) {
  const finish = (result) => oidc.interactionFinished(request, response, result, { mergeWithLastSubmission: prompt.name === "consent" });
  if (form.cancel) return finish({ error: "access_denied", error_description: "The person said no." });
  if (prompt.name !== "consent") return finish({ login: { accountId: accountOf(form) }, select_account: {} });
  const { accountId } = session;
  const grant = (grantId && (await oidc.Grant.find(grantId))) || new oidc.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  return finish({ consent: { grantId: await grant.save() } });
}

function accountOf({ person, name, email, email_verified }) {
  return enrol(PEOPLE[person] ?? { name: name.trim(), email: email || undefined, email_verified: Boolean(email_verified) });
}

async function formOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return Object.fromEntries(new URLSearchParams(text));
}

if (process.argv[1] === import.meta.filename) {
  const { issuer, secret } = await startProvider({ port: Number(process.argv[2] ?? 0) });
  console.log(issuer, CLIENT_ID, secret);
  process.stdin
    .on("end", () => process.exit())
    .on("error", () => process.exit())
    .resume();
}
