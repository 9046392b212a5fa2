// The flows with providers that this browser has begun: whoever comes back from one, on another page, must know by which
// key. Each is `{ provider, key, state, flow, callback, at }`; `flow` is the secret of one without a key.

import { inTime } from "./keys.js";

const LIFE = 600_000; // milliseconds for which the server knows a flow
const KEPT = 86_400_000; // milliseconds for which `redoOAuth` knows where a provider leads
const MOST = 9;

const attempt = (read) => {
  try {
    return read();
  } catch {
    return undefined; // a storage that is denied, or damaged
  }
};
const isYoung = ({ at }) => at > Date.now() - LIFE;
const ended = (flow) => ({ ...flow, state: undefined, flow: undefined });

// Does a provider's answer stand in this query?
export const isAnswer = (query) => [...query.keys()].some((name) => /^(code|error|state|oauth)/.test(name));

// What an earlier page has left, the latest first.
function parse(text) {
  const flows = attempt(() => JSON.parse(text).filter(({ at }) => at > Date.now() - KEPT)) ?? [];
  return flows.map((flow) => (isYoung(flow) ? flow : ended(flow)));
}

// Two tabs at once must not disturb each other: what this one has begun is in its own storage, and also in the client's,
// for a provider may come back in another tab.
export function flowsOf({ key, outside, binds }, keys) {
  const name = `${key}.flow`;
  let text = null;
  const page = { getItem: () => text, setItem: (_, value) => (text = value), removeItem: () => (text = null) };
  const tab = attempt(() => document && sessionStorage) ?? page;
  const stores = [...new Set([tab, page, outside ?? page])];
  const here = () => [tab, page].flatMap((store) => parse(attempt(() => store.getItem(name))));
  const make = async () => (binds ? keys().make() : "");

  // All that is remembered, once that is changed; what is over does not stay stored.
  const update = async (change = (flows) => flows) => {
    const all = stores.map(async (store) => {
      let flows = [];
      const access = async () => {
        const before = (await store.getItem(name)) ?? null;
        flows = change(parse(before));
        const after = flows.length ? JSON.stringify(flows) : null;
        if (after !== before) await (after ? store.setItem(name, after) : store.removeItem(name));
      };
      await inTime(access()).catch(() => {});
      return flows;
    });
    return (await Promise.all(all)).flat();
  };

  return {
    // The key of whoever begins a flow and is nobody yet, this one if it is still there: it must outlive the page. Without
    // one the server gives a secret.
    async fresh(known) {
      if (known && (await keys().stored(known).catch(() => {}))) return known;
      const id = await make();
      return id && keys().keep(id, "loose").then(() => id, () => "");
    },

    // The key that this tab's last flow was begun with: the next session's, too, so that whoever must sign in anew to link
    // (`REAUTH_REQUIRED`) can end the flow.
    next: () => here().filter(isYoung)[0]?.key,

    // What came of a flow is not over: whoever registers must be who was asked for consent.
    async keep({ provider, key, known }) {
      if (!known && key) await keys().keep(key, "loose").catch(() => {});
      await this.add(known ?? { provider, key });
    },

    async add(flow) {
      const begun = { ...flow, at: Date.now() };
      const isOther = ({ provider, state }) => provider !== flow.provider || state !== flow.state;
      await update((flows) => [begun, ...flows.filter(isOther)].slice(0, MOST));
    },

    // A session of this key is over, and what this tab has begun with it. Has another tab begun something with the key?
    async end(key) {
      const own = here().filter((flow) => isYoung(flow) && (flow.key === key || flow.flow)).map(({ at }) => at);
      const end = (flow) => (own.includes(flow.at) ? ended({ ...flow, at: flow.at - LIFE }) : flow);
      return (await update((flows) => flows.map(end))).some((flow) => flow.key === key && isYoung(flow));
    },

    // The flow of this state, or else the last: of this tab, or of any.
    async find(provider, state) {
      const own = (await update()).filter((flow) => flow.provider === provider);
      return own.find((flow) => state && flow.state === state) ?? own[0];
    },

    // What a call is to show that ends a flow: nothing of a key where it is made by the signed-in user.
    async of(provider, { callback, state, token } = {}, asUser) {
      const query = attempt(() => new URL(callback).searchParams);
      const known = token ? undefined : await this.find(provider, state ?? query?.get("state"));
      // An address with an answer in it may be made up by somebody else, and what is linked stays: there the answer must name
      // its flow, or have a nonce in it.
      const isNamed = asUser || state || !query || isAnswer(query);
      const own = here().find((flow) => flow.provider === provider);
      return {
        provider,
        key: asUser ? undefined : `${known?.key || (await make())}`,
        flow: known?.flow,
        state: isNamed ? undefined : own?.state,
        known,
      };
    },
  };
}
