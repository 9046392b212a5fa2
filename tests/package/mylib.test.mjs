// `doorward/mylib`: every example of seed 003's documentation, word for word, over the built package.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { open, problem, tokens } from "./page.mjs";
import { emptyProject, run } from "./world.mjs";

const time = "2020-01-31T04:19:08.593Z";
const nobody = { google: null, twitter: null, facebook: null, apple: null };
const settings = {
  methods: [],
  providers: [],
  password: { min_length: 6, max_length: 60 },
  captcha: "none",
  signup: { open: true, confirmation: "optional" },
  check_email: true,
  extras: [{ name: "country", type: "string", visibility: "owner" }],
};
/** The account in doorward's format. */
const profile = (more) => ({
  user_id: "7e522de6-9504-4d39-9365-58f4b83fa172",
  email: "account@somedomain.com",
  email_verified: false,
  phone_number_verified: false,
  email_subscription: false,
  email_public: false,
  roles: ["Reader"],
  disabled: false,
  logins_count: 0,
  created_at: time,
  updated_at: time,
  name: "Doctor Grid",
  ...more,
});
/** The same account in the format of the seed's documentation. */
const user = (more) => ({
  created_at: time,
  updated_at: time,
  roles: ["Reader"],
  email: "account@somedomain.com",
  social_ids: nobody,
  verified: false,
  fcm_tokens: [],
  name: "Doctor Grid",
  country: "ArcCorp",
  address: "Area18",
  id: "7e522de6-9504-4d39-9365-58f4b83fa172",
  ...more,
});
const columns = { country: "ArcCorp", address: "Area18" };
const refused = (status, code, title) => ({ error: { status, code, title } });
const missing = (name) => refused("400", "BADREQ", `root param should have required property '${name}'`);
const offer = {
  oauthKey: "99cee2a3-f92e-4c25-8238-e3f81dad0e13",
  provider: "twitter",
  email: "account@somedomain.com",
  name: "Doctor Grid",
  id: "70615096712179",
};
const credentials = { email: "account@somedomain.com", password: "12QWaszx" };
const answer = { oauthToken: "t", oauthVerifier: "v" };
const token = "t".repeat(43);
const callback = "http://localhost:8080/google-signin/";

// [the example, the call, the server's response, the documented result]
/** @type {any[][]} */
const EXAMPLES = [
  [
    "seed_m03_m04_an_address_is_free",
    ["checkEmail", "account@somedomain.com"],
    {
      "POST /v1/email/check": [
        200,
        { data: { email: "account@somedomain.com", registered: false, id: "account@somedomain.com" }, message: "Email available" },
      ],
    },
    { data: { email: "account@somedomain.com", registered: false, id: "account@somedomain.com" }, message: "Email available" },
  ],
  [
    "seed_m05_m66_an_address_is_taken",
    ["checkEmail", "admin@mylib.id"],
    {
      "POST /v1/email/check": [
        200,
        {
          data: {
            email: "admin@mylib.id",
            registered: true,
            verified: true,
            created_at: "2020-01-30T10:18:07.832Z",
            updated_at: "2020-01-30T10:18:07.832Z",
            id: "admin@mylib.id",
          },
          message: "Email already in use",
        },
      ],
    },
    {
      data: {
        email: "admin@mylib.id",
        registered: true,
        verified: true,
        created_at: "2020-01-30T10:18:07.832Z",
        updated_at: "2020-01-30T10:18:07.832Z",
        id: "admin@mylib.id",
      },
      message: "Email already in use",
    },
  ],
  ["seed_m06_the_address_is_missing", ["checkEmail"], {}, missing("email")],
  [
    "seed_m07_m12_m13_m14_register_with_a_password",
    ["register", "local", { ...credentials, extras: { name: "Doctor Grid", address: "Area18", country: "ArcCorp" } }],
    { "POST /v1/signup": [200, { confirmation_required: false, user: profile(columns) }] },
    { data: user(), message: "Please confirm your email" },
  ],
  [
    "seed_m11_m15_m16_register_with_twitter",
    ["register", "twitter", { oauthKey: offer.oauthKey, email: offer.email, extras: { name: "Doctor Grid" } }],
    {
      "POST /v1/signup/provider/twitter": [
        200,
        { data: profile({ email_verified: true }), message: "You have been registered with twitter account", id: offer.id },
      ],
    },
    {
      data: user({ verified: true, social_ids: { twitter: offer.id }, country: null, address: null }),
      message: "You have been registered with twitter account",
    },
  ],
  [
    "seed_m17_the_address_is_taken_already",
    ["register", "local", credentials],
    { "POST /v1/signup": [409, problem("EXISTS", { field: "email" })] },
    refused("403", "FORBDN", "Key (email)=(account@somedomain.com) already exists."),
  ],
  [
    "seed_m19_resend_the_verification",
    ["resendVerification", "account@somedomain.com"],
    { "POST /v1/email/resend": [200, { email: "account@somedomain.com", message: "Please confirm your email" }] },
    { email: "account@somedomain.com", message: "Please confirm your email" },
  ],
  [
    "seed_m20_resend_to_nobody",
    ["resendVerification", "account@somedomain.com"],
    { "POST /v1/email/resend": [404, problem("NOT_FOUND", { field: "email" })] },
    refused("404", "NOTFND", "'email' is not valid"),
  ],
  ["seed_m20_resend_to_what_is_no_address", ["resendVerification", "account"], {}, refused("404", "NOTFND", "'email' is not valid")],
  ["seed_m27_the_callback_is_missing", ["oauthRedirect", "twitter"], {}, missing("callback")],
  [
    "seed_m36_m37_m42_login",
    ["login", "local", { email: "admin@mylib.id", password: "12QWaszx" }],
    {
      "POST /v1/login": [
        200,
        tokens({ user: { user_id: "28dc27d3-8a08-4698-b24c-23e233c533a0", email: "admin@mylib.id", email_verified: true } }),
      ],
    },
    {
      data: { provider: "local", email: "admin@mylib.id", verified: true, id: "28dc27d3-8a08-4698-b24c-23e233c533a0" },
      type: "LoginExisting",
      message: "You have been logged in",
    },
  ],
  [
    "seed_m39_m43_m62_login_with_twitter",
    ["login", "twitter", answer],
    {
      "POST /v1/login/provider/twitter": [
        200,
        {
          type: "LoginExisting",
          data: { provider: "twitter", email: offer.email, verified: true, id: "27de4dbc-5988-411f-9d10-64dba4844185" },
          message: "You have been logged in with twitter account",
          session: tokens(),
        },
      ],
    },
    {
      data: { provider: "twitter", email: offer.email, verified: true, id: "27de4dbc-5988-411f-9d10-64dba4844185" },
      type: "LoginExisting",
      message: "You have been logged in with twitter account",
    },
  ],
  [
    "seed_m44_login_of_somebody_unknown",
    ["login", "twitter", answer],
    {
      "POST /v1/login/provider/twitter": [
        200,
        { type: "LoginOAuth", data: { ...offer, verified: true }, message: "Please register or link to an existing user" },
      ],
    },
    { data: offer, type: "LoginOAuth", message: "Please register or link to an existing user" },
  ],
  [
    "seed_m47_the_password_is_wrong",
    ["login", "local", credentials],
    { "POST /v1/login": [401, problem("INCORRECT_USERNAME_OR_PASSWORD")] },
    refused("404", "NOTFND", "'email' and 'password' do not match any resource"),
  ],
  [
    "seed_m48_the_social_account_is_linked_already",
    ["login", "twitter", answer],
    { "POST /v1/login/provider/twitter": [409, problem("SOCIAL_ACCOUNT_IN_USE")] },
    { error: { name: "ForbiddenError", message: "Social account already in use" } },
  ],
  [
    "seed_m49_the_verifier_was_used",
    ["login", "twitter", answer],
    { "POST /v1/login/provider/twitter": [400, problem("OAUTH_REUSED")] },
    refused("403", "FORBDN", "'oauthVerifier' is not reusable"),
  ],
  [
    "seed_m38_m50_the_code_was_used",
    ["login", "google", { callback, code: "c" }],
    { "POST /v1/login/provider/google": [400, problem("OAUTH_REUSED")] },
    refused("403", "FORBDN", "'code' is not reusable"),
  ],
  ["seed_m51_forgot_the_password", ["forgotPassword", "account@somedomain.com"], { "POST /v1/password/forgot": [200, {}] }, null],
  [
    "seed_m52_forgot_and_nobody_has_the_address",
    ["forgotPassword", "account@somedomain.com"],
    { "POST /v1/password/forgot": [404, problem("NOT_FOUND", { field: "email" })] },
    refused("404", "NOTFND", "'email' is not valid"),
  ],
  [
    "seed_m53_m54_reset_the_password",
    ["resetPassword", token, "123QWEasd"],
    { "POST /v1/password/reset": [200, { user: profile({ ...columns, updated_at: "2020-02-04T06:39:39.015Z" }) }] },
    { data: user({ updated_at: "2020-02-04T06:39:39.015Z" }), message: "User password reset" },
  ],
  [
    "seed_m55_m56_the_token_was_used",
    ["resetPassword", token, "123QWEasd"],
    { "POST /v1/password/reset": [400, problem("TOKEN_REVOKED", { title: "The token has been revoked." })] },
    refused("400", "JWTERR", "The token has been revoked."),
  ],
  // Errors that the seed does not document, in its format.
  ["seed_m55_the_token_is_damaged", ["resetPassword", "t", "123QWEasd"], {}, (said) => said.error.code === "JWTERR"],
  ["seed_m06_the_token_is_missing", ["resetPassword", undefined, "123QWEasd"], {}, missing("token")],
  ["seed_m06_the_password_is_missing", ["resetPassword", token], {}, missing("password")],
  ["seed_m06_the_password_is_missing_at_a_login", ["login", "local", { email: "a@b.example" }], {}, missing("password")],
  ["seed_m06_there_is_nothing_to_register", ["register", "local"], {}, missing("email")],
  ["seed_m06_twitter_gave_no_token", ["login", "twitter", { oauthToken: null, oauthVerifier: null }], {}, missing("oauthToken")],
  [
    "seed_m06_twitter_gave_no_verifier",
    ["login", "twitter", { oauthToken: "t", oauthVerifier: null }],
    {
      "POST /v1/login/provider/twitter": [
        400,
        problem("INVALID_PARAMETER", { field: "oauth_verifier", detail: "This field is required." }),
      ],
    },
    missing("oauthVerifier"),
  ],
  ["seed_m06_apple_gave_no_key", ["login", "apple", { oauthKey: null }], {}, missing("oauthKey")],
  ["seed_m06_google_gave_no_code", ["login", "google", { callback: null, code: null }], {}, missing("callback")],
  ["seed_m06_a_login_with_a_text", ["login", "local", "x"], {}, missing("email")],
  ["seed_m06_a_login_with_nothing", ["login", "local", null], {}, missing("email")],
  [
    "seed_m60_an_address_that_is_a_number",
    ["checkEmail", 5],
    {},
    (said) => said.error.code === "BADREQ" && said.error.title.startsWith("'email' is not valid"),
  ],
  ["seed_m20_a_number_to_resend_to", ["resendVerification", 5], {}, refused("404", "NOTFND", "'email' is not valid")],
  [
    "seed_m60_a_callback_that_is_a_number",
    ["oauthRedirect", "twitter", 5],
    {},
    (said) => said.error.title.startsWith("'callback' is not valid"),
  ],
  ["seed_m06_a_token_that_is_an_object", ["resetPassword", {}, "123QWEasd"], {}, (said) => !said.error.title.includes("undefined")],
  [
    "seed_m60_a_column_that_is_too_long",
    ["register", "local", { ...credentials, extras: { country: "ArcCorpArcCorp" } }],
    { "POST /v1/signup": [400, problem("INVALID_PARAMETER", { field: "country", detail: "This may have at most 8 characters." })] },
    refused("400", "BADREQ", "'country' is not valid: This may have at most 8 characters."),
  ],
  [
    "seed_m57_m58_no_answer",
    ["checkEmail", "a@b.example"],
    { "POST /v1/email/check": [500, {}] },
    (said) => said.error.code === "BADREQ" && said.error.status === "500",
  ],
  [
    "seed_m57_what_is_not_allowed",
    ["checkEmail", "a@b.example"],
    { "POST /v1/email/check": [403, problem("FORBIDDEN", { title: "This is not allowed." })] },
    refused("403", "FORBDN", "This is not allowed."),
  ],
  [
    "seed_m59_too_often",
    ["forgotPassword", "a@b.example"],
    {
      "POST /v1/password/forgot": [
        429,
        problem("LimitExceededException", { title: "Attempt limit exceeded, please try after some time." }),
      ],
    },
    refused("429", "FORBDN", "Attempt limit exceeded, please try after some time."),
  ],
  [
    "seed_m60_a_value_is_not_valid",
    ["register", "local", { email: "a@b.example", password: "short" }],
    {},
    (said) => said.error.code === "BADREQ" && said.error.title.startsWith("'password' is not valid"),
  ],
  [
    "seed_m57_an_account_of_which_nothing_is_told",
    ["register", "local", credentials],
    { "POST /v1/signup": [200, { confirmation_required: true }] },
    {
      data: { email: credentials.email, country: null, address: null, social_ids: nobody, verified: false, fcm_tokens: [] },
      message: "Please confirm your email",
    },
  ],
];

for (const [name, [method, ...args], routes, documented] of EXAMPLES) {
  test(name, async (t) => {
    const { page } = await open(t, { routes });
    const before = Date.now();
    const said = await page.evaluate(
      async ([method, args]) => {
        const { createClient } = await import("/mylib.js");
        const said = await createClient({ columns: ["country", "address"] }).auth[method](...args);
        // Facts that JSON and comparisons do not show.
        return said?.error ? { ...said, cause: said.error.cause.code } : said;
      },
      [method, args],
    );
    if (typeof documented === "function")
      return assert.ok(documented({ error: { ...said.error, cause: said.cause } }), JSON.stringify(said));
    if (documented?.error) {
      delete said.cause;
      // seed_m57, seed_m58: an id that is a time in milliseconds
      if (documented.error.code) {
        assert.match(said.error.id, /^\d{13}$/);
        assert.ok(+said.error.id >= before - 1000 && +said.error.id <= Date.now() + 1000);
        delete said.error.id;
      }
    }
    assert.deepEqual(said, documented);
  });
}

test("seed_m06: the error names the missing property in the documented words, in any language of the page", async (t) => {
  const { page } = await open(t, {});
  const { error } = await page.evaluate(async () => {
    const { createClient } = await import("/mylib.js");
    return createClient({ locale: "de" }).auth.login("local", { email: "a@b.example" });
  });
  assert.equal(error.title, "root param should have required property 'password'");
});

test("seed_m61_m64: times have milliseconds; a user has the tokens that were stored", async (t) => {
  const routes = {
    "GET /v1/settings": [200, settings],
    "POST /v1/signup": [200, { confirmation_required: false, user: profile({ fcm_tokens: ["t1"] }) }],
  };
  const { page } = await open(t, { routes });
  const { data } = await page.evaluate(async (credentials) => {
    const { createClient } = await import("/mylib.js");
    return createClient().auth.register("local", credentials);
  }, credentials);
  assert.deepEqual(data.fcm_tokens, ["t1"]);
  assert.equal(data.country, null, "a column that the server's configuration declares");
  assert.match(data.created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("seed_m53_m54: a custom fetch needs to return only the parts that the client uses, and is called once", async (t) => {
  const { page } = await open(t, { routes: {} });
  const said = await page.evaluate(
    async ([token, user]) => {
      const { createClient } = await import("/mylib.js");
      const asked = [];
      const fetch = async ({ url }) => {
        if (url.endsWith("/v1/password/reset")) asked.push(url);
        return { ok: true, status: 200, json: async () => ({ user }) };
      };
      const said = await createClient({ columns: [], fetch }).auth.resetPassword(token, "123QWEasd");
      return { asked: asked.length, said };
    },
    [token, profile()],
  );
  assert.deepEqual([said.asked, said.said.message, said.said.data?.email], [1, "User password reset", "account@somedomain.com"]);
});

test("seed_m57: an error without a response has a status, too", async (t) => {
  const { page } = await open(t, { routes: { "POST /v1/signup": [200, { confirmation_required: false, user: profile() }] } });
  const { error } = await page.evaluate(async (credentials) => {
    const { createClient } = await import("/mylib.js");
    return createClient({ columns: "country" }).auth.register("local", credentials);
  }, credentials);
  assert.deepEqual([error.status, error.code], ["0", "BADREQ"], error.title);
});

const consent = {
  data: { url: "https://api.twitter.com/oauth/authenticate?oauth_token=Qv6vuw", provider: "twitter", id: "twitter" },
  state: "s",
  flow: "f",
};

test("seed_m21_m25_m32: on a page, oauthRedirect and redoOAuth navigate and resolve with null", async (t) => {
  const begin = ({ headers }) => [200, { data: { url: `http://${headers.host}/consent`, provider: "google", id: "google" }, state: "s" }];
  const { page, names } = await open(t, { routes: { "POST /v1/flows/google": begin, "GET /consent": [204, {}] } });
  const said = await page.evaluate(async () => {
    const { createClient } = await import("/mylib.js");
    const { auth } = createClient();
    return [await auth.oauthRedirect("google", `${location.origin}/back`), await auth.redoOAuth("google")];
  });
  assert.deepEqual(said, [null, null]);
  assert.equal(names().filter((name) => name === "POST /v1/flows/google").length, 2);
});

test("seed_m26_m29_m33_m34: outside a page, both resolve with the URL to open", async (t) => {
  const server = createServer((request, response) => {
    const provider = request.url.split("/").at(-1);
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify(
        provider === "twitter" ? consent : { ...consent, data: { url: `https://accounts.google.com/?again`, provider, id: provider } },
      ),
    );
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  t.after(() => (server.closeAllConnections(), server.close()));
  const folder = await emptyProject({
    "app.mjs": `
      import { createClient } from "doorward/mylib";
      const { auth, core } = createClient({ url: process.argv[2] });
      const said = [await auth.oauthRedirect("twitter", "http://localhost:8080/twitter-signin/")];
      said.push(await auth.redoOAuth("google"));
      await auth.oauthRedirect("google", "http://localhost:8080/google-signin/");
      said.push(await auth.redoOAuth("google"), await auth.redoOAuth("twitter"));
      console.log(JSON.stringify(said));
      core.dispose();
    `,
  });
  const told = JSON.parse(await run(process.execPath, ["app.mjs", `http://127.0.0.1:${server.address().port}`], folder));
  const [redirected, never, again, twitter] = told;
  assert.deepEqual(redirected, { data: consent.data });
  assert.deepEqual([never.error.code, twitter.error.code], ["BADREQ", "BADREQ"], "seed_m31, seed_m35");
  assert.deepEqual(again, { reloginUrl: "https://accounts.google.com/?again", provider: "google" });
});
