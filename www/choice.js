// Forms with a choice of a name and of the sign-in methods that the server offers. frame.js adds this to every page.

/** Enables only the parts of the chosen method: `data-by` names the methods of a part. */
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

// Until the server has responded, a page offers passwords only.
let methods = ["password"];

/** Shows the parts whose method is on at the server. */
export async function offer(auth) {
  ({ methods } = await auth.getSettings().catch(() => ({ methods })));
  showOffered();
}

// `data-needs` names the method; its star stands for the chosen name.
function showOffered() {
  for (const part of document.querySelectorAll("[data-needs]")) {
    part.hidden = !methods.includes(part.dataset.needs.replace("*", part.form?.elements.by?.value));
  }
}
