// The e-mail address and the phone number: adding, changing and removing them. The first submit sends the codes, the
// second one submits all fields.

import { solution } from "./captcha.js";
import { say } from "./say.js";

const $ = (id) => document.getElementById(id);

const KINDS = {
  email: {
    field: "email",
    send: (auth, to, options) => auth.sendEmail(to, "CHANGE_EMAIL", options),
    calls: ["bindEmail", "updateEmail", "unbindEmail"],
    // An address that was never verified may be mistyped, so it needs no code.
    mustProve: (user) => user.email_verified,
    has: (user) => user.email,
  },
  phone: {
    field: "phone_number",
    send: (auth, to, options) => auth.sendSmsCode(to, "BIND_PHONE", options),
    calls: ["bindPhone", "updatePhone", "unbindPhone"],
    mustProve: () => true,
    // A number that was never verified is only a profile field.
    has: (user) => user.phone_number_verified && user.phone_number,
  },
};

/** Sets up the forms in the part `kind`. Returns the function that draws them for a user. */
export function addressForms(auth, kind) {
  const { field, send, calls, mustProve, has } = KINDS[kind];
  const [bind, change, unbind] = calls;
  const [form, removal] = $(kind).querySelectorAll("form");
  const [codes, old] = ["codes", "old"].map((name) => form.querySelector(`[data-${name}]`));
  const present = () => has(auth.user);

  const draw = () => {
    const provesOld = Boolean(present() && mustProve(auth.user));
    old.hidden = !provesOld;
    old.querySelector("input").disabled = !provesOld;
    form.elements[`old_${field}`].value = present() || "";
    form.elements[`old_${field}`].disabled = !provesOld;
    removal.hidden = !present();
    form.querySelector("button").textContent = codes.disabled ? "Send the code" : present() ? "Change it" : "Add it";
  };
  const askForCodes = (wanted) => {
    codes.disabled = !wanted;
    draw();
  };
  const begin = (done) => {
    form.reset();
    askForCodes(false);
    form.querySelector("output").value = done;
  };

  form.addEventListener("submit", async (event) => {
    if (codes.disabled) {
      event.preventDefault();
      const addresses = [form.elements[field].value, !old.hidden && present()].filter(Boolean);
      const call = Promise.all(addresses.map((to) => send(auth, to, solution(form))));
      const isSent = await say(form, call, addresses.length > 1 ? "Two codes are on their way, one to each." : "The code is on its way.");
      if (isSent) askForCodes(true);
    } else {
      // The address of the signup is verified like a first one.
      const first = !present() || (form.elements[field].value === present() && !mustProve(auth.user));
      auth[first ? bind : change](event).then(
        () => begin("Done."),
        () => {},
      );
    }
  });
  form.addEventListener("doorward:error", ({ detail }) => {
    if (detail.code === "EXPIRED_CODE") askForCodes(false);
  });
  // The codes are valid for one address only.
  form.elements[field].addEventListener("input", () => askForCodes(false));

  removal.addEventListener("submit", (event) =>
    auth[unbind](event).then(
      () => begin("Removed."),
      () => {},
    ),
  );
  return draw;
}
