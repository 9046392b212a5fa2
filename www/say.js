// Says in a form's <output> how a call went that was not given the form: there the SDK shows errors by itself.

import { ask, dismiss } from "./captcha.js";

/** Resolves with whether it went well. */
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
