// Better Auth's server, set up as its documentation shows, on SQLite in a file. usage: FOLDER PORT

import { createServer } from "node:http";
import { LibsqlDialect } from "@libsql/kysely-libsql";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";

const [folder, port] = process.argv.slice(2);
const options = {
  baseURL: `http://localhost:${port}`,
  secret: "only for measuring, on this machine, for some seconds",
  database: { dialect: new LibsqlDialect({ url: `file:${folder}/better-auth.db` }), type: "sqlite" },
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
};
const { runMigrations } = await getMigrations(options);
await runMigrations();
const server = createServer(toNodeHandler(betterAuth(options)));
server.keepAliveTimeout = 60_000;
server.listen(Number(port), "127.0.0.1", () => console.log("better-auth is ready"));
