import { AuthClient } from "/pkg/index.js";
import { signInAgain } from "./again.js";
import { callbackOf, titleOf } from "./providers.js";
import { say } from "./say.js";

// Before anything is asked the code leaves the address: no history, no reload and nothing on the page gets to see it. What the
// page itself has put there stays.
const address = location.href;
const asked = new URL(address).searchParams;
const own = new URLSearchParams([...asked].filter(([name]) => name === "provider" || name === "intent"));
history.replaceState(null, "", own.size ? `${location.pathname}?${own}` : location.pathname);

const auth = new AuthClient();
const $ = (id) => document.getElementById(id);
const provider = asked.get("provider") ?? "";
const intent = /** @type {"register" | "link"} */ (asked.get("intent") ?? "register");
const title = provider && titleOf(provider);
const isAnswer = asked.size > own.size;

if (provider && isAnswer) finish();
else fail(new Error("This page is where providers lead back to."));

async function finish() {
  const login = () => auth.login(provider, { callback: address }, intent);
  // Linking needs a sign-in a moment ago. The answer is as good after that.
  const again = async (error) => {
    if (error.code !== "REAUTH_REQUIRED") throw error;
    if (!(await signInAgain())) throw new Error("Nothing was changed.");
    return login();
  };
  try {
    const { type, data } = await login().catch(again);
    if (type === "LoginExisting") location.replace("/profile");
    if (type === "LoginLinked") location.replace("/account#linked");
    if (type === "LoginOAuth") askTheRest(data);
  } catch (error) {
    fail(error);
  }
}

/**
 * Somebody new. The account gets what they leave in the form.
 * @param {{ oauthKey: string, email?: string, name?: string }} found
 */
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
  let made = false; // once the account is there, what is left is to sign in
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    made ||= await auth.register(provider, event).then(
      () => true,
      () => false,
    );
    if (!made || (await say(form, signIn()))) return;
    form.querySelector("button").textContent = `Sign in with ${title}`;
    form.querySelector("output").value = `Your account is there. ${form.querySelector("output").value}`;
  });
}

// Registering signs nobody in. The provider knows the way by now and asks nothing; X and Apple ask each time.
function signIn() {
  const asks = ["twitter", "apple"].includes(provider);
  return asks ? auth.oauthRedirect(provider, callbackOf(provider)) : auth.redoOAuth(provider);
}

/** @param {Error & { code?: string, status?: number }} error */
function fail({ code, message, status }) {
  const words = {
    OAUTH_DENIED: `${title} did not sign you in`,
    OAUTH_REUSED: "This sign-in was used already",
    OAUTH_STATE_MISMATCH: "This sign-in did not begin here, or took too long",
    SOCIAL_ACCOUNT_IN_USE: `This ${title} account belongs to another account here`,
    SESSION_REQUIRED: "Sign in first, then link",
    NETWORK: status ? `${title} does not answer` : "The server does not answer",
  };
  $("what").textContent = words[code ?? ""] ?? (provider && isAnswer ? "That did not work" : "There is nothing to finish here");
  // What nobody has answered yet is as good as before.
  const unheard = ["NETWORK", "TIMEOUT", "OVERLOADED"].includes(code ?? "");
  const form = $("retry");
  form.hidden = !provider || code === "SESSION_REQUIRED";
  form.querySelector("button").textContent = unheard ? "Try again" : "Start again";
  form.onsubmit = (event) => {
    event.preventDefault();
    say(form, unheard ? finish() : auth.oauthRedirect(provider, callbackOf(provider, asked.get("intent"))));
  };
  const isHome = intent === "link" && code !== "SESSION_REQUIRED";
  $("elsewhere").href = isHome ? "/account" : "/login";
  $("elsewhere").textContent = isHome ? "Back to your account" : "Other ways to sign in";
  turnTo("failed");
  $("why").textContent = message; // now that it is shown, it is read out
}

// Shows another part of the page: whoever hears it instead is taken there.
function turnTo(part) {
  for (const id of ["wait", "new", "failed"]) $(id).hidden = id !== part;
  const heading = $(part).querySelector("h1");
  document.title = `${heading.textContent} · doorward`;
  heading.tabIndex = -1;
  heading.focus();
}
