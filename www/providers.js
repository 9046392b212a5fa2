// Signing in with a provider: what each is called, a button for each, and the page that it sends people back to.

import { say } from "./say.js";

const NAMES = { google: "Google", microsoft: "Microsoft", apple: "Apple", facebook: "Facebook", twitter: "X" };

/** What people call it. */
export const titleOf = (provider) => (Object.hasOwn(NAMES, provider) ? NAMES[provider] : provider[0].toUpperCase() + provider.slice(1));

/** Every provider has an address of its own, exactly as it stands in the server's list of callbacks. */
export function callbackOf(provider, intent) {
  const address = new URL("/callback", location.href);
  address.searchParams.set("provider", provider);
  if (intent) address.searchParams.set("intent", intent);
  return address.href;
}

/** The names of those that the server has. */
export async function providersOf(auth) {
  const { providers } = await auth.getSettings().catch(() => ({ providers: [] }));
  return providers;
}

/** Offers what the server has, in `form`, which is hidden where it has none. */
export async function offerProviders(auth, form, words) {
  providerButtons(auth, form, await providersOf(auth), words);
}

/** Fills `form` with a button for each of `providers`; a click leads to the provider's own page. */
export function providerButtons(auth, form, providers, words, intent) {
  form.hidden = providers.length === 0;
  for (const old of form.querySelectorAll("button")) old.remove();
  form.querySelector("output").before(
    ...providers.map((value) =>
      Object.assign(document.createElement("button"), {
        name: "provider",
        value,
        className: "quiet",
        textContent: `${words} ${titleOf(value)}`,
      }),
    ),
  );
  form.onsubmit = (event) => {
    event.preventDefault();
    const { value } = event.submitter;
    say(form, auth.oauthRedirect(value, callbackOf(value, intent)));
  };
}
