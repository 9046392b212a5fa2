// The front ends: their size on the wire, and the time of a page from import to a constructed client. One bundler, one
// browser and one run; each round measures all of them in turn, so that a change of the machine's load affects all of
// them.

import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import { chromium } from "playwright-core";
import { median } from "./numbers.mjs";

const ROUNDS = 15;

const peers = [
  { name: "doorward", entry: "doorward", packages: [] },
  { name: "Supabase auth-js", entry: "supabase", packages: ["@supabase/auth-js"] },
  { name: "Firebase auth", entry: "firebase", packages: ["@firebase/auth"] },
  { name: "auth0-spa-js", entry: "auth0", packages: ["@auth0/auth0-spa-js"] },
  { name: "oidc-client-ts", entry: "oidc-client-ts", packages: ["oidc-client-ts"] },
  { name: "better-auth client", entry: "better-auth", packages: ["better-auth"] },
  { name: "skapi-js", entry: "skapi", packages: ["skapi-js"] },
];

/** Rows: name, version, sizes of the minified bundle, and milliseconds. */
export async function page() {
  for (const peer of peers) {
    const { outputFiles } = await esbuild.build({
      entryPoints: [new URL(`peers/${peer.entry}.js`, import.meta.url).pathname],
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      write: false,
      logLevel: "error",
    });
    peer.bundle = outputFiles[0].contents;
    peer.version = peer.packages.map(versionOf)[0] ?? "";
    peer.times = { constructed: [], ready: [] };
  }
  await time();
  const rows = peers.map(({ name, version, bundle, times, failure }) => ({
    name,
    version,
    ...sizes(bundle),
    failure,
    constructed: median(times.constructed),
    ready: median(times.ready),
  }));
  const packed = readFileSync(new URL("../pkg/index.js", import.meta.url));
  return [{ name: "doorward, as packed", version: "", ...sizes(packed) }, ...rows];
}

function sizes(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes, { params }).length };
}

function versionOf(name) {
  return JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
}

async function time() {
  const server = createServer((request, response) => {
    const peer = peers.find(({ entry }) => request.url === `/${entry}.js`);
    response.setHeader("cache-control", "no-store");
    response.setHeader("content-type", peer ? "text/javascript" : "text/html");
    response.end(peer ? peer.bundle : "<!doctype html><meta charset=utf-8><title>bench</title>");
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://localhost:${server.address().port}`;
  const browser = await chromium.launch({ executablePath: process.env.DOORWARD_CHROMIUM ?? "/usr/bin/chromium" });
  try {
    for (let round = 0; round < ROUNDS; round++) {
      for (const peer of peers) {
        const context = await browser.newContext();
        const tab = await context.newPage();
        await tab.goto(origin);
        try {
          const { constructed, ready } = await tab.evaluate(measure, `/${peer.entry}.js`);
          peer.times.constructed.push(constructed);
          peer.times.ready.push(ready);
        } catch (error) {
          peer.failure = error.message.split("\n")[0];
        }
        await context.close();
      }
    }
  } finally {
    await browser.close();
    server.close();
  }
}

/**
 * Milliseconds that a call adds to a bare `fetch` of the same response, without and with a proof, and the milliseconds
 * of a proof alone. A `fetch` in the page returns the responses, so only the SDK is measured.
 */
export async function calls() {
  const server = createServer((request, response) => {
    const file = request.url === "/doorward.js" && readFileSync(new URL("../pkg/index.js", import.meta.url));
    response.setHeader("content-type", file ? "text/javascript" : "text/html");
    response.end(file || "<!doctype html><meta charset=utf-8><title>bench</title>");
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const browser = await chromium.launch({ executablePath: process.env.DOORWARD_CHROMIUM ?? "/usr/bin/chromium" });
  try {
    const tab = await browser.newPage();
    await tab.goto(`http://localhost:${server.address().port}/`);
    return await tab.evaluate(async () => {
      const { AuthClient } = await import("/doorward.js");
      const user = { user_id: "u", email: "ada@example.com", roles: [] };
      const tokens = {
        access_token: "a".repeat(500),
        refresh_token: "r",
        revoke_token: "v",
        expires_in: 600,
        server_time: Date.now() / 1000,
        user,
      };
      const median = async (work) => {
        const times = [];
        for (let round = 0; round < 400; round += 1) {
          const start = performance.now();
          await work();
          times.push(performance.now() - start);
        }
        return times.sort((a, b) => a - b)[200];
      };
      const answer =
        (kind) =>
        async ({ url }) =>
          Response.json(url.includes("login") ? { ...tokens, token_type: kind } : user, { headers: { "dpop-nonce": "n" } });
      const signedIn = async (kind) => {
        const options = { url: location.origin, storage: "memory", storageKey: kind, dpop: kind === "DPoP", fetch: answer(kind) };
        const auth = new AuthClient(options);
        await auth.login({ email: user.email, password: "secret" });
        return auth;
      };
      const [bearer, bound] = [await signedIn("Bearer"), await signedIn("DPoP")];
      const bare = await median(async () => (await answer("DPoP")(new Request("/v1/profile"))).json());
      return {
        bearer: (await median(() => bearer.getProfile())) - bare,
        bound: (await median(() => bound.getProfile())) - bare,
        proof: await median(() => bound.authHeaders("GET", `${location.origin}/v1/profile`)),
      };
    });
  } finally {
    await browser.close();
    server.close();
  }
}

/** Runs in the page. The request is made in advance: only compiling, running and constructing are measured. */
async function measure(url) {
  const text = await (await fetch(url)).text();
  const module = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const start = performance.now();
  const peer = await import(module);
  const client = peer.construct();
  const constructed = performance.now() - start;
  await peer.use?.(client);
  return { constructed, ready: performance.now() - start };
}
