// A page with the built package, and a server of mocked routes behind it.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { after } from "node:test";
import { browser, root } from "./world.mjs";

// All tests of a file share a tab: to open one takes three times as long as all that a test does in it. They have nothing
// else in common, since each has an origin of its own: a server keeps its port until the file ends.
let shared;
const servers = [];
after(() => servers.forEach((server) => server.close()));

async function newTab(context) {
  const page = await context.newPage();
  page.on("console", (message) => process.env.DEBUG && console.log(message.text()));
  return page;
}

/** Makes what the package exports, and `until`, globals of the page. */
export const load = (page) =>
  page.evaluate(async () => {
    // Waits for what no promise tells. Goes on after a while all the same: what is asserted then says more than a timeout.
    const until = async (holds) => {
      for (let tries = 0; !holds() && tries < 1000; tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    };
    Object.assign(window, await import("/index.js"), { until });
  });

const files = new Map();
const built = (name) => files.get(name) ?? files.set(name, readFile(`${root}pkg${name}`)).get(name);

/** Tokens as a login gives them. */
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
 * Opens `html` at an origin that no other test has. `routes` are `"POST /v1/login": [status, body, headers]` or a function of the
 * call that gives one; every other path is an empty page. `asked` has what the page asked for, navigations included.
 * `before` runs in the page before anything else.
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
    // Every page asks for it once; no test is about that.
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
    // A navigation that the test before has begun may still be on its way, and get in the way of this one.
    while (!(await page.goto(address).catch(ifInterrupted)));
    await load(page);
    return page;
  };
  if (before) {
    // What runs before a page cannot be taken back: this context is for one test.
    const context = await (await browser()).newContext();
    t.after(() => context.close());
    await context.addInitScript(before);
    const tab = async () => go(await newTab(context));
    return { page: await tab(), tab, asked, names: () => asked.map((call) => call.name) };
  }
  shared ??= newTab(await (await browser()).newContext());
  const page = await shared;
  // Nothing of this test runs on in the next one. Fails where the page is just going elsewhere, which is as good.
  t.after(() => page.goto(address).catch(() => {}));
  const tab = async () => {
    const other = await newTab(page.context());
    t.after(() => other.close());
    return go(other);
  };
  return { page: await go(page), tab, asked, names: () => asked.map((call) => call.name) };
}
