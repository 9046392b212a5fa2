import { AuthClient } from "/pkg/index.js";
import { sendCode } from "./code.js";
import { offerProviders } from "./providers.js";

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);
const form = $("signup");

form.addEventListener("submit", (event) => {
  // Only an e-mail address needs a confirmation; a code by SMS has already verified the number.
  const confirms = event.submitter?.id === "create" && form.elements.by.value === "email";
  form.setAttribute("action", confirms ? "/verify#sent" : "/profile");
  auth.signup(event, confirms ? { signup_confirmation: true } : { login: true });
});

$("send").addEventListener("click", () => sendCode(auth, form));

form.elements.email.addEventListener("change", async ({ target }) => {
  const status = await auth.checkEmail(target.value).catch(() => null);
  $("taken").textContent = status?.data.registered ? "This address has an account." : "";
});

offerProviders(auth, $("providers"), "Sign up with");
