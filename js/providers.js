// Signing in with an outside issuer: going there, and what the caller gets of what came back. `inside` has `call`, which
// calls a method of the wasm, `flows` of js/flows.js, and `isOver`: does nobody wait for this any longer?

import { isAnswer } from "./flows.js";

const REGISTERED = "Please confirm your email";
const isObject = (value) => Object.prototype.toString.call(value) === "[object Object]";
const refuse = (field, message) => {
  throw { code: "INVALID_PARAMETER", message, field };
};
const named = (provider) => {
  if (typeof provider !== "string" || !provider) refuse("provider", "Give the name of a provider, like google.");
};
// Was nothing sent, because whoever should have asked is no more?
const isGone = ({ code, status }) => !status && /^(TOKEN_BOUND|SESSION_REQUIRED)$/.test(code);

// By what a call joins one that is under way: its arguments. And by the page where no answer stands in its address: the
// first may have taken it out.
export function flightsOf(name, args) {
  const [provider, data, ...rest] = args;
  const flight = name + JSON.stringify(args);
  if (name !== "login" || !URL.canParse(data?.callback)) return [flight];
  const { origin, pathname, searchParams } = new URL(data.callback);
  const page = JSON.stringify([provider, origin + pathname, rest]);
  return [Object.keys(data).length > 1 || isAnswer(searchParams) ? flight : page, page];
}

export async function oauthRedirect(inside, provider, callback, options) {
  const data = await begin(inside, provider, { callback }, options);
  return data && { data };
}

export async function redoOAuth(inside, provider, options) {
  named(provider);
  const refused = (message) => {
    throw { code: "INVALID_REQUEST", message };
  };
  if (/^(twitter|apple)$/.test(provider)) refused(`The consent of ${provider} is good for once. Call oauthRedirect again.`);
  const { callback, key } = (await inside.flows().find(provider)) ?? {};
  if (!callback) refused(`Call oauthRedirect for ${provider} first.`);
  const data = await begin(inside, provider, { callback, again: true }, options, key);
  return data && { reloginUrl: data.url, provider };
}

// As the signed-in user; else with this key, or a new one. In a browser it goes there, and there is nothing to give.
async function begin(inside, provider, asked, options, key) {
  named(provider);
  const flows = inside.flows();
  const own = await inside.call("getKey");
  const flow = { provider, key: own === null ? await flows.fresh(key) : undefined };
  let answer;
  try {
    answer = await inside.call("beginFlow", asked, options, flow);
  } catch (error) {
    if (isGone(error) && (key || own !== null)) return begin(inside, provider, asked, options);
    throw error;
  }
  const { data, state, flow: secret } = answer;
  await flows.add({ provider, key: own ?? flow.key, state, flow: secret, callback: asked.callback });
  if (typeof document === "undefined") return data;
  if (!/^https?:\/\//i.test(data?.url)) throw { code: "SERVER", message: "The server gave no address to go to." };
  if (!inside.isOver()) location.assign(data.url);
  return null;
}

export async function login(inside, provider, data, intent, options) {
  if (isObject(intent)) [intent, options] = [undefined, intent];
  named(provider);
  const links = intent === "link" && provider !== "local";
  if (!links && (intent ?? "register") !== "register") refuse("intent", 'Give "register", or "link" for a provider.');
  if (provider === "local") {
    const { email, email_verified: verified, user_id: id } = await inside.call("login", data, options);
    return { type: "LoginExisting", data: { provider, email, verified, id }, message: "You have been logged in" };
  }
  return finish(inside, links ? "linkBy" : "loginBy", provider, data, options, links);
}

export async function register(inside, provider, data, options) {
  named(provider);
  // Fields of the profile may be among the extras, too: then they are not the operator's.
  if (isObject(data?.extras)) {
    const { extras, ...beside } = data;
    const differs = (name) => JSON.stringify(beside[name]) !== JSON.stringify(extras[name]);
    const isTwice = (name) => beside[name] !== undefined && differs(name);
    const twice = Object.keys(extras).find(isTwice);
    if (twice) refuse(twice, "This is given twice, with two values.");
    data = { ...extras, ...beside };
  }
  if (provider !== "local") return finish(inside, "registerBy", provider, data, options);
  return { data: await inside.call("registerLocal", data, options), message: REGISTERED };
}

async function finish(inside, method, provider, data, options, asUser) {
  const flows = inside.flows();
  const flow = flows.of(provider, data ?? undefined, asUser);
  flow.catch(() => {}); // told by the call, if that comes to it
  try {
    const { session: _, ...said } = await inside.call(method, data, options, flow);
    if (said.type === "LoginOAuth") await flows.keep(await flow);
    return said;
  } catch (error) {
    // By the name that the caller knows it by.
    const name = error.field?.replace(/^oauth_./, (start) => `oauth${start[6].toUpperCase()}`);
    if (name && !(isObject(data) && error.field in data)) error.field = name;
    if (asUser || !isGone(error)) throw error;
    throw { code: "OAUTH_STATE_MISMATCH", message: "The key of this sign-in is gone. Please start again." };
  }
}
