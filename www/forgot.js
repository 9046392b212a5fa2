import { AuthClient } from "/pkg/doorward.js";
import { carryEmail } from "./email.js";
import { show } from "./form-errors.js";

const auth = new AuthClient();
const form = document.querySelector("#forgot");
carryEmail(form);

form.addEventListener("submit", (event) => show(form, auth.forgotPassword(event)));
