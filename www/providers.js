// Signing in with a provider: the display name and a button of each, and the page that it returns to.

import { say } from "./say.js";

const NAMES = { google: "Google", microsoft: "Microsoft", apple: "Apple", facebook: "Facebook", twitter: "X" };

/** The display name. */
export const titleOf = (provider) => (Object.hasOwn(NAMES, provider) ? NAMES[provider] : provider[0].toUpperCase() + provider.slice(1));

/** Every provider has its own callback URL, exactly as the server's list of callbacks has it. */
export function callbackOf(provider, intent) {
  const address = new URL("/callback", location.href);
  address.searchParams.set("provider", provider);
  if (intent) address.searchParams.set("intent", intent);
  return address.href;
}

/** The names of the server's providers. */
export async function providersOf(auth) {
  const { providers } = await auth.getSettings().catch(() => ({ providers: [] }));
  return providers;
}

/** Adds buttons for the server's providers to `form`, and hides it if there are none. */
export async function offerProviders(auth, form, words) {
  providerButtons(auth, form, await providersOf(auth), words);
}

/** Fills `form` with a button for each of `providers`. A click leads to the provider's page. */
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
