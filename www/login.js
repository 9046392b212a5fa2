import { AuthClient } from "/pkg/index.js";
import { solution, telling } from "./captcha.js";
import { carryNames } from "./carry.js";
import { chooseWay, offer } from "./choice.js";
import { sendCode } from "./code.js";
import { deviceId } from "./device.js";
import { show } from "./form-errors.js";
import { offerProviders } from "./providers.js";

const auth = new AuthClient({ fetch: telling });
const $ = (id) => document.getElementById(id);
const form = $("login");
carryNames(form);
chooseWay(form, (way) => {
  // No code can be sent to a username.
  if (way === "username") useCode(false);
  $("codes").dataset.needs = `${way}_code`;
  offer(auth);
});

// `login` goes by what is filled in. The parts that are not wanted are disabled.
form.addEventListener("submit", (event) => {
  const call = auth.login(event);
  show(form, call.catch(explain));
  call.catch(({ code }) => {
    $("resend").hidden = code !== "SIGNUP_CONFIRMATION_NEEDED";
  });
});

$("codes").addEventListener("click", async () => {
  if (!$("with-code").disabled) useCode(false);
  else if (await sendCode(auth, form)) useCode(true);
});
$("send").addEventListener("click", () => sendCode(auth, form));

function useCode(wanted) {
  $("with-code").disabled = !wanted;
  $("with-password").disabled = wanted;
  $("codes").textContent = wanted ? "Use the password instead" : "Send me a code instead";
  if (wanted) form.elements.code.focus();
}

$("device").addEventListener("click", () => {
  const call = Promise.resolve().then(() => auth.login({ device_id: deviceId() }, solution(form)));
  show(form, call);
  call.then(() => location.assign("/account"), () => {});
});

$("resend").addEventListener("click", () => {
  show(form, auth.resendSignupConfirmation(solution(form)), "The mail is on its way.");
});

offerProviders(auth, $("providers"), "Sign in with");

function explain(error) {
  if (error.code !== "NOT_FOUND") throw error;
  throw new Error("The code is right, but there is no account yet. Create one first.");
}
