import { AuthClient } from "/pkg/index.js";
import { nameOf } from "./name.js";

const auth = new AuthClient();

auth.onAuthStateChange((_event, session) => {
  document.querySelector("#out").hidden = Boolean(session);
  document.querySelector("#in").hidden = !session;
  document.querySelector("#who").textContent = session ? nameOf(session.user) : "";
});

document.querySelector("#logout").addEventListener("submit", auth.logout);
