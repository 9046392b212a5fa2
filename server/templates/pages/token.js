// The token came in the fragment, which no server and no log sees. It moves into the form and leaves the address
// bar; nothing is sent before somebody presses the button.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  history.replaceState(null, "", location.pathname);
  document.querySelector("#by-token [name=token]").value = token;
  show("by-token");
}
// A link that is opened in the tab that waits for it changes the fragment only.
addEventListener("hashchange", () => location.reload());
{% include "once.js" %}
document.querySelector("#use-code").addEventListener("click", () => show("by-code"));
function show(id) {
  for (const part of document.querySelectorAll("#by-token, #by-code")) part.hidden = part.id !== id;
  document.querySelector(`#${id} :is(input:not([type=hidden]), button)`).focus();
}
