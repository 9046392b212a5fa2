// The packed package: its files, the verdict of tools that check packages, and its use in Node and TypeScript.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { emptyProject, packedFiles, root, run } from "./world.mjs";

test("the package contains the entries, their types and the licences, and no development files", async () => {
  const contents = await packedFiles();
  const expected = [
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "package.json",
    "pkg/index.d.ts",
    "pkg/index.js",
    "pkg/messages-de.js",
    "pkg/messages-id.js",
    "pkg/messages-zh.js",
    "pkg/mylib.d.ts",
    "pkg/mylib.js",
    "pkg/slim.d.ts",
    "pkg/slim.js",
    "pkg/slim.wasm",
  ];
  assert.deepEqual(contents.toSorted(), expected);
});

test("the files that wasm-pack adds to pkg/ do not change the package", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "doorward-wasm-pack-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const name of ["package.json", "README.md", "LICENSE-APACHE", "LICENSE-MIT", "pkg"]) {
    await cp(join(root, name), join(folder, name), { recursive: true });
  }
  const added = {
    ".gitignore": "*",
    "package.json": `{"name":"doorward","files":["doorward.js"]}`,
    "README.md": "",
    "LICENSE-MIT": "",
    "doorward.js": "",
  };
  for (const [name, text] of Object.entries(added)) await writeFile(join(folder, "pkg", name), text);
  const [{ files }] = JSON.parse(await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts", "--loglevel=error"], folder));
  assert.deepEqual(files.map((file) => file.path).toSorted(), (await packedFiles()).toSorted());
});

test("no file of the package contains a path of the building machine", async () => {
  const folder = await emptyProject();
  for (const file of await packedFiles()) {
    const text = await readFile(join(folder, "node_modules/doorward", file), "latin1");
    for (const path of [root, `${homedir()}/`, ".cargo/registry"]) {
      assert.equal(text.includes(path), false, `${file} names ${path}`);
    }
  }
});

test("publint finds no fault in the package", async () => {
  const folder = await emptyProject();
  const { messages, pkg } = await publint({ pkgDir: join(folder, "node_modules/doorward"), strict: true });
  assert.deepEqual(
    messages.map((message) => formatMessage(message, pkg)),
    [],
  );
});

test("on a server, importing and constructing have no side effects", async () => {
  const folder = await emptyProject({
    "server.mjs": `
      const before = Object.getOwnPropertyNames(globalThis).length;
      WebAssembly.Module = class { constructor() { throw new Error("compiled at import"); } };
      globalThis.fetch = () => { throw new Error("asked the network"); };
      const { AuthClient, AuthError, isAuthError } = await import("doorward");
      const compiled = new AuthClient({ url: "https://auth.example.com" });
      console.log(typeof AuthError, isAuthError(new Error("no")), compiled.user);
      console.log(Object.getOwnPropertyNames(globalThis).length - before);
    `,
  });
  // The program must also end by itself, without an open timer or channel.
  assert.equal(await run(process.execPath, ["server.mjs"], folder), "function false null\n0\n");
});

test("on a server, the validation rules run", async () => {
  const folder = await emptyProject({
    "server.mjs": `
      import { AuthClient } from "doorward";
      const auth = new AuthClient({ url: "https://auth.example.com" });
      await auth.login({ email: "no address", password: "correct horse" }).catch((error) => console.log(error.code, error.field));
      auth.dispose();
    `,
  });
  assert.equal(await run(process.execPath, ["server.mjs"], folder), "INVALID_PARAMETER email\n");
});

test("strict TypeScript accepts correct uses and rejects wrong ones", async () => {
  const folder = await emptyProject({
    "slim.ts": `
      import { AuthClient, init, type CodeScene, type LoginOptions, type ProfileUpdates, type UdvType } from "doorward/slim";
      await init("/doorward_bg.wasm");
      const scene: CodeScene = "LOGIN", updates: ProfileUpdates = { name: null }, options: LoginOptions = {}, type: UdvType = "datetime";
      const auth = new AuthClient();
      auth.sendSmsCode("+12025550123", scene).then(() => auth.updateProfile(updates)).then(() => auth.login({ custom_id: type }, options));
    `,
    "mylib.ts": `
      import { createClient } from "doorward/mylib";
      const client = createClient({ url: "https://auth.example.com", columns: ["country"] });
      const made = await client.auth.register("local", { email: "a@b.example", password: "12QWaszx", extras: { country: "ArcCorp" } });
      if (made.error) console.log("title" in made.error ? made.error.title : made.error.message, made.error.cause.code);
      else { const id: string = made.data.id, twitter: string | null = made.data.social_ids.twitter; id; twitter; }
      const login = await client.auth.login("twitter", { oauthToken: "t", oauthVerifier: "v" });
      if (!login.data) console.log(login.error); else if (login.type !== "LoginExisting") console.log(login.data.oauthKey);
      const linked = await client.auth.login("google", { callback: "http://localhost:8080/google-signin/", code: "c" }, "link");
      if (linked.data) { const type: "LoginLinked" = linked.type, verified: boolean = linked.data.verified; type; verified; }
      // Seed 003's own examples.
      ( async function ( ) {
        const thisUrl = new URL ( location . href ) ;
        const loginRes = await client . auth . login ( "twitter" , {
          oauthToken : thisUrl . searchParams . get ( "oauth_token" ) ,
          oauthVerifier : thisUrl . searchParams . get ( "oauth_verifier" ) ,
        } ) ;
        if ( ! loginRes . data ) {
          console . log ( "loginRes:" , loginRes ) ;
          return ;
        }
        if ( loginRes . type === "LoginExisting" ) {
          console . log ( "loginRes:" , loginRes ) ;
          return ;
        }
        const loginData = loginRes . data ;
        const registerRes = await client . auth . register ( "twitter" , {
          oauthKey : loginData . oauthKey ,
          email : loginData . email ,
          extras : {
            name : loginData . name ,
          } ,
        } ) ;
        if ( ! registerRes . data ) {
          console . log ( "registerRes:" , registerRes ) ;
          return ;
        }
        client . auth . redoOAuth ( "google" ) ;
        await client . auth . oauthRedirect (
          "twitter" ,
          "http://localhost:8080/twitter-signin/"
        ) ;
      } ) ( ) ;
      ( async function ( ) {
        const thisUrl = new URL ( location . href ) ;
        const loginRes = await client . auth . login (
          "google" ,
          {
            callback : "http://localhost:8080/google-signin/" ,
            code : thisUrl . searchParams . get ( "code" ) ,
          } ,
          "link"
        ) ;
      } ) ( ) ;
      const sent: null | { error: object } = await client.auth.forgotPassword("a@b.example");
      await client.core.logout(); sent;
      // @ts-expect-error: registering needs data
      client.auth.register("local", { email: "a@b.example" });
    `,
    "app.ts": `
      import { AuthClient, AuthError, isAuthError, type UserProfile } from "doorward";
      const auth = new AuthClient({ url: "https://auth.example.com", storage: "session" });
      document.querySelector<HTMLFormElement>("#login")?.addEventListener("submit", auth.login);
      const react = (event: { nativeEvent: Event; preventDefault(): void }) => auth.login(event);
      const user: UserProfile = await auth.login({ email: "a@b.example", password: "correct horse" });
      const end: () => void = auth.onAuthStateChange((event, session) => console.log(event, session?.user.user_id));
      try { await auth.resetPassword({ email: user.email!, code: 123456, new_password: "battery staple" }); }
      catch (error) { if (isAuthError(error)) { const known: AuthError = error; console.log(known.code, known.field, known.status); } }
      end(); react;
      const message: string | UserProfile = await auth.signup({ username: "ada", password: "correct horse", coins: 1.5, givenName: "Ada" }, { login: true });
      await auth.signup({ phone_number: "+12025550123", code: "012345" });
      await auth.login({ phone_number: "+12025550123", code: 12345 }, { auto_register: true, captcha_id: "c", captcha_code: "W3" });
      const { id, image }: { id: string; image: string } = await auth.getCaptcha();
      await auth.login({ username: "ada", password: "x" }, { captcha_id: id, captcha_code: image }).catch((error: AuthError) => console.log(error.captcha?.kind, error.captcha?.site_key));
      await auth.login({ device_id: crypto.randomUUID() });
      await auth.sendSmsCode("+12025550123");
      await auth.sendSmsCode({ phone_number: "+12025550123" }, "BIND_PHONE", { timeout: 5000 });
      await auth.sendEmail("a@b.example", "CHANGE_EMAIL");
      await auth.forgotPassword({ phone_number: "+12025550123" });
      await auth.resetPassword({ phone_number: "+12025550123", code: "1", new_password: "battery staple" });
      await auth.updatePassword({ new_password: "battery staple" });
      const changed: UserProfile = await auth.updateProfile({ nickname: null, address: "", coins: 2, fcm_tokens: ["t"] });
      const other = await auth.getUser(changed.user_id);
      const name: string | undefined = other?.name;
      await auth.updateEmail({ email: "a@b.example", email_code: "1", old_email: "b@c.example", old_email_code: 2 });
      await auth.bindPhone({ phone_number: "+12025550123", phone_code: "1" });
      const left: UserProfile = await auth.unbindPhone();
      await auth.setUdv("age", 15);
      for (const { key, value, type } of await auth.listUdv()) { const known: "number" | string = type; console.log(key, value, known); }
      await auth.removeUdv("age");
      const gone: "SUCCESS: The account has been deleted." = await auth.deleteAccount({ password: "battery staple" });
      for (const call of [auth.updateProfile, auth.bindEmail, auth.deleteAccount, auth.sendSmsCode]) {
        document.querySelector<HTMLFormElement>("#f")?.addEventListener("submit", (event) => call(event));
      }
      await auth.oauthRedirect("google", location.href, { timeout: 5000 });
      const signedIn = await auth.login("our-own-issuer", { callback: location.href });
      if (signedIn.type === "LoginOAuth") {
        const { data, message } = await auth.register("google", { oauthKey: signedIn.data.oauthKey, extras: { name: signedIn.data.name } });
        const id: string = data.user_id, said: string = message, again: null | { reloginUrl: string } = await auth.redoOAuth("google");
        id; said; again;
      } else if (signedIn.type === "LoginExisting") { const email: string | undefined = signedIn.data.email; email; }
      await auth.login("google", { callback: "https://app.example/", code: "c", state: "s", iss: "i" }, "link", { signal: new AbortController().signal });
      await auth.login("google", { callback: "https://app.example/", error: "access_denied" }, { auto_register: true });
      await auth.login("twitter", { oauthToken: "t", oauthVerifier: "v" }, "register");
      await auth.login("apple", { oauthKey: "k" });
      await auth.login("microsoft", { token: "t", nonce: "n" });
      const known: "LoginExisting" = (await auth.login("local", { email: "a@b.example", password: "correct horse" })).type;
      const made = await auth.register("local", { email: "a@b.example", password: "correct horse", extras: { country: "NL" } });
      const unproven: boolean = made.data.email_verified;
      const identities: { provider: string; id: string }[] = [...await auth.listIdentities(), ...await auth.unlink("google")];
      document.querySelector<HTMLFormElement>("#g")?.addEventListener("submit", (event) => auth.register("google", event));
      known; unproven; identities;
      message; name; left; gone;
      // @ts-expect-error: there are two intents
      auth.login("google", { callback: "https://app.example/" }, "marry");
      // @ts-expect-error: a verifier needs its token
      auth.login("twitter", { oauthVerifier: "v" });
      // @ts-expect-error: a redirect needs a callback
      auth.oauthRedirect("google");
      // @ts-expect-error: not a scene
      auth.sendEmail("a@b.example", "ANYTHING");
      // @ts-expect-error: a name alone is not enough
      auth.login({ username: "ada" });
      // @ts-expect-error: there is no such storage
      new AuthClient({ storage: "cookie" });
      // @ts-expect-error: no such method
      auth.signon();
    `,
  });
  const tsc = join(root, "tests/package/node_modules/typescript/bin/tsc");
  // Skips TypeScript's own declarations, which take longer to check than the package's.
  const strict = ["--noEmit", "--strict", "--skipDefaultLibCheck", "--target", "es2022", "--lib", "es2022,dom,dom.iterable"];
  const files = ["app.ts", "slim.ts", "mylib.ts"];
  const resolutions = [
    ["--module", "nodenext"],
    ["--module", "esnext", "--moduleResolution", "bundler"],
  ];
  await Promise.all(resolutions.map((how) => run(process.execPath, [tsc, ...strict, ...how, ...files], folder)));
});
