import { AuthClient } from "/pkg/index.js";

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);

// Also when another tab signs in or out.
auth.onAuthStateChange((event, session) => {
  if (event === "WARNING") return;
  $("out").hidden = Boolean(session);
  $("in").hidden = !session;
  if (session && event !== "TOKEN_REFRESHED") show();
});

// The field `scope` of each form selects the sessions that end.
on($("everywhere"), auth.logout, "Signed out everywhere.");
on($("others"), auth.logout, "Signed out everywhere else.");

function on(form, call, done) {
  form.addEventListener("submit", (event) =>
    call(event).then(
      () => show(done),
      () => {},
    ),
  );
}

async function show(done = "") {
  const sessions = await auth.listSessions().catch(() => []);
  $("sessions").replaceChildren(...sessions.map(item));
  $("said").value = done;
}

/** @param {import("/pkg/index.js").SessionInfo} session */
function item({ id, current, user_agent, ip, last_seen_at }) {
  const entry = document.createElement("li");
  const device = Object.assign(document.createElement("strong"), { textContent: deviceName(user_agent) });
  const facts = `${ip ?? "unknown address"}, last used ${new Date(last_seen_at).toLocaleString()}`;
  entry.append(device, Object.assign(document.createElement("span"), { textContent: facts }));
  if (current) {
    const badge = Object.assign(document.createElement("span"), { className: "badge", textContent: "This browser" });
    badge.toggleAttribute("data-yes", true);
    entry.append(badge);
  } else {
    const form = $("revoke").content.cloneNode(true).firstElementChild;
    form.elements.id.value = id;
    form.querySelector("button").setAttribute("aria-label", `Sign out ${device.textContent}, ${facts}`);
    on(form, auth.revokeSession, "Signed out there.");
    entry.append(form);
  }
  return entry;
}

// Enough to distinguish sessions; the full user agent is too long.
function deviceName(agent = "") {
  const browser = ["Firefox", "Edg", "OPR", "Chrome", "Safari"].find((name) => agent.includes(name));
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux"].find((name) => agent.includes(name));
  const names = { Edg: "Edge", OPR: "Opera", "Mac OS": "macOS" };
  return (
    [browser, system]
      .filter(Boolean)
      .map((name) => names[name] ?? name)
      .join(" on ") || "A browser"
  );
}
