// The accounts elsewhere that open this one: which they are, another one, one less.

import { freshly } from "./again.js";
import { show } from "./form-errors.js";
import { providerButtons, providersOf, titleOf } from "./providers.js";

/** Makes the part about them work; gives what draws it. */
export function identitiesPart(auth) {
  const part = document.getElementById("identities");
  const form = part.querySelector("form");

  async function draw() {
    const providers = await providersOf(auth);
    const all = await auth.listIdentities().catch(() => []);
    // Devices and ids of other systems are identities, too, and are not linked here.
    const linked = all.filter(({ provider }) => !["device", "custom"].includes(provider));
    const names = linked.map(({ provider }) => provider);
    part.hidden = providers.length + linked.length === 0;
    part.querySelector("[data-shown]").textContent = names.map(titleOf).join(", ") || "none";
    part.querySelector("ul").replaceChildren(...linked.map(row));
    providerButtons(auth, form, providers.filter((name) => !names.includes(name)), "Link", "link");
    form.hidden = false;
  }

  function row({ provider, email, created_at }) {
    const title = titleOf(provider);
    const facts = [email, `since ${new Date(created_at).toLocaleDateString()}`].filter(Boolean).join(", ");
    const button = Object.assign(document.createElement("button"), { className: "quiet", textContent: "Unlink" });
    button.setAttribute("aria-label", `Unlink ${title}`);
    button.addEventListener("click", async () => {
      await show(form, freshly(auth, () => auth.unlink(provider)).catch(explain), `${title} is not linked any more.`);
      await draw();
      part.querySelector("summary")?.focus(); // the button is gone
    });
    const item = document.createElement("li");
    const what = Object.assign(document.createElement("strong"), { textContent: title });
    what.append(Object.assign(document.createElement("span"), { textContent: facts }));
    item.append(what, button);
    return item;
  }
  return draw;
}

function explain(error) {
  if (error.code !== "FORBIDDEN") throw error;
  throw new Error("It is the only way into your account. Confirm an address or set a password first.");
}
