import { AuthClient } from "/pkg/index.js";
import { solution } from "./captcha.js";
import { say } from "./say.js";

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);
const [byLink, byCode, claim] = ["by-link", "by-code", "claim"].map($);

// The mailed link leads here. Only the click uses its token, because mail scanners open links.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
byLink.hidden = !token;
byCode.hidden = Boolean(token);
if (token) history.replaceState(null, "", location.pathname);
byLink.elements.token.value = token ?? "";
// A link opened in the waiting tab changes only the fragment.
addEventListener("hashchange", () => location.reload());

for (const form of [byLink, byCode, claim]) form.addEventListener("submit", auth.verifyEmail);

// In another browser than that of the sign-up, link and code stay valid for a second try with the password.
document.addEventListener("doorward:error", (event) => {
  if (event.target === byLink) byCode.hidden = false;
  if (event.detail.code !== "PASSWORD_REQUIRED") return;
  event.preventDefault();
  const { elements } = /** @type {any} */ (event.target);
  for (const { name, value } of elements) if (claim.elements[name]) claim.elements[name].value = value;
  byLink.hidden = byCode.hidden = true;
  claim.hidden = false;
  $("password").focus();
});

$("unknown").addEventListener("click", ({ target }) => {
  Object.assign($("password"), { name: "new_password", autocomplete: "new-password", value: "" }).focus();
  claim.querySelector("label").textContent = "New password";
  $("why").textContent = "A new password makes the account yours alone: everything that was set up in it before is removed.";
  target.remove();
});

$("again").addEventListener("click", () => {
  if (!byCode.elements.email.reportValidity()) return;
  const call = auth.resendVerification(byCode.elements.email.value, solution(byCode));
  say(byCode, call, "If the address needs a confirmation, a new mail is on its way.");
});
