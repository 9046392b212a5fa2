import { AuthClient } from "/pkg/index.js";
import { telling } from "./captcha.js";
import { carryNames } from "./carry.js";
import { chooseWay, offer } from "./choice.js";
import { show } from "./form-errors.js";

const auth = new AuthClient({ fetch: telling });
const form = document.querySelector("#forgot");
carryNames(form);
chooseWay(form);
offer(auth);

form.addEventListener("submit", (event) => show(form, auth.forgotPassword(event)));
