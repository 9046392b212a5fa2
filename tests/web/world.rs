//! A client, a server of mocked routes, and a record of their calls and events.

use doorward::AuthClient;
use js_sys::{Array, Function, JSON, Map, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A server that has only the routes of a test: `"POST /v1/login": [status, body, headers]`, or a function of
/// the call that returns such a triple or throws.
const SERVER: &str = r#"
const world = { calls: [], events: [], page: new Map(), own: new Map() };
world.routes = (0, eval)("(" + routes + ")");
world.options = (0, eval)("(" + options + ")");
world.life = new AbortController();
(window.lives ??= []).push(world.life);
world.emit = (event, session, detail) => world.events.push(detail ? event + " " + detail.code : event);
world.fetch = async (request) => {
    const name = request.method + " " + new URL(request.url).pathname;
    // Every client requests it before its first proof.
    if (name === "GET /v1/nonce") return new Response("{}", { status: 404 });
    const text = await request.text();
    const body = text.startsWith("{") ? JSON.parse(text) : text || undefined;
    // Header names are case-insensitive.
    const headers = new Proxy({}, {
        get: (_, name) => request.headers.get(name) ?? undefined,
        has: (_, name) => request.headers.has(name),
    });
    const call = { name, body, headers, url: request.url, signal: request.signal };
    world.calls.push(call);
    const route = world.routes[name];
    if (!route) throw new Error("nobody mocked " + name);
    if (headers.DPoP) Object.assign(call, await proof(headers.DPoP));
    const [status, answer, more] = typeof route === "function" ? await route(call, world.calls) : route;
    return new Response(typeof answer === "string" ? answer : JSON.stringify(answer), { status, headers: more });
};
world.options = { url: "https://auth.test", storageKey: "doorward", storage: "memory", dpop: false, fetch: world.fetch, ...world.options };
const open = (text) => JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
const proof = async (jws) => {
    const [head, claims, signature] = jws.split(".");
    const { jwk, ...rest } = open(head);
    const es256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("jwk", jwk, es256, false, ["verify"]);
    const bytes = (text) => Uint8Array.from(text, (c) => c.charCodeAt());
    const signed = bytes(head + "." + claims);
    const made = bytes(atob(signature.replaceAll("-", "+").replaceAll("_", "/")));
    return { head: rest, jwk, claims: open(claims), isSigned: await crypto.subtle.verify(es256, key, made, signed) };
};
return world;
"#;

/// The response of most test servers to a login.
pub const TOKENS: &str = r#"{ access_token: "access-1", token_type: "Bearer", expires_in: 600,
    refresh_token: "refresh-1", revoke_token: "revoke-1", server_time: 1000,
    user: { user_id: "u1", email: "ada@example.com" } }"#;

/// The exported class, called as a page calls it.
#[derive(Clone)]
pub struct Client(JsValue);

impl Client {
    /// Calls a method by its name in JavaScript.
    pub fn call(&self, name: &str, arguments: &[JsValue]) -> Promise {
        let method = Function::from(get(&self.0, name));
        let arguments: Array = arguments.iter().collect();
        method.apply(&self.0, &arguments).expect("a method does not throw").into()
    }

    pub fn ask(&self, name: &str, first: JsValue, second: JsValue) -> Promise {
        self.call(name, &[first, second])
    }

    pub fn user(&self) -> JsValue {
        get(&self.0, "user")
    }

    pub fn persistence(&self) -> JsValue {
        get(&self.0, "persistence")
    }

    pub fn reset_password(&self, first: JsValue, second: JsValue, third: JsValue) -> Promise {
        self.call("resetPassword", &[first, second, third])
    }

    pub fn signup(&self, params: JsValue, options: JsValue) -> Promise {
        self.ask("signup", params, options)
    }

    pub fn login(&self, params: JsValue, options: JsValue) -> Promise {
        self.ask("login", params, options)
    }

    pub fn logout(&self, event: JsValue, options: JsValue) -> Promise {
        self.ask("logout", event, options)
    }

    pub fn forgot_password(&self, params: JsValue, options: JsValue) -> Promise {
        self.ask("forgotPassword", params, options)
    }

    pub fn check_email(&self, email: JsValue, options: JsValue) -> Promise {
        self.ask("checkEmail", email, options)
    }

    pub fn resend_verification(&self, email: JsValue, options: JsValue) -> Promise {
        self.ask("resendVerification", email, options)
    }

    pub fn resend_signup_confirmation(&self, options: JsValue) -> Promise {
        self.ask("resendSignupConfirmation", options, NONE)
    }

    pub fn verify_account(&self, secret: JsValue, options: JsValue) -> Promise {
        self.ask("verifyAccount", secret, options)
    }

    pub fn verify_email(&self, params: JsValue, options: JsValue) -> Promise {
        self.ask("verifyEmail", params, options)
    }

    pub fn get_settings(&self, options: JsValue) -> Promise {
        self.ask("getSettings", options, NONE)
    }

    pub fn get_profile(&self, options: JsValue) -> Promise {
        self.ask("getProfile", options, NONE)
    }

    pub fn get_session(&self, options: JsValue) -> Promise {
        self.ask("getSession", options, NONE)
    }

    pub fn get_access_token(&self, options: JsValue) -> Promise {
        self.ask("getAccessToken", options, NONE)
    }

    pub fn list_sessions(&self) -> Promise {
        self.ask("listSessions", NONE, NONE)
    }

    pub fn refresh_token(&self, options: JsValue) -> Promise {
        self.ask("refreshToken", options, NONE)
    }
}

pub struct World {
    pub core: Client,
    inside: JsValue,
}

/// Replaces `TOKENS` in the text.
fn with_tokens(text: &str) -> String {
    text.replace("TOKENS", TOKENS)
}

/// A world with these routes and options, both as JavaScript.
pub fn world_with(routes: &str, options: &str) -> World {
    let make = Function::new_with_args("routes, options", SERVER);
    let inside = make
        .call2(&JsValue::NULL, &with_tokens(routes).into(), &with_tokens(options).into())
        .expect("the routes and options are JavaScript");
    World { core: open(&inside), inside }
}

pub fn server_of(routes: &str) -> World {
    world_with(routes, "{}")
}

fn open(inside: &JsValue) -> Client {
    let [page, own] = ["page", "own"].map(|name| get(inside, name).unchecked_into::<Map>());
    let life = get(&get(inside, "life"), "signal").unchecked_into();
    let client = AuthClient::new(get(inside, "options"), Some(life), Some(page), Some(own));
    // A test records only real changes: the first state is known.
    client.on_auth_state_change(Function::from(get(inside, "emit")), Some(true));
    Client(client.into())
}

impl World {
    /// Another client with the same options, on the same page.
    pub fn again(&self) -> Client {
        open(&self.inside)
    }

    /// Another client with the same options, on a page that has just been loaded.
    pub fn reloaded(&self) -> Client {
        self.run("(world.page = new Map(), world.own = new Map())");
        open(&self.inside)
    }

    /// The calls so far, as `METHOD /path`.
    pub fn calls(&self) -> String {
        self.run("world.calls.map((call) => call.name).join(', ')")
    }

    /// The body of a call, as JSON.
    pub fn body(&self, at: usize) -> String {
        self.run(&format!("JSON.stringify(world.calls.at({at}).body)"))
    }

    /// The events so far.
    pub fn events(&self) -> String {
        self.run("world.events.join(', ')")
    }

    /// Evaluates a JavaScript expression on `world`, as text.
    pub fn run(&self, expression: &str) -> String {
        let function =
            Function::new_with_args("world", &format!("return String({});", with_tokens(expression)));
        let value = function.call1(&JsValue::NULL, &self.inside).expect("the expression is JavaScript");
        value.as_string().expect("String() gives a string")
    }

    /// Moves the device's date forward.
    pub fn seconds_later(&self, seconds: u32) {
        self.run(&format!(
            "(window.date ??= Date.now, window.ahead = (window.ahead ?? 0) + {seconds}000, Date.now = () => window.date.call(Date) + window.ahead)"
        ));
    }

    pub async fn signed_in(self) -> World {
        let answer =
            self.core.login(js("{ email: 'ada@example.com', password: 'secret' }"), JsValue::UNDEFINED);
        ok(answer).await;
        self.run("(world.calls.length = 0, world.events.length = 0)");
        self
    }
}

/// Evaluates a JavaScript expression.
pub fn js(expression: &str) -> JsValue {
    let function = Function::new_no_args(&format!("return ({expression});"));
    function.call0(&JsValue::NULL).expect("the expression is JavaScript")
}

/// Adds a form to this page and removes the previous one.
pub fn form(controls: &str) -> JsValue {
    let make = Function::new_with_args(
        "controls",
        "document.getElementById('under-test')?.remove();
         document.body.insertAdjacentHTML('beforeend', `<div id=under-test>${controls}</div>`);
         return document.querySelector('#under-test form');",
    );
    let controls =
        if controls.contains("<form") { controls.to_owned() } else { format!("<form>{controls}</form>") };
    make.call1(&JsValue::NULL, &controls.into()).expect("the page takes a form")
}

pub fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).expect("an object")
}

/// The resolved value of a promise, as JSON.
pub async fn ok(promise: Promise) -> String {
    match JsFuture::from(promise).await {
        Ok(value) => json(&value),
        Err(error) => panic!("rejected with {}", json(&error)),
    }
}

/// The error of a promise as `CODE field` or `CODE`.
pub async fn err(promise: Promise) -> String {
    let error = rejection(promise).await;
    let mut text = get(&error, "code").as_string().expect("an error has a code");
    if let Some(field) = get(&error, "field").as_string() {
        text.push(' ');
        text.push_str(&field);
    }
    text
}

/// The error of a promise.
pub async fn rejection(promise: Promise) -> JsValue {
    match JsFuture::from(promise).await {
        Ok(value) => panic!("resolved with {}", json(&value)),
        Err(error) => error,
    }
}

pub fn json(value: &JsValue) -> String {
    JSON::stringify(value).ok().and_then(|text| text.as_string()).unwrap_or_else(|| "undefined".into())
}

pub async fn pause(milliseconds: u32) {
    let timer = js(&format!("new Promise((resolve) => setTimeout(resolve, {milliseconds}))"));
    JsFuture::from(Promise::from(timer)).await.expect("a timer ends");
}

/// Polls for effects that no promise reports. Continues after five seconds in any case: the assertion is then
/// clearer.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        pause(10).await;
    }
}

/// The page's clocks and timers, which stand still until a test advances them.
pub struct Clock(JsValue);

/// Fires timers in the order of their times. Between two of them the page gets time to run.
const CLOCK: &str = r#"
const real = { set: window.setTimeout, clear: window.clearTimeout, date: Date.now, running: performance.now };
const [date, running] = [Date.now(), performance.now()];
const NO_REAL_TIMER = 1e9;
let elapsed = 0;
let last = NO_REAL_TIMER;
let timers = [];
window.setTimeout = (run, time = 0, ...args) => (timers.push({ id: ++last, at: elapsed + time, run: () => run(...args) }), last);
window.clearTimeout = (id) => (id > NO_REAL_TIMER ? (timers = timers.filter((timer) => timer.id !== id)) : real.clear.call(window, id));
Date.now = () => date + elapsed;
performance.now = () => running + elapsed;
const settled = () => new Promise((resolve) => real.set.call(window, resolve, 10));
return {
    async advance(time) {
        const end = elapsed + time;
        for (;;) {
            await settled();
            const [next] = timers.sort((one, other) => one.at - other.at);
            if (!next || next.at > end) break;
            timers.shift();
            elapsed = Math.max(elapsed, next.at);
            next.run();
        }
        elapsed = end;
    },
    go() {
        Object.assign(window, { setTimeout: real.set, clearTimeout: real.clear });
        Date.now = real.date;
        delete performance.now;
        for (const { run, at } of timers) real.set.call(window, run, at - elapsed);
    },
};
"#;

impl Clock {
    /// Stops all clocks until the result is dropped.
    pub fn stop() -> Clock {
        Clock(Function::new_no_args(CLOCK).call0(&JsValue::NULL).expect("the clock is JavaScript"))
    }

    pub async fn advance(&self, milliseconds: u32) {
        let advance = Function::from(get(&self.0, "advance"));
        let moved = advance.call1(&JsValue::NULL, &milliseconds.into()).expect("a promise");
        JsFuture::from(Promise::from(moved)).await.expect("the clock moves");
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        Function::from(get(&self.0, "go")).call0(&JsValue::NULL).expect("the clocks go on");
    }
}

pub const NONE: JsValue = JsValue::UNDEFINED;
