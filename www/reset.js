import { AuthClient } from "/pkg/index.js";

const auth = new AuthClient();
const form = document.querySelector("#reset");

// The mailed link ends here. Its token is in the fragment: no server's log sees it.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  document.querySelector("#by-code").disabled = true;
  form.elements.token.disabled = false;
  form.elements.token.value = token;
  history.replaceState(null, "", location.pathname);
}
// A link that is opened in the tab that waits for it changes the fragment only.
addEventListener("hashchange", () => location.reload());

form.addEventListener("submit", auth.resetPassword);
