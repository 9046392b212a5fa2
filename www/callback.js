import { AuthClient } from "/pkg/doorward.js";
import { freshly } from "./again.js";
import { show } from "./form-errors.js";
import { callbackOf, titleOf } from "./providers.js";

// First of all the code leaves the address: no history, no reload and nothing on the page gets to see it.
const address = location.href;
history.replaceState(null, "", location.pathname);

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);
const asked = new URL(address).searchParams;
const provider = asked.get("provider") ?? "";
const intent = asked.get("intent") ?? "register";
const title = provider && titleOf(provider);

if (provider) finish();
else fail(new Error("This page is where providers lead back to."));

async function finish() {
  const login = () => auth.login(provider, { callback: address }, intent);
  try {
    // Linking needs a sign-in a moment ago. The answer is as good after that.
    const { type, data } = await (intent === "link" ? freshly(auth, login) : login());
    if (type === "LoginExisting") location.replace("/profile");
    if (type === "LoginLinked") location.replace("/account#linked");
    if (type === "LoginOAuth") askTheRest(data);
  } catch (error) {
    fail(error);
  }
}

// Somebody new. The account gets what they leave in the form.
function askTheRest({ oauthKey, email, name }) {
  const form = $("rest");
  const { elements } = form;
  $("who").textContent = title;
  elements.oauthKey.value = oauthKey;
  elements.email.defaultValue = email ?? "";
  elements.name.defaultValue = name ?? "";
  $("known").textContent = email
    ? `From ${title}. A mail asks you to confirm it if ${title} has not, or if you take another.`
    : `${title} did not name one. You can do without.`;
  turnTo("new");
  form.addEventListener("submit", (event) => {
    show(form, auth.register(provider, event).catch(explain).then(signIn));
  });
}

// Registering signs nobody in. The provider knows the way by now and asks nothing; X and Apple ask each time.
function signIn() {
  const asks = ["twitter", "apple"].includes(provider);
  return asks ? auth.oauthRedirect(provider, callbackOf(provider)) : auth.redoOAuth(provider);
}

function explain(error) {
  if (error.code !== "EXISTS") throw error;
  const message = `This address has an account. Sign in to it, and link ${title} on its page.`;
  throw Object.assign(new Error(message), { field: "email" });
}

function fail({ code, message, status }) {
  const words = {
    OAUTH_DENIED: `${title} did not sign you in`,
    OAUTH_REUSED: "This sign-in was used already",
    OAUTH_STATE_MISMATCH: "This sign-in did not begin here, or took too long",
    SOCIAL_ACCOUNT_IN_USE: `This ${title} account belongs to another account here`,
    NETWORK: status ? `${title} does not answer` : "The server does not answer",
  };
  $("what").textContent = words[code] ?? (provider ? "That did not work" : "There is nothing to finish here");
  $("why").textContent = message;
  // What nobody has answered yet is as good as before.
  const unheard = ["NETWORK", "TIMEOUT", "OVERLOADED"].includes(code);
  const form = $("retry");
  form.hidden = !provider;
  form.querySelector("button").textContent = unheard ? "Try again" : "Start again";
  form.onsubmit = (event) => {
    event.preventDefault();
    show(form, unheard ? finish() : auth.oauthRedirect(provider, callbackOf(provider, asked.get("intent"))));
  };
  $("elsewhere").href = intent === "link" ? "/account" : "/login";
  $("elsewhere").textContent = intent === "link" ? "Back to your account" : "Other ways to sign in";
  turnTo("failed");
}

function turnTo(part) {
  for (const id of ["wait", "new", "failed"]) $(id).hidden = id !== part;
}
