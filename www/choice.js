// Forms that leave a choice: of what is known of a person, and of what the server offers.

/** Only the parts of the chosen way count: `data-by` names the ways of a fieldset. */
export function chooseWay(form, changed = () => {}) {
  const follow = () => {
    const way = form.elements.by.value;
    for (const part of form.querySelectorAll("[data-by]")) {
      part.disabled = !part.dataset.by.split(" ").includes(way);
    }
    changed(way);
  };
  for (const radio of form.querySelectorAll("[name=by]")) radio.addEventListener("change", follow);
  follow();
}

/** Shows what needs a method that the server has switched on: `data-needs` names it. */
export async function offer(auth) {
  // Without an answer the page keeps to what needs none.
  const { methods } = await auth.getSettings().catch(() => ({ methods: ["password"] }));
  for (const part of document.querySelectorAll("[data-needs]")) {
    part.hidden = !methods.includes(part.dataset.needs);
  }
}
