import { AuthClient } from "/pkg/index.js";
import { facts } from "./facts.js";
import { initialOf, nameOf } from "./name.js";

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);
const clock = () => new Date().toLocaleTimeString();

auth.onAuthStateChange((event, session, detail) => {
  const item = document.createElement("li");
  item.textContent = `${clock()} ${event} ${detail?.code ?? ""}`;
  $("events").prepend(item);
  render(session);
});

// The stored user is shown at once; this asks the server.
auth.getProfile().catch(() => {});

$("reload").addEventListener("submit", (event) =>
  auth.getProfile(event).then(
    () => done("Reloaded"),
    () => {},
  ),
);
$("refresh").addEventListener("submit", (event) => {
  event.preventDefault();
  auth.getProfile({ refreshToken: true }).then(
    () => done("Refreshed"),
    ({ message }) => ($("said").value = message),
  );
});
$("logout").addEventListener("submit", auth.logout);

async function done(what) {
  render(await auth.getSession());
  $("said").value = `${what} at ${clock()}.`;
}

function render(session) {
  $("out").hidden = Boolean(session);
  $("in").hidden = !session;
  if (!session) return;
  const { user } = session;
  $("who").textContent = user.name ?? nameOf(user);
  $("initial").textContent = initialOf($("who").textContent);
  $("mail").textContent = user.name ? nameOf(user) : "";
  $("verified").hidden = !user.email;
  $("verified").textContent = user.email_verified ? "confirmed" : "not confirmed";
  $("verified").toggleAttribute("data-yes", user.email_verified);
  $("fields").replaceChildren(...facts(user));
  $("session").replaceChildren(
    ...facts({
      token_type: session.token_type,
      access_token: `${session.access_token.length} characters`,
      expires_at: session.expires_at * 1000,
      persistence: auth.persistence,
    }),
  );
}
