import { AuthClient } from "/pkg/doorward.js";
import { carryEmail } from "./email.js";
import { show } from "./form-errors.js";

const auth = new AuthClient();
const form = document.querySelector("#login");
const resend = document.querySelector("#resend");
carryEmail(form);

form.addEventListener("submit", (event) => {
  const call = auth.login(event);
  show(form, call);
  call.catch(({ code }) => {
    resend.hidden = code !== "SIGNUP_CONFIRMATION_NEEDED";
  });
});

resend.addEventListener("click", () => {
  show(form, auth.resendSignupConfirmation(), "The mail is on its way.");
});
