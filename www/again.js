// For calls that need a recent sign-in: asks for it in a dialog, and then submits the form again.

import { AuthClient } from "/pkg/index.js";
import { sendCode } from "./code.js";
import { deviceId } from "./device.js";
import { providerButtons, providersOf } from "./providers.js";

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);

document.addEventListener("doorward:error", async (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (event.detail.code !== "REAUTH_REQUIRED") return;
  event.preventDefault();
  if (await signInAgain()) return form.requestSubmit();
  const output = form.querySelector("output");
  if (output) output.value = "Nothing was changed.";
});

/** Opens the dialog. Resolves with true if the user has signed in again. */
export async function signInAgain() {
  const dialog = $("again");
  const form = dialog.querySelector("form");
  const { elements } = form;
  const { email, username, phone_number, phone_number_verified, user_id } = /** @type {NonNullable<typeof auth.user>} */ (auth.user);
  const linked = (await auth.listIdentities().catch(() => [])).map(({ provider }) => provider);
  const providers = (await providersOf(auth)).filter((provider) => linked.includes(provider));
  // The name with which this user signs in; a provider alone if there is no name.
  const name = email ? { email } : phone_number_verified ? { phone_number } : username ? { username } : {};
  const [[kind] = []] = Object.entries(name);
  const byDevice = !kind && (linked.includes("device") || providers.length === 0);
  const known = { ...name, device_id: byDevice ? deviceId() : "" };
  for (const field of ["email", "phone_number", "username", "device_id"]) elements[field].value = known[field] ?? "";
  const useCode = (wanted) => {
    $("again-with-code").disabled = !wanted;
    $("again-with-password").disabled = wanted || !kind;
    $("again-send").textContent = wanted ? "Use the password instead" : "Send me a code instead";
  };
  form.querySelector("output").value = "";
  $("again-password").value = $("again-code").value = "";
  useCode(false);
  $("again-name").value = name[kind] ?? "";
  $("again-name").parentElement.hidden = !kind;
  $("again-send").hidden = !kind || kind === "username";
  form.querySelector("button:not([type])").hidden = !kind && !byDevice;
  // The provider's page replaces this one; the user repeats the action afterwards.
  providerButtons(auth, $("again-with-provider"), providers, "Sign in with");

  return new Promise((resolve) => {
    // Without auto_register: an id that this device has lost would create an account.
    form.onsubmit = (event) =>
      auth.login(event, { auto_register: false }).then(
        (user) => resolve(user.user_id === user_id),
        () => {},
      );
    $("again-send").onclick = async () => {
      elements.by.value = kind === "email" ? "email" : "phone";
      if (!$("again-with-code").disabled) useCode(false);
      else if (await sendCode(auth, form)) useCode(true);
    };
    $("again-not").onclick = () => dialog.close();
    // The Escape key closes it, too.
    dialog.onclose = () => resolve(false);
    dialog.showModal();
  }).finally(() => dialog.close());
}
