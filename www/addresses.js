// The e-mail address and the phone number: the first one, another one, none. First the codes are sent, then all is sent in.

import { freshly } from "./again.js";
import { solution } from "./captcha.js";
import { show } from "./form-errors.js";

const $ = (id) => document.getElementById(id);

const KINDS = {
  email: {
    field: "email",
    send: (auth, to, options) => auth.sendEmail(to, "CHANGE_EMAIL", options),
    calls: ["bindEmail", "updateEmail", "unbindEmail"],
    // An address that was never proven may be mistyped: no code is asked of it.
    mustProve: (user) => user.email_verified,
    has: (user) => user.email,
  },
  phone: {
    field: "phone_number",
    send: (auth, to, options) => auth.sendSmsCode(to, "BIND_PHONE", options),
    calls: ["bindPhone", "updatePhone", "unbindPhone"],
    mustProve: () => true,
    // One that was never proven is a line in the profile.
    has: (user) => user.phone_number_verified && user.phone_number,
  },
};

/** Makes the form in the part called `kind` work; gives what draws it for a user. */
export function addressForm(auth, kind, explain) {
  const { field, send, calls, mustProve, has } = KINDS[kind];
  const [bind, change, unbind] = calls;
  const form = $(kind).querySelector("form");
  const part = (name) => form.querySelector(`[data-${name}]`);
  const [codes, old, remove, button] = [part("codes"), part("old"), part("remove"), form.querySelector("button:not([type])")];
  const present = () => has(auth.user);

  const draw = () => {
    const provesOld = Boolean(present() && mustProve(auth.user));
    old.hidden = !provesOld;
    old.querySelector("input").disabled = !provesOld;
    form.elements[`old_${field}`].value = present() || "";
    form.elements[`old_${field}`].disabled = !provesOld;
    remove.hidden = !present();
    button.textContent = codes.disabled ? "Send the code" : present() ? "Change it" : "Add it";
  };
  const askForCodes = (wanted) => {
    codes.disabled = !wanted;
    draw();
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (codes.disabled) {
      const addresses = [form.elements[field].value, !old.hidden && present()].filter(Boolean);
      const call = Promise.all(addresses.map((to) => send(auth, to, solution(form))));
      show(form, call, addresses.length > 1 ? "Two codes are on their way, one to each." : "The code is on its way.");
      call.then(() => askForCodes(true), () => {});
    } else {
      // The address of the signup is proven like a first one.
      const first = !present() || (form.elements[field].value === present() && !mustProve(auth.user));
      const call = freshly(auth, () => auth[first ? bind : change](form));
      show(form, call.catch(explain), "Done.");
      call.then(begin, ({ code }) => code === "EXPIRED_CODE" && askForCodes(false));
    }
  });
  // The codes are good for one address.
  form.elements[field].addEventListener("input", () => askForCodes(false));

  remove.addEventListener("click", () => {
    const call = freshly(auth, () => auth[unbind]());
    show(form, call.catch(explain), "Removed.");
    call.then(begin, () => {});
  });

  function begin() {
    form.reset();
    askForCodes(false);
  }
  return draw;
}
