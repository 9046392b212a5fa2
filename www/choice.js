// Forms that leave a choice: of what is known of a person, and of what the server offers. Part of every page, by frame.js.

/** Only the parts of the chosen way count: `data-by` names the ways of a part. */
export function chooseWay(form) {
  const follow = () => {
    const way = form.elements.by.value;
    for (const part of form.querySelectorAll("[data-by]")) {
      part.hidden = part.disabled = !part.dataset.by.split(" ").includes(way);
    }
    showOffered();
  };
  for (const radio of form.querySelectorAll("[name=by]")) radio.addEventListener("change", follow);
  follow();
}

// Until the server has answered, a page offers passwords alone.
let methods = ["password"];

/** Shows what needs a method that the server has switched on. */
export async function offer(auth) {
  ({ methods } = await auth.getSettings().catch(() => ({ methods })));
  showOffered();
}

// `data-needs` names the method; its star stands for the chosen way.
function showOffered() {
  for (const part of document.querySelectorAll("[data-needs]")) {
    part.hidden = !methods.includes(part.dataset.needs.replace("*", part.form?.elements.by?.value));
  }
}
