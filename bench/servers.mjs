// The servers: requests per second with latencies, time from start to ready, resident memory. The load comes from
// `doorward-bench` (bench/src), one thread on the same machine.

import { execFile, spawn } from "node:child_process";
import { request } from "node:http";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "./numbers.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const load = process.env.DOORWARD_BENCH ?? join(root, "target/release/doorward-bench");
const doorward = process.env.DOORWARD_BIN ?? join(root, "target/release/doorward");
const seconds = process.env.BENCH_SECONDS ?? "5";
export const person = { email: "bench@example.com", password: "correct horse battery" };

/** The address of an account that fill.py created; for a larger number, an address without an account. */
export const address = (number) => `${((BigInt(number) * 2654435761n) & 0xffffffffn).toString(16).padStart(8, "0")}@example.com`;

/** Runs the load generator and returns its result: `{ per_second, p50_ms, p99_ms, failures }`. */
export async function measure(...args) {
  const { stdout } = await promisify(execFile)(load, args);
  const result = JSON.parse(stdout);
  if (result.failures) throw new Error(`${args.join(" ")}: ${result.failures} failures, ${result.first_failure}`);
  return result;
}

/** Argon2id alone, on all cores: the minimum cost of a login. */
export const bareHash = () => measure("hash", "--seconds", seconds);

/** Runs at full speed, then at 70 % of it, where latencies are meaningful. */
async function throughput(...args) {
  const full = await measure(...args, "--seconds", seconds);
  const rate = String(full.per_second * 0.7);
  const eased = await measure(...args, "--seconds", seconds, "--rate", rate);
  return { per_second: full.per_second, p99_ms: eased.p99_ms, p50_ms: eased.p50_ms };
}

/** Starts a server in its own folder, calls `use` with its port, and stops it. */
export async function running(start, folder, use) {
  const port = await freePort();
  const begun = performance.now();
  const child = start(folder, port);
  try {
    await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on("line", (line) => line.includes("is ready") && resolve());
      child.on("exit", (code) => reject(new Error(`the server ended with ${code}`)));
    });
    const ready = performance.now() - begun;
    return await use({ port, ready, memory: () => memory(child.pid) });
  } finally {
    const ended = child.exitCode === null && new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
}

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Resident memory in MiB. */
async function memory(pid) {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) / 1024;
}

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Median time from start to ready with an existing database, and memory two seconds later. */
async function startup(start, folder) {
  const times = [];
  let idle;
  for (let round = 0; round < 5; round++) {
    await running(start, folder, async ({ ready, memory }) => {
      times.push(ready);
      if (round < 4) return;
      await pause(2000);
      idle = await memory();
    });
  }
  return { ready_ms: median(times), idle_mib: idle };
}

export async function post(port, path, body, headers = {}) {
  const url = `http://localhost:${port}${path}`;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response;
}

export async function inFolder(use) {
  // In the build folder, on a disk: a database in memory would make both look faster.
  const folder = await mkdtemp(join(root, "target/bench-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// The server treats every DOORWARD_… variable as a setting; these variables are for the bench.
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DOORWARD_")));

/** Starts the release server with these settings. */
export const starter =
  (settings = {}) =>
  (folder, port) => {
    const env = { ...clean, RUST_LOG: "error" };
    for (const [name, value] of Object.entries(settings)) env[`DOORWARD_${name}`] = value;
    return spawn(doorward, ["serve", "--dev", "--data", folder, "--listen", `127.0.0.1:${port}`], {
      stdio: ["ignore", "pipe", "ignore"],
      env,
    });
  };

/** Replaces tokens of any age, so that each refresh is a durable write. */
export const steps = { SESSION__REPEAT: "0s" };

/** Cheap hashes, for measurements in which hashing would hide all other work. */
export const cheap = { PASSWORD__HASH_MEMORY: "64", PASSWORD__HASH_PASSES: "1" };

/** Requests per second, start time and memory. */
export function ours() {
  return inFolder(async (folder) => {
    const requests = await running(starter(steps), folder, async ({ port, memory }) => {
      await post(port, "/v1/signup", person);
      const session = await (await post(port, "/v1/login", person)).json();
      const address = ["--address", `127.0.0.1:${port}`];
      const body = JSON.stringify(person);
      const bearer = ["--header", `authorization: Bearer ${session.access_token}`];
      const connections = ["--connections", "64"];
      return {
        login: await measure("repeat", ...address, "--path", "/v1/login", "--body", body, "--connections", "4", "--seconds", seconds),
        refresh: await throughput("refresh", ...address, "--login", body, ...connections),
        bound_refresh: await throughput("refresh", "--bound", ...address, "--login", body, ...connections),
        profile: await throughput("repeat", ...address, "--path", "/v1/profile", ...bearer, ...connections),
        bound_profile: await throughput("read", ...address, "--path", "/v1/profile", "--login", body, ...connections),
        memory_mib: await memory(),
      };
    });
    return { ...requests, ...(await startup(starter(), folder)) };
  });
}

/**
 * Resident memory after 100,000 sign-ins, each with its own session, plus refreshes. Uses cheap hashes, which do not
 * affect the result.
 */
export function manySessions() {
  return inFolder((folder) =>
    running(starter({ ...steps, ...cheap }), folder, async ({ port, memory }) => {
      await post(port, "/v1/signup", person);
      const body = JSON.stringify(person);
      const address = ["--address", `127.0.0.1:${port}`, "--connections", "64"];
      await measure("repeat", ...address, "--path", "/v1/login", "--body", body, "--seconds", "600", "--requests", "100000");
      await measure("refresh", "--bound", ...address, "--login", body, "--seconds", seconds);
      return memory();
    }),
  );
}

/** Calls `use` with a folder whose database has `accounts` accounts, all with the password of `person`. */
export function filled(accounts, settings, words, use) {
  return inFolder(async (folder) => {
    await running(starter(settings), folder, ({ port }) => post(port, "/v1/signup", person));
    const fill = fileURLToPath(new URL("fill.py", import.meta.url));
    await promisify(execFile)("python3", [fill, join(folder, "doorward.db"), String(accounts), ...words]);
    return use(folder);
  });
}

/**
 * Sends one request over the agent's connection. Returns its status, headers and text, and the milliseconds to the last
 * byte.
 * @param {import("node:http").Agent} agent
 * @param {number} port
 * @param {string} path
 * @param {{ method?: string, headers?: Record<string, string>, body?: object }} [options] a body that is not a URLSearchParams is sent as JSON
 */
export function timed(agent, port, path, { method = "POST", headers = {}, body } = {}) {
  const form = body instanceof URLSearchParams;
  const sent = body === undefined ? "" : form ? body.toString() : JSON.stringify(body);
  const kind = form ? "application/x-www-form-urlencoded" : "application/json";
  const all = sent ? { ...headers, "content-type": kind, "content-length": Buffer.byteLength(sent) } : headers;
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const call = request({ agent, port, path, method, headers: all, host: "localhost" }, (response) => {
      let text = "";
      response.on("data", (part) => (text += part));
      response.on("end", () => {
        resolve({ time: performance.now() - begun, status: response.statusCode, headers: response.headers, text });
      });
    });
    call.on("error", reject);
    call.end(sent);
  });
}

/** Better Auth for the same requests. Its session is one cookie, so there is no refresh to compare. */
export function betterAuth() {
  const file = fileURLToPath(new URL("better-auth-server.mjs", import.meta.url));
  const start = (folder, port) =>
    spawn(process.execPath, [file, folder, String(port)], {
      stdio: ["ignore", "pipe", "ignore"],
      env: { ...process.env, NODE_ENV: "production" },
    });
  return inFolder(async (folder) => {
    const requests = await running(start, folder, async ({ port, memory }) => {
      const origin = `http://localhost:${port}`;
      await post(port, "/api/auth/sign-up/email", { ...person, name: "Bench" }, { origin });
      const response = await post(port, "/api/auth/sign-in/email", person, { origin });
      const cookie = response.headers
        .getSetCookie()
        .map((line) => line.split(";")[0])
        .join("; ");
      const address = ["--address", `127.0.0.1:${port}`, "--header", `origin: ${origin}`];
      const body = JSON.stringify(person);
      const session = ["--path", "/api/auth/get-session", "--header", `cookie: ${cookie}`, "--connections", "64"];
      return {
        login: await measure(
          "repeat",
          ...address,
          "--path",
          "/api/auth/sign-in/email",
          "--body",
          body,
          "--connections",
          "4",
          "--seconds",
          seconds,
        ),
        profile: await throughput("repeat", ...address, ...session),
        memory_mib: await memory(),
      };
    });
    return { ...requests, ...(await startup(start, folder)) };
  });
}
