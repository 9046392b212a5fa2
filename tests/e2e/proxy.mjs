// A network that fails on demand: a proxy for all traffic between the browser and the server.

import { once } from "node:events";
import { createServer, request as ask } from "node:http";
import { atEnd, startServer } from "./world.mjs";

/**
 * Starts a server behind a proxy. `url` is the proxy's URL; it is also the server's `public_url` unless the settings
 * name another. The proxy removes the path `below` from the beginning of requests.
 *
 * `rule(request)` decides about each request: undefined forwards it, or
 * - `"cut"`: the connection breaks before the server gets the request,
 * - `"lose"`: the server handles the request, and the connection breaks before its response,
 * - `{ until }`: a promise; the request is forwarded when it resolves,
 * - `{ status, headers, body }`: a response that the proxy makes itself,
 * - `{ change }`: a function that gets the server's response as an object and returns another.
 */
export async function startBehindProxy(settings = {}, below = "") {
  const proxy = createServer().listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = `http://localhost:${proxy.address().port}${below}`;
  const server = await startServer({ settings: { PUBLIC_URL: url, ...settings } });
  const inside = { host: "127.0.0.1", port: server.port };
  /** @type {{ server: any, url: string, seen: any[], rule: (request: any) => any, count?: (path: string) => number }} */
  const world = { server, url, seen: [], rule: () => {} };

  proxy.on("request", async (incoming, outgoing) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { method, headers } = incoming;
    const path = incoming.url.startsWith(`${below}/`) ? incoming.url.slice(below.length) : incoming.url;
    const seen = { method, path, headers, body: body.toString(), at: Date.now() };
    world.seen.push(seen);
    const fate = method === "OPTIONS" ? undefined : world.rule(seen);
    if (fate === "cut") return incoming.socket.destroy();
    if (fate?.status) return outgoing.writeHead(fate.status, fate.headers).end(fate.body);
    await fate?.until;
    const passed = ask({ ...inside, method, path, headers }, async (answer) => {
      const parts = [];
      for await (const part of answer) parts.push(part);
      seen.status = answer.statusCode;
      if (fate === "lose") return incoming.socket.destroy();
      /** @type {Buffer} */
      let text = Buffer.concat(parts);
      const head = { ...answer.headers };
      if (fate?.change) {
        text = Buffer.from(JSON.stringify(fate.change(JSON.parse(text))));
        delete head["transfer-encoding"];
        head["content-length"] = String(text.length);
      }
      outgoing.writeHead(answer.statusCode, head).end(text);
    });
    passed.on("error", () => incoming.socket.destroy());
    passed.end(body);
  });
  atEnd(() => {
    proxy.closeAllConnections();
    proxy.close();
  });

  /** The number of requests to a path so far. */
  world.count = (path) => world.seen.filter((seen) => seen.method !== "OPTIONS" && seen.path.split("?")[0] === path).length;
  return world;
}
