// What every package test needs: the packed package installed in an empty project, and a page of it in Chromium.

import { execFile } from "node:child_process";
import { createServer } from "node:http";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

/** The repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a program and gives its stdout; a failure shows what it printed. */
export async function run(program, args, cwd) {
  try {
    return (await promisify(execFile)(program, args, { cwd, maxBuffer: 1e8 })).stdout;
  } catch (error) {
    throw new Error(`${program} ${args[0]}: ${error.message}\n${error.stdout}`);
  }
}

const quiet = ["--ignore-scripts", "--loglevel=error"];
const scratch = mkdtemp(join(tmpdir(), "doorward-package-"));
const executablePath = process.env.DOORWARD_CHROMIUM ?? "/usr/bin/chromium";
let packed, browser;
after(async () => {
  await (await browser)?.close();
  await rm(await scratch, { recursive: true, force: true });
});

/** What `npm pack` makes, once for all tests of a file. */
export function pack() {
  packed ??= scratch.then(async (folder) => {
    const told = await run("npm", ["pack", "--json", "--pack-destination", folder, ...quiet], root);
    const [{ filename, files }] = JSON.parse(told);
    return { tarball: join(folder, filename), contents: files.map((file) => file.path) };
  });
  return packed;
}

/** The folder of an empty project with the packed package in it, as `npm install doorward` makes one, and these files. */
export async function emptyProject(files = {}) {
  const { tarball } = await pack();
  const folder = await mkdtemp(join(await scratch, "app-"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await run("npm", ["install", "--offline", tarball, ...quiet], folder);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/**
 * The module that the page tests bundle. It proves that the wasm runs: a rule of the protocol crate refuses the address, without a
 * request. What it finds out is in `window.found`.
 */
export const app = `
import { AuthClient } from "doorward";
const auth = new AuthClient();
auth.login({ email: "no address", password: "correct horse" }).then(
  () => (window.found = "signed in?"),
  (error) => (window.found = [error.name, error.code, error.field ?? error.message].join(" ")),
);
`;

/** What `app` finds out when all is well. */
export const refused = "AuthError INVALID_PARAMETER email";

const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves the folder, opens `index.html` with this text in Chromium, and gives what the module found out. */
export async function found(t, folder, html, charset = "") {
  await writeFile(join(folder, "index.html"), html);
  const asked = [];
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, "http://localhost").pathname;
    asked.push(path);
    try {
      const body = await readFile(join(folder, path === "/" ? "index.html" : path));
      response.setHeader("content-type", (types[extname(path)] ?? "text/html") + charset);
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  t.after(() => server.close());
  browser ??= chromium.launch({ executablePath });
  const page = await (await browser).newPage();
  t.after(() => page.close());
  const failed = new Promise((_, reject) => {
    page.on("pageerror", (error) => reject(new Error(`the page says: ${error.message}; it asked for ${asked.join(" ")}`)));
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await Promise.race([failed, page.waitForFunction("window.found !== undefined", undefined, { timeout: 20_000 })]);
  return { found: await page.evaluate("window.found"), asked };
}
