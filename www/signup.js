import { AuthClient } from "/pkg/doorward.js";
import { carryEmail } from "./email.js";
import { show } from "./form-errors.js";

const auth = new AuthClient();
const form = document.querySelector("#signup");
carryEmail(form);

form.addEventListener("submit", (event) => {
  const atOnce = event.submitter?.id === "at-once";
  const options = atOnce ? { login: true } : { signup_confirmation: true };
  show(form, auth.signup(event, options));
});

form.email.addEventListener("change", async () => {
  const hint = document.querySelector("#taken");
  const status = await auth.checkEmail(form.email.value).catch(() => null);
  hint.textContent = status?.data.registered ? "This address has an account." : "";
});
