// The token is in the fragment of the URL, which browsers do not send to a server, so that no log contains it. The script
// moves the token from the address bar into the form. Only a press of the button sends it.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) {
  history.replaceState(null, "", location.pathname);
  document.querySelector("#by-token [name=token]").value = token;
  show("by-token");
}
// If the link is opened in a tab that shows this page, only the fragment changes.
addEventListener("hashchange", () => location.reload());
{% include "once.js" %}
document.querySelector("#use-code").addEventListener("click", () => show("by-code"));
function show(id) {
  for (const part of document.querySelectorAll("#by-token, #by-code")) part.hidden = part.id !== id;
  document.querySelector(`#${id} :is(input:not([type=hidden]), button)`).focus();
}
