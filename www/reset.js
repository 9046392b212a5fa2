import { AuthClient } from "/pkg/index.js";

const auth = new AuthClient();
const form = document.querySelector("#reset");

// The mailed link leads here. Its token is in the fragment, so no server logs it.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  document.querySelector("#by-code").disabled = true;
  form.elements.token.disabled = false;
  form.elements.token.value = token;
  history.replaceState(null, "", location.pathname);
}
// A link opened in the waiting tab changes only the fragment.
addEventListener("hashchange", () => location.reload());

form.addEventListener("submit", auth.resetPassword);
