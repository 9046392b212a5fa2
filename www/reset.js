import { AuthClient } from "/pkg/index.js";
import { telling } from "./captcha.js";
import { carryNames } from "./carry.js";
import { chooseWay, offer } from "./choice.js";
import { show } from "./form-errors.js";

const auth = new AuthClient({ fetch: telling });
const form = document.querySelector("#reset");
carryNames(form);
chooseWay(form);
offer(auth);

// The mailed link ends here. Its token is in the fragment: no server's log sees it.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  document.querySelector("#by-code").disabled = true;
  form.token.disabled = false;
  form.token.value = token;
  history.replaceState(null, "", location.pathname);
}
// A link that is opened in the tab that waits for it changes the fragment only.
addEventListener("hashchange", () => location.reload());

form.addEventListener("submit", (event) => show(form, auth.resetPassword(event)));
