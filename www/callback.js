import { AuthClient } from "/pkg/index.js";
import { signInAgain } from "./again.js";
import { callbackOf, titleOf } from "./providers.js";
import { say } from "./say.js";

// The code leaves the URL before the first request, so that no history, reload or other script sees it. The page's own
// parameters stay.
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
else fail(new Error("Providers return to this page after a sign-in."));

async function finish() {
  const login = () => auth.login(provider, { callback: address }, intent);
  // Linking needs a recent sign-in. The provider's response stays valid meanwhile.
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
 * Shows the form for a new user. The account gets the values of the form.
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
    ? `From ${title}. You get a mail to confirm another address, or one that ${title} has not confirmed.`
    : `${title} sent no address. It is optional.`;
  turnTo("new");
  let made = false; // after the account is created, only the sign-in is left
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    made ||= await auth.register(provider, event).then(
      () => true,
      () => false,
    );
    if (!made || (await say(form, signIn()))) return;
    form.querySelector("button").textContent = `Sign in with ${title}`;
    form.querySelector("output").value = `Your account was created. ${form.querySelector("output").value}`;
  });
}

// register does not sign in. The provider has the consent by now and asks nothing; X and Apple ask each time.
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
  $("what").textContent = words[code ?? ""] ?? (provider && isAnswer ? "That did not work" : "There is no sign-in to finish");
  // A response that the server has not evaluated yet is still valid.
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
  $("elsewhere").textContent = isHome ? "Back to your account" : "Other sign-in methods";
  turnTo("failed");
  $("why").textContent = message; // set when visible, so that screen readers read it out
}

// Shows another part of the page and focuses its heading, for screen readers.
function turnTo(part) {
  for (const id of ["wait", "new", "failed"]) $(id).hidden = id !== part;
  const heading = $(part).querySelector("h1");
  document.title = `${heading.textContent} · doorward`;
  heading.tabIndex = -1;
  heading.focus();
}
