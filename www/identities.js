// The linked provider accounts: listing, linking and unlinking them.

import { providerButtons, providersOf, titleOf } from "./providers.js";

/** Sets up the part about them. Returns the function that draws it. */
export function identitiesPart(auth) {
  const part = document.getElementById("identities");
  const form = part.querySelector("form.providers");

  async function draw() {
    const providers = await providersOf(auth);
    const all = await auth.listIdentities().catch(() => []);
    // Devices and ids of other systems are identities, too, but this page does not link them.
    const linked = all.filter(({ provider }) => !["device", "custom"].includes(provider));
    const names = linked.map(({ provider }) => provider);
    part.hidden = providers.length + linked.length === 0;
    part.querySelector("[data-shown]").textContent = names.map(titleOf).join(", ") || "none";
    part.querySelector("ul").replaceChildren(...linked.map(row));
    providerButtons(
      auth,
      form,
      providers.filter((name) => !names.includes(name)),
      "Link",
      "link",
    );
    form.hidden = false;
  }

  function row({ provider, email, created_at }) {
    const item = document.getElementById("identity").content.cloneNode(true).firstElementChild;
    const unlink = item.querySelector("form");
    item.querySelector("strong").firstChild.data = titleOf(provider);
    item.querySelector("span").textContent = [email, `since ${new Date(created_at).toLocaleDateString()}`].filter(Boolean).join(", ");
    item.querySelector("button").setAttribute("aria-label", `Unlink ${titleOf(provider)}`);
    unlink.elements.provider.value = provider;
    unlink.addEventListener("submit", (event) => {
      auth.unlink(event).then(
        async () => {
          await draw();
          form.querySelector("output").value = `${titleOf(provider)} is not linked any more.`;
          part.querySelector("summary").focus(); // the button is gone
        },
        () => {},
      );
    });
    return item;
  }
  return draw;
}
