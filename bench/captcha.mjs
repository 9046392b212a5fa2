// Measures how long a browser works on the default captcha: the built package in Chromium, at full speed and slowed
// down like a phone. The puzzles have the default difficulty; only chance differs.

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { median } from "./numbers.mjs";

const ROUNDS = 20;
const PUZZLES = 16;

/** The default of `captcha.difficulty`. */
function hashes() {
  const text = readFileSync(new URL("../crates/config/src/captcha.rs", import.meta.url), "utf8");
  return Number(/difficulty: u32 = ([\d_]+)/.exec(text)[1].replaceAll("_", ""));
}

/** Rows: the slow-down factor, and the median, fastest and slowest milliseconds of a solution. */
export async function captcha() {
  const difficulty = Math.floor(hashes() / PUZZLES);
  const challenge = () => ({ kind: "proof_of_work", id: randomBytes(48).toString("base64url"), puzzles: PUZZLES, difficulty });
  const server = createServer((request, response) => {
    const file = request.url === "/doorward.js" && readFileSync(new URL("../pkg/index.js", import.meta.url));
    if (request.url.startsWith("/v1/")) {
      const solved = request.headers["captcha-response"];
      response.writeHead(solved ? 200 : 403, { "content-type": "application/json" });
      return response.end(JSON.stringify(solved ? { solved } : { code: "CAPTCHA_REQUIRED", captcha: challenge() }));
    }
    response.setHeader("content-type", file ? "text/javascript" : "text/html");
    response.end(file || "<!doctype html><meta charset=utf-8><title>bench</title>");
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const browser = await chromium.launch({ executablePath: process.env.DOORWARD_CHROMIUM ?? "/usr/bin/chromium" });
  try {
    const tab = await browser.newPage();
    await tab.goto(`http://localhost:${server.address().port}/`);
    const devtools = await tab.context().newCDPSession(tab);
    const rows = [];
    for (const rate of [1, 4, 6]) {
      await devtools.send("Emulation.setCPUThrottlingRate", { rate });
      const times = await tab.evaluate(measure, ROUNDS);
      rows.push({ rate, median: median(times), least: Math.min(...times), most: Math.max(...times) });
    }
    return { hashes: difficulty * PUZZLES, rows };
  } finally {
    await browser.close();
    server.close();
  }
}

/** Runs in the page. */
async function measure(rounds) {
  const { AuthClient } = await import("/doorward.js");
  const auth = new AuthClient({ storage: "memory", dpop: false, timeout: 60_000 });
  const ask = () => auth.forgotPassword("ada@example.com");
  await ask();
  const times = [];
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    await ask();
    times.push(performance.now() - start);
  }
  return times;
}
