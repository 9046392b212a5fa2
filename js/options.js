// The options of a client as the wasm takes them: read, checked, and with what stands in for those that are not there.
// Nothing here throws: what is wrong is told by the first call.

const TIMEOUT = 10_000; // milliseconds before a request is given up
const LONGEST = 2 ** 31 - 1; // the greatest that timers take

const attempt = (read) => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

// The URL of an address on this page, if it is on the web.
function resolve(address) {
  if (typeof address !== "string") return undefined;
  const url = attempt(() => new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href));
  return /^https?:$/.test(url?.protocol) ? url : undefined;
}

export function settingsOf(options) {
  const get = (name) => attempt(() => options[name]) ?? undefined;
  let fault;
  const refuse = (field, message) => void (fault ??= { field, message });

  let storage = get("storage") ?? "local";
  if (!["local", "session", "memory"].includes(storage) && !attempt(() => storage.getItem)) {
    refuse("storage", 'Give "local", "session", "memory" or an object with getItem, setItem, removeItem.');
    storage = "memory";
  }
  const fetch = get("fetch");
  if (fetch !== undefined && typeof fetch !== "function") refuse("fetch", "This must be a function.");
  const base = baseOf(get("url"));
  if (base === undefined) refuse("url", "Give the server's address, like https://auth.example.com.");
  const origins = [attempt(() => new URL(base).origin)];
  for (const api of attempt(() => [...get("apis")]) ?? []) {
    const origin = attempt(() => resolve(api.origin).origin);
    if (!origin) refuse("apis", "Give objects with an origin, like https://api.example.com.");
    origins.push(origin);
  }
  const timeout = get("timeout") ?? TIMEOUT;
  const isDuration = typeof timeout === "number" && timeout >= 0 && timeout <= LONGEST;
  if (!isDuration) refuse("timeout", "This must be a number of milliseconds.");
  const binds = get("dpop") !== false;
  if (binds && !globalThis.crypto?.subtle) fault = { insecure: true };

  const key = typeof get("storageKey") === "string" ? get("storageKey") : "doorward";
  const locale = get("locale") ?? (globalThis.document?.documentElement.lang || globalThis.navigator?.language);
  const place = typeof storage === "string" ? storage : "custom";
  return {
    base,
    place,
    key,
    outside: place === "custom" ? storage : open(`${place}Storage`, `${key}.session`),
    timeout: isDuration ? timeout : TIMEOUT,
    // Goes into a header that is sent without a preflight only when it is plain.
    locale: /^[a-z0-9-]{1,35}$/i.test(locale) ? locale : undefined,
    navigate: get("navigate"),
    fetch: typeof fetch === "function" ? fetch : undefined,
    binds,
    refreshesAhead: get("autoRefresh") !== false,
    fault,
    // Tokens go to the origins of the options and to no other: the address in full, if it is of one.
    reach(address) {
      const url = resolve(address);
      return url && origins.includes(url.origin) ? url.href : undefined;
    },
  };
}

// Without a slash at its end: the server's address, or the page's own origin.
function baseOf(given) {
  if (given === undefined) {
    const origin = globalThis.location?.origin;
    return origin?.startsWith("http") ? origin : undefined;
  }
  const url = resolve(attempt(() => given.href) ?? given);
  return url && url.origin + url.pathname.replace(/\/+$/, "");
}

// `localStorage` or `sessionStorage`, if a value written there can be read back; or if it is full, but has one of this
// key. Outside a page every user of the process would share it.
function open(name, key) {
  return attempt(() => {
    const storage = document && globalThis[name];
    const probe = `${key}.probe`;
    try {
      storage.setItem(probe, "1");
    } catch {
      return storage.getItem(key) === null ? undefined : storage;
    }
    const back = storage.getItem(probe);
    storage.removeItem(probe);
    return back === "1" ? storage : undefined;
  });
}
