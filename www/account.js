import { AuthClient } from "/pkg/index.js";
import { addressForms } from "./addresses.js";
import "./again.js";
import { dataForm } from "./data.js";
import { facts } from "./facts.js";
import { identitiesPart } from "./identities.js";
import { nameOf } from "./name.js";
import { say } from "./say.js";

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);
const formOf = (id) => $(id).querySelector("form");
const addresses = ["email", "phone"].map((kind) => addressForms(auth, kind));
const drawData = dataForm(auth);
const drawIdentities = identitiesPart(auth);

let who;
auth.onAuthStateChange((event, session) => {
  if (event === "WARNING" || event === "TOKEN_REFRESHED") return;
  // Another user signed in, in another tab: remove all data of the first one from the page.
  if (session && who && who !== session.user.user_id) return location.reload();
  who = session?.user.user_id ?? who;
  $("out").hidden = Boolean(session);
  $("in").hidden = !session;
  if (session) draw(session.user);
  // The stored user is shown at once; this asks the server.
  if (session && event !== "USER_UPDATED") ask();
});

async function ask() {
  await extraFields();
  if (auth.user) draw(auth.user);
  const user = await auth.getProfile().catch(() => null);
  if (!user) return;
  draw(user);
  drawData();
  drawIdentities();
}

function draw(user) {
  $("who").textContent = nameOf(user);
  const proven = (text, yes) => (text ? `${text}${yes ? "" : " (not confirmed)"}` : "none");
  shown("username", user.username ?? "none");
  shown("email", proven(user.email, user.email_verified));
  shown("phone", proven(user.phone_number, user.phone_number_verified));
  shown("profile", user.name ?? "");
  for (const id of ["username", "profile", "others"]) fill(formOf(id), user);
  for (const drawAddress of addresses) drawAddress();
  $("send").hidden = !user.email_verified && !user.phone_number_verified;
  others(user);
}

function shown(id, text) {
  $(id).querySelector("[data-shown]").textContent = text;
}

// Sets only the defaults, which untouched controls show, so unsaved input stays.
function fill(form, user) {
  const address = typeof user.address === "string" ? { street_address: user.address } : user.address;
  const values = { ...address, ...user };
  for (const control of form.elements) {
    const value = values[control.name.replace("extras.", "")];
    if (control.type === "checkbox") control.defaultChecked = value === true;
    else if (control.name) control.defaultValue = value ?? "";
  }
}

async function others({ user_id }) {
  $("public").href = `/person?id=${user_id}`;
  const seen = await auth.getUser(user_id).catch(() => null);
  if (seen) $("seen").replaceChildren(...facts(seen));
}

// The fields that the operator declares, from the server's settings.
async function extraFields() {
  const { extras } = await auth.getSettings().catch(() => ({ extras: [] }));
  $("extras").replaceChildren(
    ...extras.map(({ name, type, visibility }) => {
      const row = document.createElement("p");
      const id = `extra-${name}`;
      const words = `${name.replaceAll("_", " ")}${visibility === "public" ? " (others see it)" : ""}`;
      const label = Object.assign(document.createElement("label"), { htmlFor: id, textContent: words });
      const kind = { boolean: "checkbox", number: "number" }[type] ?? "text";
      const control = Object.assign(document.createElement("input"), { id, name: `extras.${name}`, type: kind });
      control.step = "any";
      row.className = type === "boolean" ? "check" : "";
      row.append(...(type === "boolean" ? [control, label] : [label, control]));
      return row;
    }),
  );
}

function on(id, call, done) {
  const form = formOf(id);
  form.addEventListener("submit", (event) => {
    call(event).then(
      () => {
        form.reset();
        form.querySelector("output").value = done;
      },
      () => {},
    );
  });
}

on("username", auth.updateProfile, "Saved.");
on("profile", auth.updateProfile, "Saved.");
on("others", auth.updateProfile, "Saved.");
on("password", auth.updatePassword, "Your new password is set. Other devices are signed out.");
formOf("delete").addEventListener("submit", auth.deleteAccount);
$("logout").addEventListener("submit", auth.logout);

$("send").addEventListener("click", async () => {
  const byCode = $("by-code").disabled;
  if (byCode) {
    const { email, email_verified, phone_number } = /** @type {Required<import("/pkg/index.js").UserProfile>} */ (auth.user);
    const scene = "DELETE_ACCOUNT";
    const call = email_verified ? auth.sendEmail(email, scene) : auth.sendSmsCode(phone_number, scene);
    if (!(await say(formOf("delete"), call, "The code is on its way."))) return;
  }
  $("by-code").disabled = !byCode;
  $("by-password").disabled = byCode;
  $("send").textContent = byCode ? "Use the password instead" : "Send me a code instead";
});
