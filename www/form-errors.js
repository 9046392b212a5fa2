// Shows what a form's call led to: busy, an error beside its field, or a message below its buttons.

import { ask, dismiss } from "./captcha.js";

/** Follows one call of `form`; what there is to say goes into the form's `<output>`. */
export async function show(form, call, done = "") {
  form.setAttribute("aria-busy", "true");
  say(form, "");
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    if (!control.validationMessage) tell(control, "");
  }
  try {
    await call;
    dismiss(form);
    say(form, done);
  } catch (error) {
    if (error.captcha?.image) ask(form, error.captcha);
    else dismiss(form);
    const control = error.field && form.elements.namedItem(error.field);
    if (control?.willValidate) tell(control, error.message);
    else say(form, error.message, true);
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function say(form, message, bad = false) {
  const output = form.querySelector("output");
  output.classList.toggle("bad", bad);
  output.value = message;
}

/** Ties `message` to its control, for eyes and for screen readers; an empty one takes it away. */
function tell(control, message) {
  const id = `${control.id}-error`;
  const before = (control.getAttribute("aria-describedby") ?? "").split(" ");
  const others = before.filter((name) => name && name !== id);
  document.getElementById(id)?.remove();
  if (message) {
    const error = Object.assign(document.createElement("span"), { id, className: "error", textContent: message });
    control.closest("p").append(error);
    control.closest("details")?.setAttribute("open", "");
    control.setAttribute("aria-invalid", "true");
    others.push(id);
  } else {
    control.removeAttribute("aria-invalid");
  }
  control.setAttribute("aria-describedby", others.join(" "));
}

// The browser's own checks and the SDK's both arrive here. With the text beside the field no bubble is needed.
document.addEventListener("invalid", (event) => {
  event.preventDefault();
  tell(event.target, event.target.validationMessage);
  queueMicrotask(() => event.target.form.querySelector("[aria-invalid]")?.focus());
}, true);

// The SDK takes its error back on the next input; what is left then is the browser's own.
document.addEventListener("input", (event) => {
  for (const control of event.target.form?.querySelectorAll("[aria-invalid]") ?? []) {
    tell(control, control.validationMessage);
  }
});
