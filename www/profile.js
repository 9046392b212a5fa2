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

// What the browser remembers is shown at once; this asks the server.
act(auth.getProfile());

on("reload", () => act(auth.getProfile(), "Reloaded"));
on("refresh", () => act(auth.getProfile({ refreshToken: true }), "Refreshed"));
$("logout").addEventListener("submit", auth.logout);

function on(id, action) {
  $(id).addEventListener("submit", (event) => {
    event.preventDefault();
    action();
  });
}

async function act(call, done) {
  try {
    await call;
    render(await auth.getSession());
    if (done) $("said").value = `${done} at ${clock()}.`;
  } catch (error) {
    $("said").value = error.message;
  }
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
  $("session").replaceChildren(...facts({
    token_type: session.token_type,
    access_token: `${session.access_token.length} characters`,
    expires_at: session.expires_at * 1000,
    persistence: auth.persistence,
  }));
}
