import { AuthClient } from "/pkg/index.js";
import { facts } from "./facts.js";
import { initialOf } from "./name.js";

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);
const id = new URLSearchParams(location.search).get("id");

auth.onAuthStateChange(async (event, session) => {
  if (event === "WARNING" || event === "TOKEN_REFRESHED") return;
  try {
    const person = session && id ? await auth.getUser(id) : null;
    if (person) draw(person);
    $("out").hidden = Boolean(session);
    $("in").hidden = !person;
    $("nobody").hidden = !session || Boolean(person);
  } catch (error) {
    $("said").value = error.message;
  }
});

/** @param {Partial<import("/pkg/index.js").UserProfile>} person */
function draw({ name, nickname, user_id, ...rest }) {
  $("who").textContent = name ?? nickname ?? "Unnamed user";
  $("initial").textContent = initialOf($("who").textContent);
  $("nick").textContent = name && nickname ? nickname : "";
  $("seen").replaceChildren(...facts({ ...rest, user_id }));
}
