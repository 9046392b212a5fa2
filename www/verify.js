import { AuthClient } from "/pkg/index.js";
import { solution, telling } from "./captcha.js";
import { carryNames } from "./carry.js";
import { show } from "./form-errors.js";

const auth = new AuthClient({ fetch: telling });
const byLink = document.querySelector("#by-link");
const byCode = document.querySelector("#by-code");
const claim = document.querySelector("#claim");
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
    (error) => { byCode.hidden = asksForPassword(error, { token }); },
  );
});

byCode.addEventListener("submit", (event) => {
  const call = auth.verifyEmail(event);
  show(byCode, call);
  call.catch((error) => asksForPassword(error, { email: byCode.email.value, code: byCode.code.value }));
});

// Another browser than the one that has signed up: link and code stay good for a second try.
function asksForPassword(error, proof) {
  if (error.code !== "PASSWORD_REQUIRED") return false;
  for (const [name, value] of Object.entries(proof)) claim.elements.namedItem(name).value = value;
  byLink.hidden = byCode.hidden = true;
  claim.hidden = false;
  claim.querySelector("#password").focus();
  return true;
}

claim.addEventListener("submit", (event) => show(claim, auth.verifyEmail(event)));

document.querySelector("#unknown").addEventListener("click", ({ target }) => {
  const input = claim.querySelector("#password");
  input.name = "new_password";
  input.autocomplete = "new-password";
  input.value = "";
  claim.querySelector("label").textContent = "New password";
  document.querySelector("#why").textContent =
    "With a new password the account becomes yours alone: what was set up in it before ends.";
  target.remove();
  input.focus();
});

document.querySelector("#again").addEventListener("click", () => {
  if (!byCode.email.reportValidity()) return;
  const call = auth.resendVerification(byCode.email.value, solution(byCode));
  show(byCode, call, "If the address waits for it, a new mail is on its way.");
});
