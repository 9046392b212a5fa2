// `doorward/mylib` against the real server: the calls of a program that was written for seed 003's client.

import assert from "node:assert/strict";
import { atEnd, openProvider, settingsOf, somebody, startServer, test } from "./world.mjs";

// A dynamic import, so that type checks do not need the built file.
/** @type {typeof import("../../types/package.js")} */
const { createClient } = await import(new URL("../../pkg/mylib.js", import.meta.url).href);
const { email, password } = somebody();
const provider = await openProvider();
const strict = await startServer({ settings: { ...settingsOf(provider), ROLES__DEFAULT: "Reader" } });
const compatible = await startServer({ settings: { DISCLOSURE__ACCOUNT: "compatible" } });

const clientOf = (server) => {
  const client = createClient({ url: server.url, columns: ["name", "pronouns"] });
  atEnd(() => client.core.dispose());
  return client;
};
const { auth, core } = clientOf(strict);
const token = ({ link }) => new URL(link).hash.replace("#token=", "");
const nobody = { google: null, twitter: null, facebook: null, apple: null };

test("seed_m07_m42_m57_m63_a user registers and signs in", async () => {
  assert.deepEqual(await auth.checkEmail(email), { data: { email, registered: false, id: email }, message: "Email available" });
  const { data, message } = await auth.register("local", { email, password, extras: { name: "Doctor Grid" } });
  assert.equal(message, "Please confirm your email");
  const { id, created_at, updated_at } = data;
  assert.deepEqual(data, {
    created_at,
    updated_at,
    id,
    email,
    roles: ["Reader"],
    social_ids: nobody,
    verified: false,
    fcm_tokens: [],
    name: "Doctor Grid",
    pronouns: null,
  });
  assert.equal(core.user, null, "seed_m18");
  const wrong = await auth.login("local", { email, password: "12QWaszx" });
  assert.deepEqual([wrong.error.code, wrong.error.title], ["NOTFND", "'email' and 'password' do not match any resource"]);
  assert.deepEqual(await auth.login("local", { email, password }), {
    data: { provider: "local", email, verified: false, id },
    type: "LoginExisting",
    message: "You have been logged in",
  });
  const again = await auth.register("local", { email, password });
  assert.deepEqual([again.error.code, again.error.title], ["FORBDN", `Key (email)=(${email}) already exists.`]);
});

test("seed_m12_m13_m54_columns and the parts of the address are on the top level", async () => {
  const other = createClient({ url: strict.url, columns: ["country", "city", "region"] });
  atEnd(() => other.core.dispose());
  const somebodyElse = somebody();
  const extras = { name: "Doctor Grid", address: "Area18", country: "ArcCorp" };
  const { data } = await other.auth.register("local", { ...somebodyElse, extras });
  const { name, address, country, city, region } = data;
  assert.deepEqual([name, address, country, city, region], ["Doctor Grid", "Area18", "ArcCorp", null, null]);
  await other.auth.forgotPassword(somebodyElse.email);
  const reset = await other.auth.resetPassword(token(await strict.mail(somebodyElse.email, 1, "/reset")), "123QWEasd");
  assert.deepEqual([reset.data.address, reset.data.country, reset.data.city], ["Area18", "ArcCorp", null]);

  const parts = {
    street_address: "1 Main Street",
    locality: "Soho",
    region: "England",
    postal_code: "W1",
    city: "London",
    province: "Greater London",
    country: "UK",
  };
  const { data: whole } = await auth.register("local", { ...somebody(), extras: parts });
  for (const [column, value] of Object.entries(parts)) assert.equal(whole[column], value, column);
  assert.equal("address" in whole, false, "none was given");
  const line = await auth.register("local", { ...somebody(), extras: { address: "Area18" } });
  assert.equal(line.data.address, "Area18");
  // The core has the OpenID Connect claim.
  await other.core.login({ ...somebodyElse, password: "123QWEasd" });
  assert.deepEqual(other.core.user.address, { formatted: "Area18", country: "ArcCorp" });
});

test("a column given in extras and on the top level with different values is an error", async () => {
  const { email, password } = somebody();
  for (const [field, data] of /** @type {[string, object][]} */ ([
    ["email", { email, password, extras: { email: "other@example.com" } }],
    ["name", { email, password, name: "Ada", extras: { name: "Bob" } }],
  ])) {
    const { error } = await auth.register("local", data);
    assert.deepEqual([error?.code, error?.cause.field], ["BADREQ", field], field);
  }
  const same = { name: "Ada", address: { country: "SE" } };
  const { data } = await auth.register("local", { email, password, ...same, extras: structuredClone(same) });
  assert.equal(data.name, "Ada");
});

test("seed_m19_m51_m54_m55_m65_m66_the mails are sent, and the link sets a password once", async () => {
  assert.deepEqual(await auth.resendVerification(email), { email, message: "Please confirm your email" });
  assert.equal(await auth.forgotPassword(email), null);
  const secret = token(await strict.mail(email, 1, "/reset"));
  const { data, message } = await auth.resetPassword(secret, "123QWEasd");
  assert.deepEqual([data.email, data.verified, data.name, message], [email, false, "Doctor Grid", "User password reset"]);
  assert.ok(data.updated_at > data.created_at);
  const { error } = await auth.resetPassword(secret, "123QWEasd");
  assert.deepEqual([error.status, error.code, error.title], ["400", "JWTERR", "The token has been revoked."]);
  assert.equal((await auth.login("local", { email, password: "123QWEasd" })).type, "LoginExisting");
});

test("seed_m20_m52_an unknown address is reported only if the operator allows it", async () => {
  const { email: unknown } = somebody();
  assert.equal(await auth.forgotPassword(unknown), null);
  assert.deepEqual(await auth.resendVerification(unknown), { email: unknown, message: "Please confirm your email" });
  const other = clientOf(compatible).auth;
  for (const { error } of [await other.forgotPassword(unknown), await other.resendVerification(unknown)]) {
    assert.deepEqual([error.status, error.code, error.title], ["404", "NOTFND", "'email' is not valid"]);
  }
});

test("seed_m26_oauthRedirect returns the URL of the consent screen", async () => {
  const callback = "http://localhost:3000/back";
  const { data } = await auth.oauthRedirect("demo", callback);
  assert.deepEqual([data.provider, data.id], ["demo", "demo"]);
  assert.ok(data.url.startsWith(provider.issuer));
  const { reloginUrl } = await auth.redoOAuth("demo");
  assert.equal(new URL(reloginUrl).searchParams.get("redirect_uri"), callback);
  const missing = await auth.oauthRedirect("google", callback);
  assert.deepEqual([missing.error.code, missing.error.cause.code], ["NOTFND", "NOT_FOUND"], "seed_m23");
});
