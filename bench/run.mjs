// `npm run bench`: sizes and speed of doorward and of other products, from one run on this machine.
// usage: [sizes] [page] [captcha] [server] [provider] [hooks] [webhooks] [flood] [scale] [timing] [--samples N]
// [--accounts N]

import { availableParallelism, cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { captcha } from "./captcha.mjs";
import { hooks } from "./hooks.mjs";
import { calls, page } from "./page.mjs";
import { flood } from "./flood.mjs";
import { kilobytes, milliseconds, table, whole } from "./numbers.mjs";
import { provider } from "./provider.mjs";
import { among } from "./scale.mjs";
import { sizes } from "./sizes.mjs";
import { timing } from "./timing.mjs";
import { webhooks } from "./webhooks.mjs";
import { bareHash, betterAuth, manySessions, ours } from "./servers.mjs";

const { values, positionals: parts } = parseArgs({
  allowPositionals: true,
  options: { samples: { type: "string", default: "2000" }, accounts: { type: "string", default: "1000000" } },
});
/** Limits in ms during a flood: requests of other users, refusals, and the owner's sign-in (SECURITY S14, R04). */
const [OTHERS, PROMPT, SIGNED_IN] = [25, 50, 2_000];
const wanted = (part) => parts.length === 0 || parts.includes(part);
const memory = Math.round(totalmem() / 2 ** 30);
console.log(`\n${cpus()[0].model}, ${availableParallelism()} cores, ${memory} GiB, Node ${process.version}\n`);

if (wanted("sizes")) {
  const { entries, modules, crates } = await sizes();
  const show = (head, rows) =>
    console.log(
      `${table(
        [head, "bytes", "brotli"],
        rows.map((it) => [it.name, whole(it.bytes), whole(it.brotli)]),
      )}\n`,
    );
  show("entry", entries);
  show("part of pkg/index.js", modules);
  show("part of pkg/slim.wasm", crates);
  console.log(`Brotli at level 11. Each part is compressed alone, so the parts sum up to more than the whole.\n`);
}

if (wanted("page")) {
  const head = ["front end", "version", "raw kB", "gzip kB", "brotli kB", "constructed ms", "ready ms"];
  const rows = (await page()).map((/** @type {any} */ row) => [
    row.name,
    row.version,
    kilobytes(row.raw),
    kilobytes(row.gzip),
    kilobytes(row.brotli),
    row.failure ?? milliseconds(row.constructed),
    milliseconds(row.ready),
  ]);
  console.log(table(head, rows));
  console.log(`
Bundled by esbuild with its default settings, minified. The times are medians in Chromium: from import() of a
local file to a constructed client, and for doorward, which constructs before it compiles its wasm, to one in use.
`);
  const { bearer, bound, proof } = await calls();
  console.log(
    `What the SDK adds to a call, median: ${bearer.toFixed(2)} ms, with a proof ${bound.toFixed(2)} ms; a proof alone ${proof.toFixed(2)} ms.\n`,
  );
}

if (wanted("captcha")) {
  const { hashes, rows } = await captcha();
  const head = [`${whole(hashes)} hashes in Chromium`, "median ms", "fastest ms", "slowest ms"];
  console.log(
    table(
      head,
      rows.map(({ rate, median, least, most }) => [
        rate === 1 ? "at full speed" : `CPU slowed ${rate} times`,
        whole(median),
        whole(least),
        whole(most),
      ]),
    ),
  );
  console.log();
}

if (wanted("server")) {
  const hash = await bareHash();
  const doorward = await ours();
  const peer = await betterAuth();
  const percent = (100 * doorward.login.per_second) / hash.per_second;
  /** A row with its budget: a number that has to be reached (`least`) or kept (`most`). */
  const row = (name, value, show, { least, most } = /** @type {{ least?: number, most?: number }} */ ({})) => {
    const own = value(doorward);
    const is_met = own >= (least ?? -Infinity) && own <= (most ?? Infinity);
    const budget = least === undefined && most === undefined ? "" : `${least === undefined ? "≤" : "≥"} ${whole(least ?? most)}`;
    return [name, show(own), budget, budget && (is_met ? "met" : "missed"), show(value(peer))];
  };
  console.log(
    table(
      ["server", "doorward", "budget", "", "Better Auth"],
      [
        row("logins per second", (it) => it.login.per_second, whole),
        ["  % of what the bare hash allows", whole(percent), "≥ 95", percent >= 95 ? "met" : "missed", ""],
        row("refreshes per second", (it) => it.refresh?.per_second, whole),
        row("  p99 at 70 % of that, ms", (it) => it.refresh?.p99_ms, milliseconds, { most: 25 }),
        row("  with a proof each (DPoP)", (it) => it.bound_refresh?.per_second, whole, { least: 5_000 }),
        row("  p99 at 70 % of that, ms", (it) => it.bound_refresh?.p99_ms, milliseconds, { most: 25 }),
        row("profile (session) reads per second", (it) => it.profile.per_second, whole),
        row("  p99 at 70 % of that, ms", (it) => it.profile.p99_ms, milliseconds, { most: 25 }),
        row("  with a proof each (DPoP)", (it) => it.bound_profile?.per_second, whole),
        row("  p99 at 70 % of that, ms", (it) => it.bound_profile?.p99_ms, milliseconds, { most: 25 }),
        row("start to ready, ms", (it) => it.ready_ms, whole),
        row("memory idle, MiB", (it) => it.idle_mib, whole, { most: 25 }),
        row("memory after the load, MiB", (it) => it.memory_mib, whole, { most: 80 }),
      ],
    ),
  );
  console.log(`
The bare hash: ${hash.per_second.toFixed(1)} Argon2id (19 MiB, 2 passes) per second on ${hash.cores} cores. Server, database on disk and load share them.
Better Auth, on SQLite too, hashes with scrypt, and its session is one cookie: nothing to refresh.
`);
}

if (wanted("provider")) {
  const { begin, end, ours, device } = await provider();
  const row = (name, time) => [name, time.toFixed(2)];
  console.log(
    table(
      ["sign-in with a provider", "median ms"],
      [
        row("start of the flow", begin),
        row("end of the flow: code, ID token, userinfo, session", end),
        row("both, without the provider's own time", ours),
        row("for comparison: sign-in by device id", device),
      ],
    ),
  );
  console.log();
}

if (wanted("hooks")) {
  const { without, empty, nothing, typical, quiet, busy } = await hooks();
  const row = (name, { median, p99 }, beside = without) => [
    name,
    median.toFixed(2),
    p99.toFixed(2),
    (median - beside.median).toFixed(2),
    (median / beside.median).toFixed(2),
  ];
  console.log(
    table(
      ["sign-in by device id", "median ms", "p99 ms", "added ms", "times as long"],
      [
        row("without hooks.star", without),
        row("with an empty hooks.star", empty),
        row("a hook that does nothing", nothing),
        row("a typical hook", typical),
        row("with an endless hook that is not called", quiet, quiet),
        row("  while the endless hook is called all the time", busy, quiet),
      ],
    ),
  );
  console.log();
}

if (wanted("webhooks")) {
  const { without, before, after, hangs } = await webhooks();
  const row = (name, { median, p99 }) => [name, median.toFixed(2), p99.toFixed(2), (median - without.median).toFixed(2)];
  console.log(
    table(
      ["sign-in by device id", "median ms", "p99 ms", "added ms"],
      [
        row("without a webhook", without),
        row("with a webhook before the sign-in, on this machine", before),
        row("with a webhook after the sign-in, on this machine", after),
        row("with a webhook after the sign-in that hangs", hangs),
      ],
    ),
  );
  console.log();
}

if (wanted("flood")) {
  const head = [
    "attack",
    "requests/s",
    "passwords checked",
    "accepted",
    "refused",
    "  median ms",
    "  p99 ms",
    "refresh p99 ms",
    "JWKS p99 ms",
    "known device, max ms",
    "MiB",
  ];
  const rows = await flood();
  console.log(
    table(
      head,
      rows.map((it) => [
        it.name,
        whole(it.per_second),
        whole(it.looked_at),
        whole(it.accepted),
        whole(it.refused),
        milliseconds(it.refused_p50),
        milliseconds(it.refused_p99),
        milliseconds(it.refresh_p99),
        milliseconds(it.keys_p99),
        whole(it.owner_most),
        whole(it.mib),
      ]),
    ),
  );
  console.log(
    `\nAttackers, users and the server share this machine. Refused are the responses 400, 429 and 503, and 401 to an invalid token. "Known device" is the owner's sign-in on a device that the account knows.\n`,
  );
  const missed = rows.flatMap((it) =>
    [
      ["refresh p99", it.refresh_p99, OTHERS],
      ["JWKS p99", it.keys_p99, OTHERS],
      ["refused p99", it.refused_p99, PROMPT],
      ["sign-in on a known device", it.owner_most, SIGNED_IN],
    ].flatMap(([what, ms, limit]) => (ms > limit ? [`${it.name}: ${what} ${whole(ms)} ms, limit ${whole(limit)} ms`] : [])),
  );
  if (missed.length) {
    console.log(`Missed:\n  ${missed.join("\n  ")}\n`);
    process.exitCode = 1;
  }
}

if (wanted("scale")) {
  const [few, many] = [1_000, Number(values.accounts)];
  const [first, second] = [await among(few), await among(many)];
  console.log(
    table(
      ["median ms", `${whole(few)} accounts`, `${whole(many)} accounts`, "times as long"],
      Object.keys(first).map((name) => [name, first[name].toFixed(3), second[name].toFixed(3), (second[name] / first[name]).toFixed(2)]),
    ),
  );
  console.log(`\nHashes are cheap here (64 KiB, 1 pass), so that the growth is visible.\n`);
  console.log(`Memory after 100,000 sessions: ${whole(await manySessions())} MiB\n`);
}

if (wanted("timing")) {
  const samples = Number(values.samples);
  const rows = await timing(samples);
  const head = [`${whole(samples)} known, ${whole(samples)} unknown`, "known ms", "unknown ms", "gap ms", "p", ""];
  console.log(
    table(
      head,
      rows.map((row) => [
        row.name,
        row.known.toFixed(3),
        row.unknown.toFixed(3),
        row.gap.toFixed(3),
        row.p.toPrecision(2),
        row.told ? "DIFFERENT" : "alike",
      ]),
    ),
  );
  for (const { name, differ } of rows) if (differ) console.log(`\n${name.trim()}: ${differ}`);
  console.log(`
Medians over one connection, in random order; p of the Mann-Whitney U test. Different: the responses differ, or p is below
0.001 and the medians are more than 0.02 ms apart. In all rows but one the hashes are cheap (64 KiB, 1 pass), so that they
hide no difference. The server sends responses that could reveal an account at multiples of 50 ms after
the request.
`);
  if (rows.some((row) => row.told)) process.exitCode = 1;
}
