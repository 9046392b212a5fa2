// Renders the list and updates it every second. New rows are added above the others, which stay in place.
const at = (id) => document.getElementById(id);
const mails = new Map();
let shown = null;
let chosen = "html";

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch("mailbox.json", { cache: "no-store" });
  if (!answer.ok) return;
  const now = await answer.json();
  const ids = new Set(now.map((mail) => mail.id));
  for (const [id, { row }] of mails) {
    if (ids.has(id)) continue;
    row.remove();
    mails.delete(id);
  }
  for (const mail of now.toReversed()) {
    if (mails.has(mail.id)) continue;
    const row = draw(mail);
    mails.set(mail.id, { mail, row });
    at("list").prepend(row);
  }
  at("none").hidden = mails.size > 0;
  if (shown && !mails.has(shown)) { shown = null; at("mail").hidden = true; }
  if (!shown && now[0]) show(now[0].id);
}

function draw(mail) {
  const row = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  for (const [tag, text] of [["strong", mail.subject ?? "SMS"], ["span", mail.to], ["span", time(mail)]]) {
    const line = document.createElement(tag);
    line.textContent = text;
    button.append(line);
  }
  button.addEventListener("click", () => show(mail.id));
  row.append(button);
  return row;
}

function show(id) {
  const { mail } = mails.get(id);
  shown = id;
  for (const [other, { row }] of mails) row.firstChild.setAttribute("aria-current", String(other === id));
  at("subject").textContent = mail.subject ?? "SMS";
  at("to").textContent = mail.to;
  at("when").textContent = time(mail);
  at("when").dateTime = mail.sent_at;
  at("take").hidden = !mail.code && !mail.link;
  at("code-part").hidden = !mail.code;
  at("code").textContent = mail.code ?? "";
  at("link-part").hidden = !mail.link;
  at("link").href = mail.link ?? "";
  at("link-text").textContent = mail.link ?? "";
  at("part-text").textContent = mail.text;
  at("part-text").classList.toggle("sms", !mail.html);
  at("frame").src = mail.html ? `mailbox/${encodeURIComponent(id)}` : "about:blank";
  // An SMS has no HTML part.
  at("tabs").hidden = !mail.html;
  at("part-html").hidden = !mail.html || chosen !== "html";
  at("part-text").hidden = !at("part-html").hidden;
  at("mail").hidden = false;
}

function choose(part) {
  chosen = part;
  for (const name of ["html", "text"]) {
    at(`part-${name}`).hidden = name !== part;
    at(`tab-${name}`).setAttribute("aria-selected", String(name === part));
    at(`tab-${name}`).tabIndex = name === part ? 0 : -1;
  }
  at(`tab-${part}`).focus();
}

const time = (mail) => new Date(mail.sent_at).toLocaleTimeString();

at("tab-html").addEventListener("click", () => choose("html"));
at("tab-text").addEventListener("click", () => choose("text"));
at("tabs").addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft" || event.key === "ArrowRight") choose(at("part-html").hidden ? "html" : "text");
});
at("copy").addEventListener("click", () => navigator.clipboard.writeText(at("code").textContent));
at("clear").addEventListener("click", async () => {
  await fetch("mailbox.json", { method: "DELETE" });
  await refresh();
});
document.addEventListener("visibilitychange", refresh);
// Continues after an error, because the server may be restarting.
const again = () => refresh().catch(() => {}).finally(() => setTimeout(again, 1000));
again();
