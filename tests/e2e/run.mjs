// Runs the end-to-end tests: node tests/e2e/run.mjs [--workers N] [words…]
//
// Runs all files, or those whose names contain one of the words. Each worker is a process with one browser and takes
// the next file when it has finished one, so Playwright and the browser start once for all files of a worker.

import { fork } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** The longest files, the longest first: started last, one of them would run alone at the end. */
const LONG = ["faults", "axe", "account_page", "csp", "session", "providers_attack", "providers", "storage", "providers_account"];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { workers: { type: "string", default: "2" } } });
const words = positionals.map((word) => word.replace(/^.*\//, "").replace(/\.test\.mjs$/, ""));
const rank = (name) => (LONG.includes(name) ? LONG.indexOf(name) : LONG.length);
const names = (await readdir(import.meta.dirname))
  .filter((name) => name.endsWith(".test.mjs"))
  .map((name) => name.slice(0, -".test.mjs".length));
const files = names.filter((name) => words.length === 0 || words.some((word) => name.includes(word))).sort((a, b) => rank(a) - rank(b));

const started = performance.now();
const failures = [];
const times = [];
let passed = 0;

function told({ name, took, error }) {
  console.log(`${error ? "✖" : "✔"} ${name} (${took.toFixed(1)}ms)`);
  if (!error) return (passed += 1);
  failures.push(name);
  console.log(error.replace(/^/gm, "  "));
}

/** Passes files to a separate process until none is left. */
const work = () =>
  new Promise((over) => {
    const child = fork(join(import.meta.dirname, "worker.mjs"));
    let name = null;
    let began = 0;
    child.on("message", (/** @type {any} */ message) => {
      if (message.name) return told(message);
      if (name) times.push([name, performance.now() - began]);
      name = files.shift() ?? null;
      began = performance.now();
      child.send(name && join(import.meta.dirname, `${name}.test.mjs`));
    });
    child.on("exit", (code, signal) => {
      if (name || code !== 0)
        told({ name: `${name ?? "the end of a worker"}: the process ended`, took: performance.now() - began, error: `${code ?? signal}` });
      over(name !== null && files.length > 0);
    });
  });

async function worker() {
  while (await work());
}

await Promise.all(Array.from({ length: Math.min(Number(values.workers), files.length) }, worker));

console.log("\nSeconds by file:");
for (const [name, took] of times.sort(([, a], [, b]) => b - a)) console.log(`${(took / 1000).toFixed(1).padStart(7)}  ${name}`);
if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `✖ ${name}`).join("\n")}`);
console.log(
  `\nℹ tests ${passed + failures.length}\nℹ pass ${passed}\nℹ fail ${failures.length}\nℹ duration_ms ${performance.now() - started}`,
);
process.exitCode = failures.length > 0 || passed === 0 ? 1 : 0;
