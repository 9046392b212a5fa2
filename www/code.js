// Sends a one-time code to the address or the number that a form has.

import { solution } from "./captcha.js";
import { say } from "./say.js";

/** Resolves with whether it was sent. */
export async function sendCode(auth, form, scene = "LOGIN") {
  const byPhone = form.elements.by?.value === "phone";
  const control = form.querySelector(`[name="${byPhone ? "phone_number" : "email"}"]:enabled`);
  if (!control.reportValidity()) return false;
  const send = byPhone ? auth.sendSmsCode : auth.sendEmail;
  const call = send(control.value, scene, solution(form));
  return say(form, call, byPhone ? "The SMS is on its way. Its code is good for a minute." : "The mail is on its way.");
}
