import { AuthClient } from "/pkg/index.js";
import { sendCode } from "./code.js";
import { deviceId } from "./device.js";
import { offerProviders } from "./providers.js";

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);

$("login").addEventListener("submit", auth.login);

// For an account that is not confirmed yet, the mail can be sent again.
$("login").addEventListener("doorward:error", ({ detail }) => {
  $("resend").hidden = detail.code !== "SIGNUP_CONFIRMATION_NEEDED";
});
$("resend").addEventListener("submit", (event) => {
  auth.resendSignupConfirmation(event).then(
    () => ($("resent").value = "The mail is on its way."),
    () => {},
  );
});

// A code instead of the password. Disabled parts of a form are not sent.
$("send").addEventListener("click", () => sendCode(auth, $("login")));
$("codes").addEventListener("click", async () => {
  if (!$("with-code").disabled) useCode(false);
  else if (await sendCode(auth, $("login"))) useCode(true);
});
for (const way of $("login").elements.by) way.addEventListener("change", () => useCode(false));

function useCode(wanted) {
  $("with-code").disabled = !wanted;
  $("with-password").disabled = wanted;
  $("codes").textContent = wanted ? "Use the password instead" : "Send me a code instead";
  if (wanted) $("code").focus();
}

// The id of this device is a field as well.
$("device").addEventListener("submit", (event) => {
  event.target.elements.device_id.value = deviceId();
  auth.login(event);
});

offerProviders(auth, $("providers"), "Sign in with");
