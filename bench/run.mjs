// `npm run bench`: what doorward weighs and does, beside peers, from one run on this machine. usage: [page] [server] [scale]

import { availableParallelism, cpus, totalmem } from "node:os";
import { calls, page } from "./page.mjs";
import { kilobytes, milliseconds, table, whole } from "./numbers.mjs";
import { bareHash, betterAuth, manySessions, ours, refreshAmong } from "./servers.mjs";

const parts = process.argv.slice(2);
const wanted = (part) => parts.length === 0 || parts.includes(part);
const memory = Math.round(totalmem() / 2 ** 30);
console.log(`\n${cpus()[0].model}, ${availableParallelism()} cores, ${memory} GiB, Node ${process.version}\n`);

if (wanted("page")) {
  const head = ["front end", "version", "raw kB", "gzip kB", "brotli kB", "constructed ms", "ready ms"];
  const rows = (await page()).map((row) => [
    row.name, row.version, kilobytes(row.raw), kilobytes(row.gzip), kilobytes(row.brotli),
    row.failure ?? milliseconds(row.constructed), milliseconds(row.ready),
  ]);
  console.log(table(head, rows));
  console.log(`
Bundled by esbuild with its default settings, minified. The times are medians in Chromium: from import() of a
local file to a constructed client, and for doorward, which constructs before it compiles its wasm, to one in use.
`);
  const { bearer, bound, proof } = await calls();
  console.log(`What the SDK adds to a call, median: ${bearer.toFixed(2)} ms, with a proof ${bound.toFixed(2)} ms; a proof alone ${proof.toFixed(2)} ms.\n`);
}

if (wanted("server")) {
  const hash = await bareHash();
  const doorward = await ours();
  const peer = await betterAuth();
  const row = (name, of) => [name, of(doorward), of(peer)];
  console.log(table(["server", "doorward", "Better Auth"], [
    row("logins per second", (it) => whole(it.login.per_second)),
    ["  of what the bare hash allows", `${Math.round((100 * doorward.login.per_second) / hash.per_second)} %`, ""],
    row("refreshes per second", (it) => whole(it.refresh?.per_second)),
    row("  p99 at 70 % of that, ms", (it) => milliseconds(it.refresh?.p99_ms)),
    row("  with a proof each (DPoP)", (it) => whole(it.bound_refresh?.per_second)),
    row("  p99 at 70 % of that, ms", (it) => milliseconds(it.bound_refresh?.p99_ms)),
    row("profile (session) reads per second", (it) => whole(it.profile.per_second)),
    row("  p99 at 70 % of that, ms", (it) => milliseconds(it.profile.p99_ms)),
    row("  with a proof each (DPoP)", (it) => whole(it.bound_profile?.per_second)),
    row("  p99 at 70 % of that, ms", (it) => milliseconds(it.bound_profile?.p99_ms)),
    row("start to ready, ms", (it) => whole(it.ready_ms)),
    row("memory idle, MiB", (it) => whole(it.idle_mib)),
    row("memory after the load, MiB", (it) => whole(it.memory_mib)),
  ]));
  console.log(`
The bare hash: ${hash.per_second.toFixed(1)} Argon2id (19 MiB, 2 passes) per second on ${hash.cores} cores. Server, database on disk and load share them.
Better Auth, on SQLite too, hashes with scrypt, and its session is one cookie: nothing to refresh.
`);
}

if (wanted("scale")) {
  const few = await refreshAmong(1_000);
  const many = await refreshAmong(1_000_000);
  const memory = await manySessions();
  console.log(table(["doorward at scale", ""], [
    ["refresh among 1,000 accounts, median ms", milliseconds(few)],
    ["refresh among 1,000,000 accounts", milliseconds(many)],
    ["  times as long", (many / few).toFixed(2)],
    ["memory after 100,000 sessions, MiB", whole(memory)],
  ]));
}
