// Sends a verification code to the address or the number of a form.

import { solution } from "./captcha.js";
import { say } from "./say.js";

/** Resolves with true if the code was sent. */
export async function sendCode(auth, form, scene = "LOGIN") {
  const byPhone = form.elements.by?.value === "phone";
  const control = form.querySelector(`[name="${byPhone ? "phone_number" : "email"}"]:enabled`);
  if (!control.reportValidity()) return false;
  const send = byPhone ? auth.sendSmsCode : auth.sendEmail;
  const call = send(control.value, scene, solution(form));
  return say(form, call, byPhone ? "The SMS is on its way. Its code is valid for a minute." : "The mail is on its way.");
}
