// The frame of every page: the signed-in user, the choice of a method, names typed on the previous page, captchas,
// buttons that show a password, the source.

import { AuthClient } from "/pkg/index.js";
import "./captcha.js";
import { carryNames } from "./carry.js";
import { chooseWay, offer } from "./choice.js";
import { nameOf } from "./name.js";

// A second client on the page: all clients of an origin share one session.
const auth = new AuthClient();
const link = document.querySelector(".session");
auth.onAuthStateChange((event, session) => {
  if (event === "WARNING") return;
  link.toggleAttribute("data-in", Boolean(session));
  link.href = session ? "/account" : "/login";
  link.firstElementChild.textContent = session ? nameOf(session.user) : "Signed out";
});

for (const form of document.querySelectorAll("form[data-carry]")) carryNames(form);
for (const form of document.forms) if (form.elements.by) chooseWay(form);
if (document.querySelector("[data-needs]")) offer(auth);

for (const input of document.querySelectorAll("input[type=password]")) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "reveal" });
  const turn = (visible) => {
    input.type = visible ? "text" : "password";
    button.textContent = visible ? "Hide" : "Show";
    button.setAttribute("aria-label", `${button.textContent} the password`);
  };
  turn(false);
  button.addEventListener("click", () => turn(input.type === "password"));
  // A password manager and the browser's history should see a password field.
  input.form.addEventListener("submit", () => turn(false), true);
  input.after(button);
}

// Last, because it waits for the network.
import("./source.js");
