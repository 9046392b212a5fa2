// Requests to the server, and waits that must end: what is sent and repeated (D-16), how long it may take, what came
// back. All of it is calls of the browser; what an answer means is the wasm's affair.

import { solve } from "./work.js";

const RETRY_PAUSE = 250; // milliseconds before a request that may be repeated is
const FORM = "application/x-www-form-urlencoded";

// The signal that ends what these limits are for, and why it did: by `life`, which ends with the client, by the
// caller's own signal, or because the time is over.
function watch({ life, caller, timeout }) {
  const late = AbortSignal.timeout(timeout);
  const wanted = [life, caller].filter(Boolean);
  const why = () => (wanted.some((signal) => signal.aborted) ? "ABORTED" : late.aborted ? "TIMEOUT" : "NETWORK");
  return { signal: AbortSignal.any([...wanted, late]), why: () => ({ silence: why() }) };
}

// `await`, for no longer than the signal allows: then it rejects with why.
async function until({ signal, why }, awaited) {
  let end;
  const ended = new Promise((_, reject) => {
    if (signal.aborted) reject(why());
    signal.addEventListener("abort", (end = () => reject(why())));
  });
  try {
    return await Promise.race([ended, awaited]);
  } catch (error) {
    throw signal.aborted ? why() : error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

// Also where `crypto.randomUUID` is not: on http pages.
const uuid = () =>
  "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16));

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

// Seconds to wait: a number or a date.
function retryAfter(headers) {
  const text = headers?.get?.("retry-after");
  const seconds = /^\s*\d+\s*$/.test(text) ? +text : Math.ceil((Date.parse(text) - Date.now()) / 1000);
  return text && seconds === seconds ? Math.max(0, seconds) : undefined;
}

export function transport(keys) {
  // Adds the headers that show who asks, good for one request.
  async function show({ key, token, time, method, url, limits }, headers) {
    const watching = watch(limits);
    const shown = await until(watching, keys.show(headers, key, token, method, url, time)).catch((error) => {
      throw error?.silence ? error : { silence: "INTERNAL" };
    });
    if (!shown) throw { silence: "TOKEN_BOUND" };
    return headers;
  }

  return {
    within: (limits, awaited) => until(watch(limits), awaited),

    // The headers alone, for a request that somebody else makes.
    headers: (call) => show(call, {}),

    // What came back; it rejects with `{ silence }` when nothing did. `kind` is a method of HTTP, or what else it is.
    async exchange(call) {
      const { kind, url, body, limits, locale, captcha, devices, fetch = globalThis.fetch } = call;
      const [method, type] = { ONCE: ["POST"], TOKEN: ["POST", FORM], FAREWELL: ["POST"] }[kind] ?? [kind];
      const headers = { Accept: "application/json" };
      if (locale) headers["Accept-Language"] = locale;
      if (captcha) headers["Captcha-Response"] = captcha;
      if (devices) headers["Known-Device"] = devices;
      if (body) headers["Content-Type"] = type ?? "application/json";
      if (kind === "ONCE") headers["Idempotency-Key"] = uuid();
      const init = { method, headers, body, credentials: "omit", keepalive: kind === "FAREWELL" };
      let mayRepeat = kind !== "POST" && (kind === "GET" || method === "POST");
      let mayTakeNonce = true;
      let works = 2; // a solution may be too old by the time that it comes
      for (;;) {
        await show({ ...call, method }, headers);
        const watching = watch(limits);
        const { signal, why } = watching;
        if (signal.aborted) throw why();
        let response;
        let answer;
        try {
          response = await until(watching, fetch(url, { ...init, signal }));
          // A body that breaks off, and a page of a captive portal, are an answer that makes no sense. But a connection
          // that broke while the body came rejects with a TypeError, broken JSON with a SyntaxError.
          answer = await until(watching, response?.json?.()).catch((error) => {
            if (error?.silence || error?.name === "TypeError") throw error;
          });
        } catch {
          const { silence } = why();
          if (silence !== "NETWORK" || !mayRepeat) throw { silence };
          mayRepeat = false;
          await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE));
          continue;
        }
        if (!isObject(answer)) answer = undefined;
        const hasNonce = Boolean(response?.headers?.get) && keys.learn(url, response.headers);
        // RFC 9449 §8 and §9
        const wantsNonce = [answer?.error, answer?.code].some((said) => /^use_dpop_nonce$/i.test(said));
        if (mayTakeNonce && hasNonce && wantsNonce) {
          mayTakeNonce = false;
          continue;
        }
        const asked = response?.status === 403 && answer?.code === "CAPTCHA_REQUIRED" && answer.captcha;
        if (asked?.kind === "proof_of_work" && works-- > 0) {
          const working = watch(limits);
          const solution = await until(working, solve(asked, working.signal));
          if (solution) {
            headers["Captcha-Response"] = solution;
            continue;
          }
        }
        return { status: response?.status, body: answer, retry_after: retryAfter(response?.headers) };
      }
    },
  };
}
