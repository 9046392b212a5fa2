// Captchas with the built package in Chromium: the browser computes a proof of work by itself, and a user solves a
// picture.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { open, problem, tokens } from "./page.mjs";

const DIFFICULTY = 500;

/** Requires a proof of work `times` times, then accepts a correct solution. */
function guarded(times = 1) {
  const given = [];
  return (call) => {
    const [id, code = ""] = (call.headers["captcha-response"] ?? "").split(":");
    const solves = code.split(".").every((number, puzzle) => {
      const message = Buffer.alloc(32);
      message.write(id.slice(-24), "latin1");
      message.writeUInt32BE(puzzle, 24);
      message.writeUInt32BE(Number(number), 28);
      return createHash("sha256").update(message).digest().readUInt32BE() * DIFFICULTY < 2 ** 32;
    });
    if (given.length >= times && given.at(-1) === id && code.split(".").length === 16 && solves) return [200, tokens()];
    given.push(randomBytes(48).toString("base64url"));
    const captcha = { kind: "proof_of_work", id: given.at(-1), puzzles: 16, difficulty: DIFFICULTY };
    return [403, problem("CAPTCHA_REQUIRED", { business_code: 2000, captcha })];
  };
}

const endless = { kind: "proof_of_work", id: randomBytes(48).toString("base64url"), puzzles: 64, difficulty: 2 ** 31 };

const signIn = (page, options) =>
  page.evaluate(async (options) => {
    const auth = new AuthClient();
    const call = auth.login({ email: "ada@example.com", password: "secret" }, options);
    return call.then(
      (user) => user.email,
      (error) => ({ ...error.toJSON(), text: `${error}` }),
    );
  }, options);

test("seed_a25_the SDK solves a proof of work and repeats the call by itself", async (t) => {
  const { page, asked, names } = await open(t, { routes: { "POST /v1/login": guarded() } });
  assert.equal(await signIn(page), "ada@example.com");
  assert.deepEqual(names(), ["POST /v1/login", "POST /v1/login"]);
  assert.equal(asked[0].body, asked[1].body);
});

test("the SDK solves a second challenge when the first one has expired, but not a third", async (t) => {
  const { page, names } = await open(t, { routes: { "POST /v1/login": guarded(2) } });
  assert.equal(await signIn(page), "ada@example.com");
  assert.equal(names().length, 3);
  const more = await open(t, { routes: { "POST /v1/login": guarded(3) } });
  const { code, business_code, captcha } = await signIn(more.page);
  assert.deepEqual([code, business_code, captcha.kind], ["CAPTCHA_REQUIRED", 2000, "proof_of_work"]);
  assert.equal(more.names().length, 3);
});

test("the repeated call after a proof of work keeps its Idempotency-Key", async (t) => {
  const work = guarded();
  const { page, asked } = await open(t, {
    routes: { "POST /v1/signup": (call) => (work(call)[0] === 200 ? [200, { confirmation_required: false }] : work(call)) },
  });
  await page.evaluate(() => new AuthClient().signup({ email: "ada@example.com", password: "secret" }));
  const keys = asked.map((call) => call.headers["idempotency-key"]);
  assert.ok(keys.length >= 2 && keys[0] && new Set(keys).size === 1, `${keys}`);
});

test("the work continues in a hidden page, where timers wait for a second", async (t) => {
  const before = `{ const later = setTimeout; window.setTimeout = (call, time) => (time ? later(call, time) : 0); }`;
  const { page } = await open(t, { before, routes: { "POST /v1/login": guarded() } });
  assert.equal(await signIn(page), "ada@example.com");
});

test("the SDK rejects an impossible proof of work immediately", async (t) => {
  const right = { kind: "proof_of_work", id: randomBytes(48).toString("base64url"), puzzles: 16, difficulty: 500 };
  let captcha;
  const { page, names } = await open(t, {
    routes: { "POST /v1/login": () => [403, problem("CAPTCHA_REQUIRED", { captcha })] },
  });
  const numbers = [0, -1, 1.5, "16", null];
  /** @type {object[]} */
  const changes = [...numbers, 65, 5e6].map((puzzles) => ({ puzzles }));
  changes.push(...numbers.map((difficulty) => ({ difficulty })), ...["", 1, null].map((id) => ({ id })));
  for (const [at, change] of changes.entries()) {
    captcha = { ...right, ...change };
    assert.equal((await signIn(page)).code, "CAPTCHA_REQUIRED", JSON.stringify(change));
    assert.equal(names().length, at + 1, JSON.stringify(change));
  }
});

test("the SDK solves no proof of work for an error other than 403 CAPTCHA_REQUIRED", async (t) => {
  const captcha = { kind: "proof_of_work", id: randomBytes(48).toString("base64url"), puzzles: 16, difficulty: 500 };
  for (const [status, code] of [
    [500, "CAPTCHA_REQUIRED"],
    [403, "USER_IS_DISABLED"],
  ]) {
    const { page, names } = await open(t, { routes: { "POST /v1/login": [status, problem(code, { captcha })] } });
    await signIn(page);
    assert.deepEqual(names(), ["POST /v1/login"], `${status} ${code}`);
  }
});

test("the page paints and accepts input during the work", async (t) => {
  const { page } = await open(t, {
    html: "<input id=i>",
    routes: { "POST /v1/login": [403, problem("CAPTCHA_REQUIRED", { captcha: endless })] },
  });
  const { codes, idle, working } = await page.evaluate(async () => {
    const auth = new AuthClient();
    const painted = async (call) => {
      let [frames, over] = [0, false];
      const frame = () => over || (frames++, requestAnimationFrame(frame));
      requestAnimationFrame(frame);
      const code = await call;
      over = true;
      return [code, frames];
    };
    const rest = () => new Promise((resolve) => setTimeout(resolve, 400));
    const work = () => auth.login({ email: "ada@example.com", password: "x" }, { timeout: 400 }).catch(({ code }) => code);
    // Alternate, because other programs slow down both; repeat if they slowed down only one of the two.
    const [codes, frames] = [new Set(), { idle: 0, working: 0 }];
    do {
      frames.idle += (await painted(rest()))[1];
      const [code, count] = await painted(work());
      frames.working += count;
      codes.add(code);
    } while (frames.working <= frames.idle / 8 && frames.idle < 120);
    return { codes: [...codes], ...frames };
  });
  assert.deepEqual(codes, ["TIMEOUT"]);
  // A slice of work and the frame after it take the time of two frames; uninterrupted work shows at most one frame.
  assert.ok(working > idle / 8, `${working} frames, ${idle} without work`);
});

test("the caller's signal ends the work", async (t) => {
  const { page } = await open(t, {
    routes: { "POST /v1/login": [403, problem("CAPTCHA_REQUIRED", { captcha: endless })] },
  });
  const code = await page.evaluate(async () => {
    const stop = new AbortController();
    const ask = async (/** @type {[any, any?]} */ ...request) => {
      const answer = await fetch(...request);
      if (answer.status === 403) setTimeout(() => stop.abort(), 50);
      return answer;
    };
    const auth = new AuthClient({ fetch: ask });
    return auth.login({ email: "ada@example.com", password: "x" }, { signal: stop.signal }).catch((error) => error.code);
  });
  assert.equal(code, "ABORTED");
});

test("seed_a22_a24_a26_the error contains a picture, and the next submit sends its code", async (t) => {
  const picture = (id) => ({ kind: "picture", id, image: "data:image/gif;base64,R0lGODlhAQABAAAAACw=" });
  const { page, asked } = await open(t, {
    html: `<form id="f" method="post"><input name="email" value="ada@example.com"><input name="password" value="x"><button>Go</button></form>`,
    routes: {
      "POST /v1/login": (call) =>
        call.headers["captcha-response"] === "p1:aB3"
          ? [200, tokens()]
          : [403, problem("CAPTCHA_REQUIRED", { business_code: 2000, captcha: picture("p1") })],
      "GET /v1/captcha": [200, picture("p2")],
    },
  });
  const told = await page.evaluate(async () => {
    const auth = new AuthClient();
    const error = await auth.login(f).catch((error) => error);
    f.insertAdjacentHTML("afterbegin", `<input name="captcha_id" type="hidden"><input name="captchaCode">`);
    [f.elements.captcha_id.value, f.elements.captchaCode.value] = [error.captcha.id, "aB3"];
    const user = await auth.login(f);
    return [error.code, error.business_code, error.captcha, user.email, await auth.getCaptcha()];
  });
  assert.deepEqual(told, ["CAPTCHA_REQUIRED", 2000, picture("p1"), "ada@example.com", picture("p2")]);
  assert.deepEqual(JSON.parse(asked[1].body), { email: "ada@example.com", password: "x" });
});

test("a call sends the long token of a captcha service's widget", async (t) => {
  const token = "t".repeat(4000);
  const { page, asked } = await open(t, { routes: { "POST /v1/login": [200, tokens()] } });
  assert.equal(await signIn(page, { captcha_code: token }), "ada@example.com");
  assert.equal(asked[0].headers["captcha-response"], `:${token}`);
});

test("sec_r04_the known-device tokens survive sign-out and reload", async (t) => {
  let made = 0;
  const { page, tab, asked } = await open(t, {
    routes: {
      "POST /v1/login": () => [200, tokens({ known_device: `device-${(made += 1)}` })],
      "POST /v1/logout": [200, {}],
      "GET /v1/profile": [200, tokens().user],
    },
  });
  await page.evaluate(async () => {
    const auth = new AuthClient();
    for (const email of ["a@b.example", "b@b.example", "c@b.example", "d@b.example", "e@b.example"]) {
      await auth.login({ email, password: "secret" });
      await auth.getProfile();
      await auth.logout();
    }
  });
  const again = await tab();
  await signIn(again);
  const known = asked.map((call) => call.headers["known-device"]);
  const signIns = asked.map((call) => call.name).flatMap((name, at) => (name === "POST /v1/login" ? [known[at]] : []));
  assert.deepEqual(signIns.slice(0, 3), [undefined, "device-1", "device-2,device-1"]);
  assert.equal(signIns.at(-1), "device-5,device-4,device-3,device-2");
});

test("sec_r04_calls that guess a secret or send a message carry the known-device tokens, and GET requests do not", async (t) => {
  const { page, asked } = await open(t, {
    routes: {
      "POST /v1/login": [200, tokens({ known_device: "device-1" })],
      "POST /v1/logout": [200, {}],
      "GET /v1/profile": [200, tokens().user],
      "GET /v1/captcha": [200, {}],
      "POST /v1/password": [200, { known_device: "device-2" }],
      "POST /v1/password/forgot": [200, {}],
      "POST /v1/code": [200, {}],
    },
  });
  await page.evaluate(async () => {
    const auth = new AuthClient();
    await auth.login({ email: "ada@example.com", password: "secret" });
    await auth.getProfile();
    await auth.updatePassword({ oldPassword: "secret", newPassword: "battery staple" });
    await auth.fetch("/api", { method: "POST" });
    await auth.logout();
    await auth.forgotPassword("ada@example.com");
    await auth.sendSmsCode("+4915112345678");
    await auth.getCaptcha();
  });
  assert.deepEqual(
    asked.map(({ name, headers }) => [name, headers["known-device"]]),
    [
      ["POST /v1/login", undefined],
      ["GET /v1/profile", undefined],
      ["POST /v1/password", "device-1"],
      ["POST /api", undefined],
      ["POST /v1/logout", undefined],
      ["POST /v1/password/forgot", "device-2,device-1"],
      ["POST /v1/code", "device-2,device-1"],
      ["GET /v1/captcha", undefined],
    ],
  );
});

test("sec_r04_deleting an account removes its known-device token and keeps the tokens of other accounts", async (t) => {
  const { page, asked } = await open(t, {
    routes: {
      "POST /v1/login": ({ body }) => [200, tokens({ known_device: `device-${JSON.parse(body).email[0]}` })],
      "POST /v1/logout": [200, {}],
      "POST /v1/account/delete": [200, {}],
    },
  });
  const kept = await page.evaluate(async () => {
    const auth = new AuthClient();
    const login = (email) => auth.login({ email, password: "secret" });
    await login("a@b.example");
    await auth.logout();
    await login("b@b.example");
    await auth.deleteAccount({ password: "secret" });
    await login("a@b.example");
    await auth.deleteAccount({ password: "secret" });
    return Object.keys(localStorage);
  });
  const signIns = asked.filter(({ name }) => name === "POST /v1/login");
  assert.deepEqual(
    signIns.map(({ headers }) => headers["known-device"]),
    [undefined, "device-a", "device-a"],
  );
  assert.deepEqual(kept, []);
});
