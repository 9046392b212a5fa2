// Shows the result of a call in a form's <output>. For calls without the form: with a form, the SDK shows errors
// itself.

import { ask, dismiss } from "./captcha.js";

/** Resolves with true on success. */
export async function say(form, call, done = "") {
  const output = form.querySelector("output");
  output.value = "";
  return call.then(
    () => {
      output.value = done;
      dismiss(form);
      return true;
    },
    (error) => {
      output.value = error.message;
      if (error.captcha?.image) ask(form, error.captcha);
      return false;
    },
  );
}
