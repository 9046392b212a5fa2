// Runs the files that run.mjs assigns, one after another, in this process, and reports the result of each test.

import { pathToFileURL } from "node:url";
import { endFile, endProcess, LONGEST, workWith } from "./world.mjs";

const tests = [];
workWith((name, story) => tests.push({ name, story }));

/** @type {(error: unknown) => void} fails the running test */
let fail = () => {};
for (const event of ["uncaughtException", "unhandledRejection"]) process.on(event, (error) => fail(error));

/** Runs a function until it ends, fails or times out, and reports the result; a function without a name only if it fails. */
async function run(story, name, title = name) {
  const started = performance.now();
  let timer;
  const failure = new Promise((_, reject) => {
    fail = reject;
    timer = setTimeout(() => reject(new Error(`not over after ${LONGEST} ms`)), LONGEST);
  });
  const error = await Promise.race([(async () => story())(), failure]).then(
    () => null,
    (thrown) => thrown ?? new Error("no reason given"),
  );
  clearTimeout(timer);
  fail = (late) => console.error(late);
  if (name || error) process.send({ name: title, took: performance.now() - started, error: error && (error.stack ?? String(error)) });
}

process.on("message", async (/** @type {string} */ file) => {
  if (!file) {
    await endProcess();
    process.disconnect();
    return;
  }
  await run(() => import(pathToFileURL(file).href), null, `${file} is opened`);
  for (const { name, story } of tests.splice(0)) await run(story, name);
  await run(endFile, null, `${file} is closed`);
  process.send("done");
});
process.send("ready");
