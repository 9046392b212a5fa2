//! A client, a server of mocked routes, and what happened between them.

use doorward::{Settings, client::Core};
use js_sys::{Function, JSON, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

/// A server that has the routes of a test and no other: `"POST /v1/login": [status, body, headers]`, or a
/// function of the call that gives such a triple or throws.
const SERVER: &str = r#"
const world = { calls: [], events: [], memory: {} };
world.routes = (0, eval)("(" + routes + ")");
world.options = (0, eval)("(" + options + ")");
world.life = new AbortController();
(window.lives ??= []).push(world.life);
world.emit = (event, session, code) => world.events.push(code ? event + " " + code : event);
world.fetch = async (url, init) => {
    const name = (init.method ?? "GET") + " " + new URL(url).pathname;
    const body = init.body?.startsWith("{") ? JSON.parse(init.body) : init.body;
    const call = { name, body, headers: { ...init.headers }, url, signal: init.signal };
    world.calls.push(call);
    const route = world.routes[name];
    if (!route) throw new Error("nobody mocked " + name);
    if (init.headers.DPoP) Object.assign(call, await proof(init.headers.DPoP));
    const [status, answer, headers] = typeof route === "function" ? await route(call, world.calls) : route;
    return new Response(typeof answer === "string" ? answer : JSON.stringify(answer), { status, headers });
};
world.options = { url: "https://auth.test", storage: "memory", dpop: false, fetch: world.fetch, ...world.options };
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

#[wasm_bindgen(module = "/js/keys.js")]
extern "C" {
    /// The keys of a database, as `js/client.js` makes them.
    fn keyring(name: &str) -> JsValue;
}

#[wasm_bindgen(module = "/js/http.js")]
extern "C" {
    fn transport(keys: &JsValue) -> JsValue;
}

/// What `js/http.js` imports.
#[wasm_bindgen(module = "/js/work.js")]
extern "C" {
    pub fn solve(challenge: &JsValue, signal: &JsValue) -> Promise;
}

#[wasm_bindgen(module = "/js/forms.js")]
extern "C" {
    fn taken(input: JsValue) -> JsValue;
}

/// What the server of most tests answers to a login.
pub const TOKENS: &str = r#"{ access_token: "access-1", token_type: "Bearer", expires_in: 600,
    refresh_token: "refresh-1", revoke_token: "revoke-1", server_time: 1000,
    user: { user_id: "u1", email: "ada@example.com" } }"#;

/// The methods by their names.
pub trait Methods {
    fn ask(&self, name: &str, first: JsValue, second: JsValue) -> Promise;
    fn reset_password(&self, first: JsValue, second: JsValue, third: JsValue) -> Promise;
    fn signup(&self, params: JsValue, options: JsValue) -> Promise {
        self.ask("signup", params, options)
    }
    fn login(&self, params: JsValue, options: JsValue) -> Promise {
        self.ask("login", params, options)
    }
    fn logout(&self, event: JsValue, options: JsValue) -> Promise {
        self.ask("logout", event, options)
    }
    fn forgot_password(&self, params: JsValue, options: JsValue) -> Promise {
        self.ask("forgotPassword", params, options)
    }
    fn check_email(&self, email: JsValue, options: JsValue) -> Promise {
        self.ask("checkEmail", email, options)
    }
    fn resend_verification(&self, email: JsValue, options: JsValue) -> Promise {
        self.ask("resendVerification", email, options)
    }
    fn resend_signup_confirmation(&self, options: JsValue) -> Promise {
        self.ask("resendSignupConfirmation", options, NONE)
    }
    fn verify_account(&self, secret: JsValue, options: JsValue) -> Promise {
        self.ask("verifyAccount", secret, options)
    }
    fn verify_email(&self, params: JsValue, options: JsValue) -> Promise {
        self.ask("verifyEmail", params, options)
    }
    fn get_settings(&self, options: JsValue) -> Promise {
        self.ask("getSettings", options, NONE)
    }
    fn get_profile(&self, options: JsValue) -> Promise {
        self.ask("getProfile", options, NONE)
    }
    fn get_session(&self, options: JsValue) -> Promise {
        self.ask("getSession", options, NONE)
    }
    fn get_access_token(&self, options: JsValue) -> Promise {
        self.ask("getAccessToken", options, NONE)
    }
    fn list_sessions(&self) -> Promise {
        self.ask("listSessions", NONE, NONE)
    }
    fn refresh_token(&self, options: JsValue) -> Promise {
        self.ask("refreshToken", options, NONE)
    }
}

impl Methods for Core {
    fn ask(&self, name: &str, first: JsValue, second: JsValue) -> Promise {
        self.call(name, first, second, NONE)
    }
    fn reset_password(&self, first: JsValue, second: JsValue, third: JsValue) -> Promise {
        self.call("resetPassword", first, second, third)
    }
}

pub struct World {
    pub core: Core,
    inside: JsValue,
}

/// The text with `TOKENS` where it says `TOKENS`.
fn with_tokens(text: &str) -> String {
    text.replace("TOKENS", TOKENS)
}

/// A world with these routes and options, both JavaScript.
pub fn world_with(routes: &str, options: &str) -> World {
    let make = Function::new_with_args("routes, options", SERVER);
    let inside = make
        .call2(&JsValue::NULL, &with_tokens(routes).into(), &with_tokens(options).into())
        .expect("the routes and options are JavaScript");
    World { core: with_keys(&inside), inside }
}

pub fn server_of(routes: &str) -> World {
    world_with(routes, "{}")
}

/// A client as on a page that has just been loaded.
fn with_keys(inside: &JsValue) -> Core {
    let name = get(&get(inside, "options"), "storageKey").as_string();
    let keys = keyring(&name.unwrap_or_else(|| "doorward".into()));
    let look = Closure::<dyn Fn(JsValue) -> JsValue>::new(taken).into_js_value();
    for (name, value) in [("transport", transport(&keys)), ("taken", look), ("keys", keys)] {
        Reflect::set(&get(inside, "memory"), &name.into(), &value).expect("an object");
    }
    open(inside)
}

fn open(inside: &JsValue) -> Core {
    Core::new(
        Settings::new(get(inside, "options")),
        get(inside, "emit"),
        get(&get(inside, "life"), "signal").unchecked_into(),
        get(inside, "memory"),
    )
}

impl World {
    /// Another client with the same options, on the same page.
    pub fn again(&self) -> Core {
        open(&self.inside)
    }

    /// Another client with the same options, on a page that has just been loaded.
    pub fn reloaded(&self) -> Core {
        self.run("(world.memory = {})");
        with_keys(&self.inside)
    }

    /// The calls so far, `METHOD /path` each.
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

    /// A JavaScript expression about this `world`, as text.
    pub fn run(&self, expression: &str) -> String {
        let function =
            Function::new_with_args("world", &format!("return String({});", with_tokens(expression)));
        let value = function.call1(&JsValue::NULL, &self.inside).expect("the expression is JavaScript");
        value.as_string().expect("String() gives a string")
    }

    /// Lets the device's date run ahead.
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

/// A JavaScript value.
pub fn js(expression: &str) -> JsValue {
    let function = Function::new_no_args(&format!("return ({expression});"));
    function.call0(&JsValue::NULL).expect("the expression is JavaScript")
}

/// A form of this page. Its predecessor is removed.
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

/// What a promise resolves with, as JSON.
pub async fn ok(promise: Promise) -> String {
    match JsFuture::from(promise).await {
        Ok(value) => json(&value),
        Err(error) => panic!("rejected with {}", json(&error)),
    }
}

/// `CODE field` of what a promise rejects with, or `CODE`.
pub async fn err(promise: Promise) -> String {
    let error = rejection(promise).await;
    let mut text = get(&error, "code").as_string().expect("an error has a code");
    if let Some(field) = get(&error, "field").as_string() {
        text.push(' ');
        text.push_str(&field);
    }
    text
}

/// What a promise rejects with.
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

/// Waits for what no promise tells. Goes on after five seconds all the same: what is asserted then says more.
pub async fn until(mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..500 {
        if holds().await {
            return;
        }
        pause(10).await;
    }
}

/// The page's clocks and timers, which stand still until a test moves them on.
pub struct Clock(JsValue);

/// Timers end in the order of their times. Between two of them the page gets the time to do what it has to do.
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
    /// Stops all clocks, until this is dropped.
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
