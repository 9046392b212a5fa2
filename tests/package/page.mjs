// A page with the built package, and a server of mocked routes behind it.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { after } from "node:test";
import { browser, root } from "./world.mjs";

// All tests of a file share a tab: opening one takes three times as long as a whole test. They share nothing else,
// because each test has its own origin: a server keeps its port until the file ends.
let shared;
const servers = [];
after(() => servers.forEach((server) => server.close()));

async function newTab(context) {
  const page = await context.newPage();
  page.on("console", (message) => process.env.DEBUG && console.log(message.text()));
  return page;
}

/** Makes the package's exports, and `until`, globals of the page. */
export const load = (page) =>
  page.evaluate(async () => {
    // Polls for effects that no promise reports. Continues after a while in any case: the assertion is then clearer
    // than a timeout.
    const until = async (holds) => {
      for (let tries = 0; !holds() && tries < 1000; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    Object.assign(window, await import("/index.js"), { until });
  });

const files = new Map();
const built = (name) => files.get(name) ?? files.set(name, readFile(`${root}pkg${name}`)).get(name);

/** Tokens in the format of a login response. */
export const tokens = (more) => ({
  access_token: "access-1",
  token_type: "DPoP",
  expires_in: 600,
  refresh_token: "refresh-1",
  revoke_token: "revoke-1",
  server_time: Math.floor(Date.now() / 1000),
  user: { user_id: "u1", email: "ada@example.com" },
  ...more,
});

export const problem = (code, more) => ({ code, title: code, ...more });

/**
 * Opens `html` at an origin that no other test has. `routes` are `"POST /v1/login": [status, body, headers]` or a
 * function that returns one for the call; every other path is an empty page. `asked` lists the page's requests,
 * including navigations. `before` runs in the page before any other script.
 * @param {{ after(end: () => unknown): void }} t
 * @param {object} given
 * @param {string} [given.html]
 * @param {{ [route: string]: any }} [given.routes]
 * @param {Record<string, string>} [given.headers]
 * @param {string | (() => void)} [given.before]
 */
export async function open(t, { html = "", routes = {}, headers = {}, before }) {
  const asked = [];
  let isOver = false;
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url, "http://localhost");
    if (isOver) return response.writeHead(200, { "content-type": "text/html" }).end();
    if (pathname === "/favicon.ico") return response.writeHead(404).end();
    const type = /^\/(index|slim|mylib|messages-\w+)\.js$/.test(pathname)
      ? "text/javascript"
      : pathname === "/slim.wasm" && "application/wasm";
    if (type) {
      response.setHeader("content-type", type);
      return response.end(await built(pathname));
    }
    // Every page requests it once; no test is about it.
    if (pathname === "/v1/nonce") return response.writeHead(200, { "content-type": "application/json", "dpop-nonce": "n0" }).end("{}");
    let body = "";
    for await (const part of request) body += part;
    const call = { name: `${request.method} ${pathname}`, search, body, headers: request.headers };
    if (pathname !== "/") asked.push(call);
    const route = routes[call.name];
    if (!route) {
      if (pathname.startsWith("/v1/")) throw new Error(`nobody mocked ${call.name}`);
      return response.writeHead(200, { "content-type": "text/html", ...headers }).end(pathname === "/" ? html : pathname);
    }
    const [status, answer, more] = typeof route === "function" ? await route(call, asked) : route;
    response.writeHead(status, { "content-type": "application/json", ...more }).end(JSON.stringify(answer));
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  servers.push(server);
  t.after(() => {
    isOver = true;
    server.closeAllConnections();
  });
  const address = `http://127.0.0.1:${server.address().port}/`;
  const ifInterrupted = (error) => {
    if (!error.message.includes("interrupted by another navigation")) throw error;
  };
  const go = async (page) => {
    // A navigation of the previous test may still be pending and disturb this one.
    while (!(await page.goto(address).catch(ifInterrupted)));
    await load(page);
    return page;
  };
  if (before) {
    // An init script cannot be removed, so this context is for one test.
    const context = await (await browser()).newContext();
    t.after(() => context.close());
    await context.addInitScript(before);
    const tab = async () => go(await newTab(context));
    return { page: await tab(), tab, asked, names: () => asked.map((call) => call.name) };
  }
  shared ??= newTab(await (await browser()).newContext());
  const page = await shared;
  // Nothing of this test may run on in the next one. Fails if the page is navigating, which also stops it.
  t.after(() => page.goto(address).catch(() => {}));
  const tab = async () => {
    const other = await newTab(page.context());
    t.after(() => other.close());
    return go(other);
  };
  return { page: await go(page), tab, asked, names: () => asked.map((call) => call.name) };
}
