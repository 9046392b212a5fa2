// `fetch` with the access token and its proof, to the origins that the client's options name and to no other.

const ABORTED = { code: "ABORTED", message: "The call was ended." };
const NETWORK = { code: "NETWORK", message: "The server could not be reached." };

// `call` calls a method of the wasm, `life` ends with the client, `refused` has by origin the last new token that was.
export async function authorised(input, init, { call, life, keys, refused, fetch = globalThis.fetch }) {
  const signals = [life, init?.signal ?? input?.signal];
  const signal = AbortSignal.any(signals.filter(Boolean));
  // A redirect is not followed: the token is for the origin that was asked for, and the proof for the address.
  const make = () => new Request(input?.clone?.() ?? input, { ...init, redirect: "manual", signal });
  let request;
  try {
    request = make();
  } catch (error) {
    throw { code: "INVALID_PARAMETER", message: `The browser makes no request of this. ${error.message}`, field: "input" };
  }
  const isStream = Boolean(init?.body?.getReader); // can be read once only
  let mayTakeNonce = !isStream;
  let isRenewed = false;
  for (;;) {
    const shown = await call("authHeaders", request.method, request.url, { signal });
    for (const name in shown) request.headers.set(name, shown[name]);
    let response;
    try {
      response = await fetch(request);
    } catch {
      throw signal.aborted ? ABORTED : NETWORK;
    }
    const hasNonce = keys.learn(request.url, response.headers);
    const token = shown.Authorization?.split(" ")[1];
    if (response.status !== 401 || !token) return response;
    if (/use_dpop_nonce/.test(response.headers.get("www-authenticate"))) {
      if (!mayTakeNonce || !hasNonce) return response;
      mayTakeNonce = false;
    } else {
      // An API that refuses even a new token must not make us get others again and again.
      const { origin } = new URL(request.url);
      if (isRenewed) refused.set(origin, token);
      if (isStream || refused.get(origin) === token || !(await call("renew", token).catch(() => false))) return response;
      isRenewed = true;
    }
    try {
      request = make();
    } catch {
      return response; // its body was read meanwhile
    }
  }
}
