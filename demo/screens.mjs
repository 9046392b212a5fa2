// The pages of the demo provider. Their design differs from the demo site's, so that a user sees which site is open.

const escaped = (text) => String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

const page = (title, body) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>${title} · Demo ID</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="/style.css">
  </head>
  <body>
    <main>
      <p class="brand">Demo ID</p>
      ${body}
    </main>
    <footer>Runs on this machine in place of Google and other providers. It needs no password and keeps no data after it ends.</footer>
  </body>
</html>
`;

const aboutAddress = ({ email, email_verified }) => (email ? `${email}${email_verified ? "" : " (not confirmed)"}` : "no e-mail address");

/** The sign-in screen. `back` is the action of its forms. */
export const signInScreen = (back, people) =>
  page(
    "Sign in",
    `
      <h1>Sign in</h1>
      <p>to continue to <strong>doorward's demo site</strong></p>
      <form method="post" action="${back}">
        ${people
          .map(
            (person, index) => `<button class="person" name="person" value="${index}">
          <strong>${escaped(person.name)}</strong> <span>${escaped(aboutAddress(person))}</span>
        </button>`,
          )
          .join("\n        ")}
      </form>
      <form method="post" action="${back}">
        <h2>Or use another account</h2>
        <label for="name">Name</label>
        <input id="name" name="name" autocomplete="off" maxlength="100" required>
        <label for="email">E-mail address (optional)</label>
        <input id="email" name="email" type="email" autocomplete="off" maxlength="200">
        <p class="check">
          <input id="verified" name="email_verified" type="checkbox" checked>
          <label for="verified">Demo ID has confirmed this address</label>
        </p>
        <button>Continue</button>
        <button class="quiet" name="cancel" value="1" formnovalidate>Cancel</button>
      </form>`,
  );

/** The consent screen. */
export const consentScreen = (back, person, scopes) =>
  page(
    "Allow",
    `
      <h1>doorward's demo site asks for</h1>
      <ul>
        <li>your identity</li>
        ${scopes.includes("profile") ? `<li>your name: <strong>${escaped(person.name)}</strong></li>` : ""}
        ${scopes.includes("email") ? `<li>your e-mail address: <strong>${escaped(aboutAddress(person))}</strong></li>` : ""}
      </ul>
      <form method="post" action="${back}">
        <button name="allow" value="1">Allow</button>
        <button class="quiet" name="cancel" value="1">Cancel</button>
      </form>`,
  );

/** The error page. */
export const errorScreen = (words) =>
  page(
    "Error",
    `
      <h1>The sign-in failed</h1>
      <p id="error">${escaped(words)}</p>
      <p>Go back to the app and start again.</p>`,
  );

export const STYLE = `
:root { color-scheme: light dark; --paper: #f2f4fb; --raised: #fff; --ink: #1a1c2b; --soft: #555a75; --edge: #7b809c; --accent: #4338b8; --on-accent: #fff; --wash: #ebebfa; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #12131d; --raised: #1b1d2b; --ink: #eceef8; --soft: #a9aec8; --edge: #6c7193; --accent: #b0aaff; --on-accent: #15123f; --wash: #282a44; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; min-height: 100vh; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
main { max-width: 26rem; margin: 0 auto; padding: 1.75rem; border-radius: 16px; background: var(--raised); }
footer { max-width: 26rem; margin: 1rem auto 0; color: var(--soft); font-size: 0.875rem; text-align: center; }
.brand { margin: 0 0 1.25rem; color: var(--accent); font-weight: 700; }
h1 { margin: 0 0 0.25rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 1.75rem 0 0.75rem; font-size: 1rem; }
p { margin: 0 0 1rem; }
ul { margin: 1rem 0 1.5rem; padding-left: 1.25rem; }
label { display: block; margin-bottom: 0.25rem; font-size: 0.9375rem; }
input:not([type="checkbox"]) { width: 100%; min-height: 2.75rem; margin-bottom: 0.9rem; padding: 0.4rem 0.75rem; border: 1px solid var(--edge); border-radius: 8px; background: transparent; color: inherit; font: inherit; }
.check { display: flex; gap: 0.6rem; align-items: baseline; }
.check label { margin: 0; }
input[type="checkbox"] { accent-color: var(--accent); }
button { width: 100%; min-height: 2.75rem; margin-bottom: 0.6rem; padding: 0.5rem 0.9rem; border: 1px solid var(--accent); border-radius: 8px; background: var(--accent); color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer; }
button.quiet { border-color: var(--edge); background: transparent; color: inherit; font-weight: 500; }
button.person { display: grid; border-color: var(--edge); background: transparent; color: inherit; text-align: left; }
button.person span { color: var(--soft); font-weight: 400; font-size: 0.9375rem; overflow-wrap: anywhere; }
button:is(.quiet, .person):hover { background: var(--wash); border-color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
`;
