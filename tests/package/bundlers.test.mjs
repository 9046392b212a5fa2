// The packed package in an empty project, in a page: without a bundler, and through bundlers with their default
// settings.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import * as esbuild from "esbuild";
import * as vite from "vite";
import webpack from "webpack";
import { app, emptyProject, found, refused } from "./world.mjs";

const page = (script) => `<!doctype html><meta charset="utf-8"><title>app</title>${script}`;

test("a module script imports the package with only an import map", async (t) => {
  const folder = await emptyProject({ "app.js": app });
  const map = `<script type="importmap">{"imports":{"doorward":"/node_modules/doorward/pkg/index.js"}}</script>`;
  const result = await found(t, folder, page(`${map}<script type="module" src="/app.js"></script>`));
  assert.equal(result.found, refused);
  const requests = result.asked.filter((path) => path !== "/favicon.ico");
  assert.deepEqual(requests, ["/", "/app.js", "/node_modules/doorward/pkg/index.js"]);
});

test("esbuild bundles the package with its default settings, which write ASCII", async (t) => {
  const folder = await emptyProject({ "app.js": app });
  await esbuild.build({ absWorkingDir: folder, entryPoints: ["app.js"], bundle: true, minify: true, format: "esm", outfile: "out.js" });
  assert.match(await readFile(join(folder, "out.js"), "latin1"), /^\p{ASCII}*$/u);
  const result = await found(t, folder, page(`<script type="module" src="/out.js"></script>`));
  assert.equal(result.found, refused);
});

test("a classic script written in ASCII works on a windows-1252 page", async (t) => {
  const folder = await emptyProject({ "app.js": app });
  await esbuild.build({ absWorkingDir: folder, entryPoints: ["app.js"], bundle: true, minify: true, format: "iife", outfile: "out.js" });
  const html = `<!doctype html><title>app</title><script src="/out.js"></script>`;
  const result = await found(t, folder, html, "; charset=windows-1252");
  assert.equal(result.found, refused);
});

test("a classic script in UTF-8 that a windows-1252 page misreads reports the wrong encoding", async (t) => {
  const folder = await emptyProject({ "app.js": app });
  /** @type {import("esbuild").BuildOptions} */
  const options = { bundle: true, minify: true, format: "iife", charset: "utf8", outfile: "out.js" };
  await esbuild.build({ absWorkingDir: folder, entryPoints: ["app.js"], ...options });
  const html = `<!doctype html><title>app</title><script src="/out.js"></script>`;
  const result = await found(t, folder, html, "; charset=windows-1252");
  assert.match(result.found, /^AuthError \w+ .*UTF-8/);
});

test("Vite builds a page with the package", async (t) => {
  const html = page(`<script type="module" src="/app.js"></script>`);
  const folder = await emptyProject({ "app.js": app, "index.html": html });
  await vite.build({ root: folder, configFile: false, logLevel: "warn" });
  const dist = join(folder, "dist");
  const result = await found(t, dist, await readFile(join(dist, "index.html"), "utf8"));
  assert.equal(result.found, refused);
});

test("webpack builds a page with the package", async (t) => {
  const folder = await emptyProject({ "app.js": app });
  const options = { context: folder, mode: "production", entry: "./app.js", output: { path: join(folder, "dist") } };
  const stats = await promisify(webpack)({ ...options, performance: { hints: false } });
  assert.equal(stats.hasErrors() || stats.hasWarnings(), false, stats.toString());
  const result = await found(t, join(folder, "dist"), page(`<script src="/main.js"></script>`));
  assert.equal(result.found, refused);
});

test("the slim entry loads the wasm from a separate file", async (t) => {
  const slim = `import { init } from "doorward/slim";\nconst ready = init("/node_modules/doorward/pkg/slim.wasm");\n`;
  const module = slim + app.replace('"doorward"', '"doorward/slim"').replace("const auth", "await ready;\nconst auth");
  const folder = await emptyProject({ "app.js": module });
  const map = `<script type="importmap">{"imports":{"doorward/slim":"/node_modules/doorward/pkg/slim.js"}}</script>`;
  const result = await found(t, folder, page(`${map}<script type="module" src="/app.js"></script>`));
  assert.equal(result.found, refused);
});
