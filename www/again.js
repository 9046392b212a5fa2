// For what needs a sign-in a moment ago: asks for it in a dialog, and then repeats the call.

import { solution } from "./captcha.js";
import { deviceId } from "./device.js";
import { show } from "./form-errors.js";
import { providerButtons, providersOf } from "./providers.js";

const $ = (id) => document.getElementById(id);

/** Runs `call`; a REAUTH_REQUIRED opens the dialog in between. */
export async function freshly(auth, call) {
  try {
    return await call();
  } catch (error) {
    if (error.code !== "REAUTH_REQUIRED") throw error;
    await signInAgain(auth);
    return call();
  }
}

async function signInAgain(auth) {
  const dialog = $("again");
  const form = dialog.querySelector("form");
  const linked = (await auth.listIdentities().catch(() => [])).map(({ provider }) => provider);
  const providers = (await providersOf(auth)).filter((provider) => linked.includes(provider));
  const ends = new AbortController();
  const on = (target, event, listener) => target.addEventListener(event, listener, { signal: ends.signal });
  const name = nameToSignInBy(auth.user, providers.length > 0 && !linked.includes("device"));
  const [[kind, known] = []] = Object.entries(name);
  const device = kind === "device_id";
  const elsewhere = !kind;
  const { user_id } = auth.user;

  const useCode = (wanted) => {
    $("again-with-code").disabled = !wanted;
    $("again-with-password").disabled = wanted || device || elsewhere;
    $("again-send").textContent = wanted ? "Use the password instead" : "Send me a code instead";
  };
  form.reset();
  useCode(false);
  $("again-name").value = known ?? "";
  $("again-name").parentElement.hidden = device || elsewhere;
  $("again-send").hidden = device || elsewhere || kind === "username";
  form.querySelector("button:not([type])").hidden = elsewhere;
  // It leads away from here; what was to be done is done again after it.
  providerButtons(auth, $("again-with-provider"), providers, "Sign in with");

  return new Promise((resolve, reject) => {
    on(form, "submit", (event) => {
      event.preventDefault();
      const { password, code } = Object.fromEntries(new FormData(form));
      const proof = device ? {} : code === undefined ? { password } : { code };
      // Nobody new: an id that this device has lost would begin an account.
      const call = auth.login({ ...name, ...proof }, { auto_register: false, ...solution(form) });
      show(form, call);
      call.then((user) => {
        if (user.user_id === user_id) resolve();
        else reject(new Error("This device is of another account. You are signed in to that one now."));
      }, () => {});
    });
    on($("again-send"), "click", async () => {
      if (!$("again-with-code").disabled) return useCode(false);
      const send = kind === "email" ? auth.sendEmail : auth.sendSmsCode;
      const call = send(known, "LOGIN", solution(form));
      show(form, call, "The code is on its way.");
      await call.then(() => useCode(true), () => {});
    });
    on($("again-not"), "click", () => dialog.close());
    // Also by the Escape key.
    on(dialog, "close", () => reject(new Error("Nothing was changed.")));
    dialog.showModal();
  }).finally(() => {
    ends.abort();
    dialog.close();
  });
}

function nameToSignInBy({ email, username, phone_number, phone_number_verified }, onlyElsewhere) {
  if (email) return { email };
  if (phone_number_verified) return { phone_number };
  if (username) return { username };
  return onlyElsewhere ? {} : { device_id: deviceId() };
}
