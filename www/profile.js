import { AuthClient } from "/pkg/doorward.js";

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
  $("who").textContent = user.name ?? user.email;
  $("initial").textContent = [...$("who").textContent][0]?.toUpperCase() ?? "";
  $("mail").textContent = user.name ? user.email : "";
  $("verified").textContent = user.email_verified ? "confirmed" : "not confirmed";
  $("verified").toggleAttribute("data-yes", user.email_verified);
  list("fields", user);
  list("session", {
    token_type: session.token_type,
    access_token: `${session.access_token.length} characters`,
    expires_at: session.expires_at * 1000,
    persistence: auth.persistence,
  });
}

function list(id, facts) {
  $(id).replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [
    Object.assign(document.createElement("dt"), { textContent: name }),
    Object.assign(document.createElement("dd"), { textContent: text(name, value) }),
  ]));
}

function text(name, value) {
  if (/_at$|^last_/.test(name)) return new Date(value).toLocaleString();
  if (typeof value === "object") return Object.values(value).join(", ") || "none";
  return String(value);
}
