import { AuthClient } from "/pkg/doorward.js";
import { solution, telling } from "./captcha.js";
import { carryNames } from "./carry.js";
import { show } from "./form-errors.js";

const auth = new AuthClient({ fetch: telling });
const byLink = document.querySelector("#by-link");
const byCode = document.querySelector("#by-code");
carryNames(byCode);

// The mailed link ends here. Only the click uses it: mail scanners open links, too.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
byLink.hidden = !token;
byCode.hidden = Boolean(token);
if (token) history.replaceState(null, "", location.pathname);
// A link that is opened in the tab that waits for it changes the fragment only.
addEventListener("hashchange", () => location.reload());

byLink.addEventListener("submit", (event) => {
  event.preventDefault();
  const call = auth.verifyAccount(token);
  show(byLink, call);
  call.then(
    () => location.assign("/login#confirmed"),
    () => { byCode.hidden = false; },
  );
});

byCode.addEventListener("submit", (event) => show(byCode, auth.verifyEmail(event)));

document.querySelector("#again").addEventListener("click", () => {
  if (!byCode.email.reportValidity()) return;
  const call = auth.resendVerification(byCode.email.value, solution(byCode));
  show(byCode, call, "If the address waits for it, a new mail is on its way.");
});
