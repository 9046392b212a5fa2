// Your own API, for pages that call it with `auth.fetch`. Start it with `npm install && npm start`, and `doorward serve --dev` as well.

import { once } from "node:events";
import { createServer } from "node:http";
import { checker, Refused } from "./check.js";

const { PORT = "4001", ISSUER = "http://localhost:8787", AUDIENCE = ISSUER, PAGE = "http://localhost:8787" } = process.env;
const server = createServer().listen(Number(PORT), "127.0.0.1");
await once(server, "listening");
const origin = `http://localhost:${server.address().port}`;
const check = checker({ issuer: ISSUER, audience: AUDIENCE, origin, keysKept: Number(process.env.KEYS_KEPT ?? 300) * 1000 });

server.on("request", async (request, response) => {
  // CORS: allows the page of another origin to send these headers and to read the challenge.
  response.setHeader("Access-Control-Allow-Origin", PAGE);
  response.setHeader("Access-Control-Allow-Headers", "Authorization, DPoP, Content-Type");
  response.setHeader("Access-Control-Expose-Headers", "WWW-Authenticate");
  response.setHeader("Content-Type", "application/json");
  if (request.method === "OPTIONS") return response.writeHead(204).end();
  try {
    const { sub, roles } = await check(request);
    response.end(JSON.stringify({ hello: sub, roles }));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    response.writeHead(401, { "WWW-Authenticate": error.challenge }).end(JSON.stringify({ error: error.message }));
  }
});
console.log(`ready: ${origin}`);
