// The size of each part of the SDK: the entries, the JavaScript by module, and the wasm by section and crate.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const read = (path) => readFileSync(join(root, path));

function brotli(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return brotliCompressSync(bytes, { params }).length;
}

const row = (name, bytes, alone = bytes) => ({ name, bytes: bytes.length ?? bytes, brotli: brotli(alone) });

/**
 * Tables of rows: name, bytes, and bytes after Brotli 11. Parts are compressed separately, so their sum exceeds the
 * whole.
 */
export async function sizes() {
  return {
    entries: ["index.js", "slim.js", "slim.wasm", "mylib.js", "messages-de.js", "messages-id.js", "messages-zh.js"].map((file) =>
      row(`pkg/${file}`, read(`pkg/${file}`)),
    ),
    modules: await modules(),
    crates: crates(read("target/sdk/names/doorward.wasm")),
  };
}

/** The default entry by module, bundled like the package's own build. */
async function modules() {
  /** @type {import("esbuild").BuildOptions & { write: false }} */
  const options = { absWorkingDir: root, bundle: true, format: "esm", minify: true, charset: "utf8", target: "es2022", write: false };
  const { metafile } = await esbuild.build({ ...options, entryPoints: ["js/index.js"], external: ["./messages-*"], metafile: true });
  const { inputs } = Object.values(metafile.outputs)[0];
  const rows = [];
  for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
    // Only the module: its imports stay outside.
    const external = metafile.inputs[path].imports
      .map((one) => one.original)
      .filter(Boolean)
      .concat("./messages-*");
    const { outputFiles } = await esbuild.build({ ...options, entryPoints: [path], external });
    const name = { "target/sdk/wasm.js": "the wasm as a string", "target/sdk/bindings.js": "the bindings" }[path] ?? path;
    rows.push(row(name, bytesInOutput, outputFiles[0].contents));
  }
  return sorted(rows);
}

/** The code of a wasm with names, by crate of the function, and the other sections. */
function crates(wasm) {
  const [parts, names, bodies] = [new Map(), new Map(), []];
  const add = (name, bytes) => parts.set(name, [...(parts.get(name) ?? []), bytes]);
  let at = 8;
  const number = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = wasm[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const bytes = (length) => wasm.subarray(at, (at += length));
  const text = () => bytes(number()).toString("utf8");
  while (at < wasm.length) {
    const [section, length] = [wasm[at++], number()];
    const end = at + length;
    if (section === CODE) {
      for (let count = number(); count > 0; count -= 1) bodies.push(bytes(number()));
    } else if (section !== CUSTOM) {
      add(section === DATA ? "data: texts and tables" : "imports, exports and the other sections", bytes(length));
    } else if (text() === "name") {
      while (at < end) {
        const [kind, size] = [wasm[at++], number()];
        const next = at + size;
        if (kind === FUNCTION_NAMES) for (let count = number(); count > 0; count -= 1) names.set(number(), text());
        at = next;
      }
    }
    at = end;
  }
  // Function numbers begin with the imported functions.
  const imported = WebAssembly.Module.imports(new WebAssembly.Module(wasm)).filter(({ kind }) => kind === "function").length;
  bodies.forEach((body, index) => add(`code of ${crateOf(names.get(imported + index) ?? "")}`, body));
  return sorted([...parts].map(([name, all]) => row(name, Buffer.concat(all))));
}

const [CUSTOM, CODE, DATA] = [0, 10, 11];
const FUNCTION_NAMES = 1;

const STANDARD = ["__rustc", "alloc", "compiler_builtins", "core", "dlmalloc", "std"];

/** The first crate in the name of a function. The code that drops a value counts towards the type of the value. */
function crateOf(name) {
  // Methods of primitive types: `<[u8]>::to_vec`. Functions in C style: `fmin`.
  if (/^<(\[|&|[a-z0-9]+>|[a-z0-9]+ as)|^f(min|max)$/.test(name)) return "the standard library";
  const inner = name.replace(/^core(\[[0-9a-f]+\])?::ptr::drop_in_place::</, "");
  const [crate] = /[a-z_][a-z0-9_]*(?=(\[[0-9a-f]+\])?::)/.exec(inner) ?? [];
  if (crate) return STANDARD.includes(crate) ? "the standard library" : crate;
  // `core_call externref shim`: exports of this crate have no path. The other functions are wasm-bindgen's own.
  return /^[a-z]\w* (externref|multivalue) shim$/.test(name) ? "doorward" : "wasm_bindgen";
}

const sorted = (rows) => rows.toSorted((a, b) => b.bytes - a.bytes);
