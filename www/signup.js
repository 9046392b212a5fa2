import { AuthClient } from "/pkg/index.js";
import { telling } from "./captcha.js";
import { carryNames } from "./carry.js";
import { chooseWay, offer } from "./choice.js";
import { sendCode } from "./code.js";
import { show } from "./form-errors.js";
import { offerProviders } from "./providers.js";

const auth = new AuthClient({ fetch: telling });
const $ = (id) => document.getElementById(id);
const form = $("signup");
carryNames(form);
offer(auth);
chooseWay(form, (way) => {
  // Only an address is there to be confirmed; a code by SMS has proven the number.
  const byMail = way === "email";
  $("at-once").hidden = !byMail;
  $("create").toggleAttribute("formaction", !byMail);
  if (!byMail) $("create").formAction = "/profile";
  $("password").required = way !== "phone";
  $("optional").hidden = way !== "phone";
});

form.addEventListener("submit", (event) => {
  const confirms = event.submitter?.id === "create" && form.elements.by.value === "email";
  const options = confirms ? { signup_confirmation: true } : { login: true };
  show(form, auth.signup(event, options));
});

$("send").addEventListener("click", () => sendCode(auth, form));

form.email.addEventListener("change", async () => {
  const status = await auth.checkEmail(form.email.value).catch(() => null);
  $("taken").textContent = status?.data.registered ? "This address has an account." : "";
});

offerProviders(auth, $("providers"), "Sign up with");
