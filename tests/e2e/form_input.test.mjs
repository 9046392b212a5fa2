// `Input<T>` in a real browser: unusual forms, and the help of the SDK for a form.

import assert from "node:assert/strict";
import { hold, openChromium, openContext, openForm, sharedServer, signUp, somebody, test, told } from "./world.mjs";

const server = await sharedServer();
const { url } = server;
const chromium = await openChromium();

/** Runs the test on a page of its own, and then checks that no URL has contained a password. */
function onPage(name, story) {
  test(name, async () => {
    const context = await openContext(chromium);
    const addresses = [];
    context.on("request", (request) => addresses.push(request.url()));
    const page = await context.newPage();
    await story(page, context);
    assert.deepEqual(
      addresses.filter((address) => /password|battery|correct/i.test(address) && !address.includes("/v1/password/")),
      [],
    );
    await context.close();
  });
}

const LOGIN = `<form method="post" action="/profile"><input name="email"><input name="password" type="password"><button>Go</button></form>`;

onPage("sec_B05_a submit by requestSubmit is prevented in time", async (page) => {
  const { email, password } = await signUp(server);
  await page.goto(`${url}/login`);
  await page.fill("#email", email);
  await page.fill("#password", password);
  const posts = [];
  page.on("request", (request) => request.isNavigationRequest() && posts.push(request.method()));
  await page.evaluate(() => document.querySelector("#login").requestSubmit());
  await page.waitForURL("**/profile");
  assert.deepEqual(posts, ["GET"]);
});

onPage("sec_B05_on a slow network the page stays and the form is marked as busy", async (page) => {
  const { email, password } = await signUp(server);
  const held = await hold(page, "/v1/login");
  await page.goto(`${url}/login`);
  await page.fill("#email", email);
  await page.fill("#password", password);
  await page.click("#login > button");
  await held.first;
  assert.equal(page.url(), `${url}/login`);
  assert.equal(await page.getAttribute("#login", "aria-busy"), "true");
  held.release();
  await page.waitForURL("**/profile");
});

onPage("sec_B05_a submit before the script has loaded puts no password into a URL", async (page) => {
  await hold(page, "/pkg/index.js");
  await page.goto(`${url}/login`, { waitUntil: "commit" });
  await page.fill("#email", somebody().email);
  await page.fill("#password", "correct horse battery");
  await page.click("#login > button");
  await page.waitForURL("**/profile");
});

onPage("sec_B05_a double submit sends one request", async (page) => {
  const { email, password } = await signUp(server);
  const held = await hold(page, "/v1/login");
  await openForm(
    page,
    url,
    LOGIN,
    `
    const auth = new AuthClient({ navigate: false, dpop: false });
    window.calls = [];
    form.addEventListener("submit", (event) => calls.push(auth.login(event)));
  `,
  );
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", password);
  await page.click("button");
  await held.first;
  await page.click("button");
  await page.evaluate(() => document.forms[0].requestSubmit());
  held.release();
  const users = await page.evaluate(async () => (await Promise.all(window.calls)).map((user) => user.user_id));
  assert.equal(users.length, 3);
  assert.equal(new Set(users).size, 1);
  assert.equal(held.requests.length, 1);
  const later = page.waitForRequest("**/v1/login");
  await page.evaluate(() => document.forms[0].requestSubmit());
  await later;
});

onPage("the call does not send input that is typed after the submit", async (page) => {
  const { email, password } = await signUp(server);
  const held = await hold(page, "/v1/login");
  await openForm(
    page,
    url,
    LOGIN,
    `
    const auth = new AuthClient();
    form.addEventListener("submit", auth.login);
  `,
  );
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", password);
  await page.evaluate(() => {
    document.forms[0].requestSubmit();
    document.forms[0].elements.email.value = "other@example.com";
  });
  assert.equal((await held.first).postDataJSON().email, email);
  held.release();
});

onPage("seed_K02_each kind of control becomes a field of the right type", async (page) => {
  const { email, password } = somebody();
  await openForm(
    page,
    url,
    `
    <form id="f" method="post">
      <input name="email"> <input name="password" type="password">
      <input name="nickname" value="">
      <input name="company" value="not this" disabled>
      <fieldset disabled><input name="gender" value="nor this"></fieldset>
      <input name="email_public" type="checkbox" checked> <input name="address_public" type="checkbox">
      <input name="address.locality" value="Zürich"> <input name="address.country" value="CH">
      <input value="no name">
      <select name="zoneinfo"><option>Europe/Paris<option selected>Europe/Zurich</select>
      <textarea name="address.street_address">One\nTwo</textarea>
      <button name="misc" value="first">A</button> <button id="second" name="misc" value="second">B</button>
    </form>
    <input name="name" value="outside" form="f">`,
    `
    const auth = new AuthClient();
    form.addEventListener("submit", (event) => { window.call = auth.signup(event, { login: true }); });
  `,
  );
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", password);
  const sent = page.waitForRequest("**/v1/signup");
  await page.click("#second");
  const body = (await sent).postDataJSON();
  delete body.options;
  assert.deepEqual(body, {
    email,
    password,
    name: "outside",
    misc: "second",
    zoneinfo: "Europe/Zurich",
    email_public: true,
    address_public: false,
    address: { locality: "Zürich", country: "CH", street_address: "One\nTwo" },
  });
  assert.equal(await page.evaluate(async () => (await window.call).misc), "second");
});

// The browser turns the domain of a `type=email` control into ASCII before a page can read it.
onPage("an address with an umlaut and a password with accents sign in in every spelling", async (page) => {
  const [local] = somebody().email.split("@");
  const email = `${local}@m\u00fcller.example`;
  const [composed, decomposed] = ["caf\u00e9 cr\u00e8me", "cafe\u0301 cre\u0300me"];
  const typed = async (type, address, password, method) => {
    await openForm(
      page,
      url,
      `<form method="post"><input name="email" type="${type}"><input name="password" type="password"><button>Go</button></form>`,
      `
      const auth = new AuthClient();
      form.addEventListener("submit", (event) => { window.call = auth.${method}(event); });
    `,
    );
    await page.fill("[name=email]", address);
    await page.fill("[name=password]", password);
    await page.click("button");
    return page.evaluate(async () => (await window.call).email ?? (await window.call));
  };
  assert.match(await typed("email", email, decomposed, "signup"), /^SUCCESS/);
  assert.equal(await typed("text", email, composed, "login"), email);
  assert.equal(await typed("text", `\u3000${local}@xn--mller-kva.example`, decomposed, "login"), email);
  assert.equal(await typed("email", email, composed, "login"), email);
});

for (const [at, done] of [
  ["/reset#sent", "/login#password-set"],
  ["/account/reset", "/account/reset/done"],
]) {
  onPage(`${at} accepts a pasted code with a space in it`, async (page) => {
    const { email } = await signUp(server);
    await server.post("/v1/password/forgot", { email });
    const { code } = await server.mail(email, 1, "/reset");
    await page.goto(`${url}${at}`);
    const form = page.locator("form:has([name=code])");
    await form.locator("[name=email]").fill(email);
    await form.locator("[name=code]").focus();
    // As when a user pastes: `maxlength` truncates it.
    await page.keyboard.insertText(`${code.slice(0, 3)} ${code.slice(3)}`);
    await form.locator("[name=new_password]").fill("a fine new sentence");
    await form.locator(":scope > button:not(.second)").click();
    await page.waitForURL(`**${done}`);
  });
}

onPage("sec_X04_names that the request does not know are not sent and do not reach a prototype", async (page) => {
  const { email, password } = somebody();
  await openForm(
    page,
    url,
    `
    <form method="post"><input name="email"><input name="password"><input name="terms" type="checkbox" checked>
    <input name="__proto__.polluted" value="yes"><input name="constructor.prototype.polluted" value="yes">
    <input name="address.__proto__.polluted" value="yes"><button>Go</button></form>`,
    `
    const auth = new AuthClient();
    form.addEventListener("submit", (event) => { window.call = auth.signup(event); });
  `,
  );
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", password);
  const sent = page.waitForRequest("**/v1/signup");
  await page.click("button");
  assert.deepEqual(
    Object.keys((await sent).postDataJSON())
      .filter((name) => name !== "options")
      .sort(),
    ["email", "password"],
  );
  assert.match(await page.evaluate(() => window.call), /^SUCCESS/);
  assert.equal(await page.evaluate(() => ({}).polluted), undefined);
});

for (const [kind, input] of Object.entries({
  "a React event": "{ nativeEvent: event }",
  "a form": "form",
  "a FormData": "new FormData(form)",
  "an object": "Object.fromEntries(new FormData(form))",
})) {
  onPage(`${kind} works like an event`, async (page) => {
    const { email, password } = await signUp(server);
    await openForm(
      page,
      url,
      `<form method="post"><input name="email"><input name="password"><button>Go</button></form>`,
      `
      const auth = new AuthClient();
      form.addEventListener("submit", (event) => {
        window.call = auth.login(${input});
        window.prevented = event.defaultPrevented;
        event.preventDefault();
      });
    `,
    );
    await page.fill("[name=email]", email);
    await page.fill("[name=password]", password);
    await page.click("button");
    assert.equal(await page.evaluate(async () => (await window.call).email), email);
    if (kind === "a React event") assert.equal(await page.evaluate(() => window.prevented), true);
  });
}

onPage("the control of a field shows its error, and the next input clears it", async (page) => {
  await page.goto(`${url}/signup`);
  await page.fill("#email", somebody().email);
  await page.fill("#password", "12345");
  await page.click("#signup > button");
  await told(page, "#signup", "A password needs at least 6 characters.");
  const state = () =>
    page.$eval("#password", (control) => ({
      message: control.validationMessage,
      invalid: control.getAttribute("aria-invalid"),
      focused: document.activeElement === control,
    }));
  assert.deepEqual(await state(), { message: "A password needs at least 6 characters.", invalid: "true", focused: true });
  await page.press("#password", "6");
  assert.deepEqual(await state(), { message: "", invalid: null, focused: true });
  await page.click("#signup > button");
  await page.waitForURL("**/verify#sent");
});

onPage("an error in a closed part of the form opens that part", async (page) => {
  await page.goto(`${url}/signup`);
  await page.fill("#email", somebody().email);
  await page.fill("#password", "correct horse battery");
  await page.click("summary");
  await page.fill("#birthdate", "1990-02-31");
  await page.click("summary");
  await page.click("#signup > button");
  await told(page, "#signup", "Enter a real date as YYYY-MM-DD.");
  assert.equal(await page.evaluate(() => document.activeElement.id), "birthdate");
  assert.ok(await page.isVisible("#birthdate"));
});

onPage("a server's error about a field is shown on the control, too", async (page) => {
  await page.route("**/v1/login", (route) =>
    route.fulfill({
      status: 400,
      contentType: "application/problem+json",
      body: JSON.stringify({
        type: "urn:doorward:error:INVALID_PARAMETER",
        title: "A parameter is not valid.",
        status: 400,
        detail: "Not from here.",
        code: "INVALID_PARAMETER",
        field: "email",
      }),
    }),
  );
  await page.goto(`${url}/login`);
  await page.fill("#email", "a@example.com");
  await page.fill("#password", "whatever");
  await page.click("#login > button");
  await told(page, "#login", "Not from here.");
  assert.equal(await page.$eval("#email", (control) => control.validationMessage), "Not from here.");
});

// ── navigation after success ──

const cases = {
  "the form's action": [`<form method="post" action="/landing?a=1#b">`, "<button>Go</button>", "/landing?a=1#b"],
  "the button's formaction": [`<form method="post" action="/wrong">`, `<button formaction="/landing">Go</button>`, "/landing"],
  "the action behind a control that is called action": [
    `<form method="post" action="/landing">`,
    `<button>Go</button><input name="action" disabled>`,
    "/landing",
  ],
  "no action": [`<form method="post">`, "<button>Go</button>", null],
  "a script as action": [`<form method="post" action="javascript:document.title='run'">`, "<button>Go</button>", null],
};
for (const [what, [form, rest, goal]] of Object.entries(cases)) {
  onPage(`with ${what} the browser ${goal ? "goes there" : "stays"}, after the promise's handlers`, async (page) => {
    const { email, password } = await signUp(server);
    await page.route("**/landing*", (route) => route.fulfill({ contentType: "text/html", body: "<h1>Landed</h1>" }));
    await openForm(
      page,
      url,
      `${form}<input name="email"><input name="password" type="password">${rest}</form>`,
      `
      const auth = new AuthClient();
      form.addEventListener("submit", (event) => auth.login(event).then(async () => {
        await null;
        sessionStorage.setItem("handled", location.pathname);
        window.done = true;
      }));
    `,
    );
    await page.fill("[name=email]", email);
    await page.fill("[name=password]", password);
    await page.click("button");
    if (goal) {
      await page.waitForURL(url + goal);
    } else {
      await page.waitForFunction("window.done");
      // A navigation would be queued by now and would show within two frames.
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      assert.equal(page.url(), `${url}/under-test`);
      assert.equal(await page.title(), "");
    }
    assert.equal(await page.evaluate(() => sessionStorage.getItem("handled")), "/under-test");
  });
}

onPage("navigate: a function handles the navigation, false turns it off", async (page) => {
  const { email, password } = await signUp(server);
  await openForm(
    page,
    url,
    LOGIN,
    `
    window.gone = [];
    const auth = new AuthClient({ navigate: (url) => gone.push([url instanceof URL, url.href]) });
    const still = new AuthClient({ navigate: false });
    form.addEventListener("submit", async (event) => {
      await auth.login(event);
      await still.login(form);
      // A navigation would be queued by now and would show within two frames.
      requestAnimationFrame(() => requestAnimationFrame(() => { window.done = true; }));
    });
  `,
  );
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", password);
  await page.click("button");
  await page.waitForFunction("window.done");
  assert.deepEqual(await page.evaluate(() => window.gone), [[true, `${url}/profile`]]);
  assert.equal(page.url(), `${url}/under-test`);
});

onPage("after a failure the browser stays on the page", async (page) => {
  await page.goto(`${url}/login`);
  await page.fill("#email", somebody().email);
  await page.fill("#password", "wrong password");
  await page.click("#login > button");
  await told(page, "#login", "Incorrect");
  assert.equal(page.url(), `${url}/login`);
  assert.equal(await page.getAttribute("#login", "aria-busy"), null);
});
