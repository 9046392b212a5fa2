import { AuthClient } from "/pkg/doorward.js";

const auth = new AuthClient();

auth.onAuthStateChange((event, session) => {
  document.querySelector("#out").hidden = Boolean(session);
  document.querySelector("#in").hidden = !session;
  document.querySelector("#who").textContent = session?.user.email ?? "";
});

document.querySelector("#logout").addEventListener("submit", auth.logout);
