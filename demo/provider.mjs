// A real OpenID provider on loopback, for the demo site and its end-to-end tests. It has the usual sign-in and consent screens and needs
// no account elsewhere. The certified package oidc-provider implements the protocol; the screens and the accounts are in this folder.
//
// `cargo xtask start` runs it together with the server: `node demo/provider.mjs [port]`. It prints its issuer, the client id and the
// client secret on stdout, and exits when its stdin closes, that is, when the process that started it has ended.

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

/** Starts a provider with one client, the server of the demo site. Listens on `port`, or on a free port if it is taken. */
export async function startProvider({ port = 0 } = {}) {
  const secret = randomUUID();
  const server = await listen(port);
  const issuer = `http://${HOST}:${server.address().port}`;
  const cookieKey = randomBytes(32).toString("base64url");
  const running = {
    issuer,
    clientId: CLIENT_ID,
    secret,
    /** The number of codes that were exchanged for tokens. */
    exchanges: 0,
    /** Replaces the signing key: the provider signs with a new one and no longer publishes the old one. */
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

// Hides the warnings of oidc-provider at start: it recommends a newer Node and a database, which does not matter for a demo.
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
    // Cookies belong to a host, not to a port: two providers on one machine need different cookie names.
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
  // The demo site can run on any port of this machine, and the tests use several.
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
  if (form.cancel) return finish({ error: "access_denied", error_description: "The user cancelled the sign-in." });
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
