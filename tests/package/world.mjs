// Helpers for every package test: the packed package installed in an empty project, and a page with it in Chromium.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

/** The folder of the repository. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs a program and returns its stdout. A failure shows its output. */
export async function run(program, args, cwd) {
  try {
    return (await promisify(execFile)(program, args, { cwd, maxBuffer: 1e8 })).stdout;
  } catch (error) {
    throw new Error(`${program} ${args[0]}: ${error.message}\n${error.stdout}`);
  }
}

const quiet = ["--ignore-scripts", "--loglevel=error"];
const scratch = mkdtemp(join(tmpdir(), "doorward-package-"));
// The headless shell draws the same pages, and opens one in a quarter of the processor time.
const executablePath = process.env.DOORWARD_CHROMIUM ?? ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find(existsSync);
let installed, launched;
after(async () => {
  await (await launched)?.close();
  await rm(await scratch, { recursive: true, force: true });
});

/** The browser of this test file. */
export const browser = () => (launched ??= chromium.launch({ executablePath }));

/** The paths of the files that `npm pack` includes. */
export async function packedFiles() {
  const [{ files }] = JSON.parse(await readFile(join(await install(), "packed.json"), "utf8"));
  return files.map((file) => file.path);
}

/**
 * Returns the folder of an empty project with the packed package, like after `npm install doorward`, plus the given
 * files.
 */
export async function emptyProject(files = {}) {
  const folder = await mkdtemp(join(await scratch, "app-"));
  await cp(join(await install(), "app"), folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

// Test files run in separate processes. The first one packs and installs, and all processes that test the same package
// use its result: the folder's name contains a hash of the package.
function install() {
  installed ??= contentHash().then(async (hash) => {
    const shared = join(tmpdir(), `doorward-packed-${hash}`);
    if (!existsSync(shared)) {
      const folder = await packAndInstall();
      // A rename is atomic, so no process sees half of the folder. If another process was first, its folder is equal.
      await rename(folder, shared).catch((error) => {
        if (!existsSync(shared)) throw error;
      });
    }
    return shared;
  });
  return installed;
}

async function packAndInstall() {
  const folder = await mkdtemp(join(await scratch, "packed-"));
  const packed = await run("npm", ["pack", "--json", "--pack-destination", folder, ...quiet], root);
  await writeFile(join(folder, "packed.json"), packed);
  const project = join(folder, "app");
  await mkdir(project);
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  await run("npm", ["install", "--offline", join(folder, JSON.parse(packed)[0].filename), ...quiet], project);
  return folder;
}

// A hash of every file that `npm pack` may include: the files of the root folder and all of pkg/.
async function contentHash() {
  const hash = createHash("sha256").update(process.version);
  for (const [folder, recursive] of /** @type {[string, boolean][]} */ ([
    [root, false],
    [join(root, "pkg"), true],
  ])) {
    const entries = (await readdir(folder, { recursive, withFileTypes: true })).filter((entry) => entry.isFile());
    for (const path of entries.map((entry) => join(entry.parentPath, entry.name)).sort()) {
      hash.update(`${path}\0`).update(await readFile(path));
    }
  }
  return hash.digest("hex").slice(0, 32);
}

/**
 * The module that the page tests bundle. It proves that the wasm runs: a rule of the protocol crate rejects the address
 * without a request. The results are in `window.found`.
 */
export const app = `
import { AuthClient } from "doorward";
const auth = new AuthClient();
auth.login({ email: "no address", password: "correct horse" }).then(
  () => (window.found = "signed in?"),
  (error) => (window.found = [error.name, error.code, error.field ?? error.message].join(" ")),
);
`;

/** The results of `app` on success. */
export const refused = "AuthError INVALID_PARAMETER email";

const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Serves the folder, opens `index.html` with this text in Chromium, and returns the results of the module. */
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
  const page = await (await browser()).newPage();
  t.after(() => page.close());
  const failed = new Promise((_, reject) => {
    page.on("pageerror", (error) => reject(new Error(`the page says: ${error.message}; it asked for ${asked.join(" ")}`)));
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await Promise.race([failed, page.waitForFunction("window.found !== undefined", undefined, { timeout: 20_000 })]);
  return { found: await page.evaluate("window.found"), asked };
}
