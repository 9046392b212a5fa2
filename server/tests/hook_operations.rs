//! Every operation has its hooks. Each one is tested by a real request that carries the operation out.

use axum::http::Method;
use doorward_core::operation::Operation;
use serde_json::{Value, json};

use crate::limit_routes::{self, ONCE, limited, method_of};
use crate::post;
use crate::support::browser::Browser;
use crate::support::captcha::{ALWAYS, work};
use crate::support::hooks::{Hooked, Log, tell};
use crate::support::issuer::Issuer;
use crate::support::people::to;
use crate::support::proof::ProofKey;
use crate::support::{Answer, Call, TestApp};

const PASSWORD: &str = "correct horse";
const NEW_PASSWORD: &str = "battery staple";
const FORM: &str = "application/x-www-form-urlencoded";

/// A server with a provider and a hook script. A first sign-in with the provider creates the account.
struct World {
    t: Hooked,
    op: Issuer,
}

/// Builds the same request each time.
type Request<'a> = Box<dyn Fn() -> Call + 'a>;

fn post<'a>(t: &'a TestApp, path: &'static str, body: Value) -> Request<'a> {
    Box::new(move || t.post(path, body.clone()))
}

fn post_as<'a>(t: &'a TestApp, who: Value, path: &'static str, body: Value) -> Request<'a> {
    Box::new(move || t.post_as(&who, path, body.clone()))
}

/// The operations with a hook before them.
fn asked() -> impl Iterator<Item = Operation> {
    Operation::ALL.iter().copied().filter(|operation| operation.hooks().contains(&operation.pre()))
}

/// A script with one hook for each operation.
fn each(hook: fn(Operation) -> String) -> String {
    asked().map(hook).collect()
}

impl World {
    async fn new() -> World {
        let op = Issuer::start().await;
        for sub in ["ada", "bob", "eve"] {
            op.person(sub, json!({ "name": sub }));
        }
        let settings = op.settings("acme") + "[auto_register]\nprovider = true\n";
        World { t: Hooked::with("", &settings, "time = \"5s\"").await, op }
    }

    /// A request for each operation. Its preconditions have been set up.
    async fn requests(&self) -> Vec<(Operation, Request<'_>)> {
        let mut requests = Vec::new();
        for operation in asked() {
            requests.push((operation, self.request(operation).await));
        }
        requests
    }

    /// Each operation uses an account of its own. A new operation needs a request here: the compiler reports
    /// a missing one.
    async fn request(&self, operation: Operation) -> Request<'_> {
        let t: &TestApp = &self.t;
        let email = format!("{}@example.com", operation.as_str());
        let with_password = json!({ "email": email, "password": PASSWORD });
        match operation {
            Operation::EmailAuth => {
                t.signup(&email, PASSWORD).await;
                post(t, "/v1/login", with_password)
            }
            Operation::UsernameAuth => {
                let body = json!({ "username": "ada_l", "password": PASSWORD });
                t.post("/v1/signup", body.clone()).await.ok();
                post(t, "/v1/login", body)
            }
            Operation::PhoneAuth => {
                let number = "+4915112345601";
                let code = t.code(number, "LOGIN").await;
                let body = to(number, json!({ "code": code, "password": PASSWORD }));
                t.post("/v1/signup/code", body).await.ok();
                post(t, "/v1/login", to(number, json!({ "password": PASSWORD })))
            }
            Operation::CodeAuth => {
                let number = "+4915112345602";
                let code = t.code(number, "LOGIN").await;
                post(t, "/v1/login/code", to(number, json!({ "code": code })))
            }
            Operation::DeviceidAuth => {
                post(t, "/v1/login/device", json!({ "device_id": "the-device-of-somebody" }))
            }
            Operation::CustomidAuth => post(t, "/v1/login/custom", json!({ "custom_id": "crm-4711" })),
            Operation::ProviderAuth => {
                let browser = Browser::new(t);
                let begun = browser.begin("acme").await;
                let back = self.op.consent(&begun.url, "ada");
                Box::new(move || browser.come("acme", &begun, &back))
            }
            Operation::SignIn => post(t, "/v1/login/custom", json!({ "custom_id": "crm-4712" })),
            Operation::Signup => post(t, "/v1/signup", with_password),
            Operation::Logout => {
                let who = t.device(&email).await;
                post(t, "/v1/logout", json!({ "revoke_token": who["revoke_token"] }))
            }
            Operation::RestoreToken => {
                let who = t.device(&email).await;
                let token = who["refresh_token"].as_str().unwrap();
                let form =
                    format!("grant_type=refresh_token&client_id=doorward&restore=true&refresh_token={token}");
                Box::new(move || t.send(Method::POST, "/v1/token", FORM, form.clone()))
            }
            Operation::RefreshToken => {
                let who = t.device(&email).await;
                Box::new(move || t.refresh(who["refresh_token"].as_str().unwrap()))
            }
            Operation::SendCode => post(t, "/v1/code", json!({ "email": email })),
            Operation::ForgotPassword => post(t, "/v1/password/forgot", json!({ "email": email })),
            Operation::ResetPassword => {
                t.signup(&email, PASSWORD).await;
                t.post("/v1/password/forgot", json!({ "email": email })).await.ok();
                let mail = post::newest(t, &email).await;
                let body = json!({ "token": mail.token(), "new_password": NEW_PASSWORD });
                post(t, "/v1/password/reset", body)
            }
            Operation::ChangePassword => {
                t.signup(&email, PASSWORD).await;
                let who = t.login(&email, PASSWORD).await;
                let body = json!({ "old_password": PASSWORD, "new_password": NEW_PASSWORD });
                post_as(t, who, "/v1/password", body)
            }
            Operation::VerifyEmail => {
                t.signup(&email, PASSWORD).await;
                let mail = post::newest(t, &email).await;
                post(t, "/v1/email/verify", json!({ "token": mail.token(), "password": PASSWORD }))
            }
            Operation::ChangeAddress => {
                let who = t.device(&email).await;
                let code = t.code_as(&who, &email, "CHANGE_EMAIL").await;
                post_as(t, who, "/v1/email/bind", json!({ "email": email, "email_code": code }))
            }
            Operation::UpdateProfile => {
                let who = t.device(&email).await;
                Box::new(move || t.send_as(&who, "PATCH", "/v1/profile", json!({ "name": "Ada" })))
            }
            Operation::LinkIdentity => {
                let (browser, who, back) = self.back_from_provider("bob").await;
                Box::new(move || browser.post_as(&who, "/v1/identities/acme", back.clone()))
            }
            Operation::UnlinkIdentity => {
                let (browser, who, back) = self.back_from_provider("eve").await;
                browser.post_as(&who, "/v1/identities/acme", back).await.ok();
                Box::new(move || browser.sign(&who, t.send(Method::DELETE, "/v1/identities/acme", "", "")))
            }
            // Happens within other operations and has only a hook after it.
            Operation::AccountClaimed => unreachable!(),
            Operation::DeleteAccount => post_as(t, t.device(&email).await, "/v1/account/delete", json!({})),
        }
    }

    /// A signed-in user, their browser, and the provider's answer as a body for linking.
    async fn back_from_provider(&self, sub: &str) -> (Browser<'_>, Value, Value) {
        let key = ProofKey::new();
        let who = self.t.device_with(&key, sub).await;
        let browser = Browser { app: &self.t, key: Some(key) };
        let begun = browser.begin_as(&who, "acme").await;
        let back = begun.body(&self.op.consent(&begun.url, sub));
        (browser, who, back)
    }
}

/// The message of the refusing hook. The token endpoint returns it as `error_description` (RFC 6749 §5.2).
fn refused_with(answer: &Answer) -> &Value {
    match answer.json["code"].as_str() {
        Some("HOOK_REJECTED") => &answer.json["detail"],
        _ => &answer.json["error_description"],
    }
}

#[tokio::test]
async fn seed_h01_every_operation_can_be_refused_by_its_hook() {
    let world = World::new().await;
    let requests = world.requests().await;
    let refuse = |one: Operation| format!("def {}(model):\n    reject({:?})\n", one.pre(), one.as_str());
    // `SignIn` runs after the hook of another operation, so it is tested last, with a script of its own.
    let (later, first): (Vec<_>, Vec<_>) = requests.iter().partition(|(one, _)| *one == Operation::SignIn);
    world.t.rewrite(&each(refuse)).await;
    for (at, (operation, request)) in first.into_iter().chain(later).enumerate() {
        if at + 1 == requests.len() {
            world.t.rewrite(&refuse(Operation::SignIn)).await;
        }
        let answer = request().await;
        let said = (answer.status, refused_with(&answer).as_str());
        assert_eq!(said, (403, Some(operation.as_str())), "{}", answer.text);
    }
    world.t.rewrite("# no hooks\n").await;
    for (operation, request) in &requests {
        let answer = request().await;
        assert_eq!(answer.status, 200, "{operation:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn seed_h02_a_hook_after_each_operation_learns_that_it_was_carried_out() {
    let world = World::new().await;
    let requests = world.requests().await;
    world.t.rewrite(&each(|one| tell(one.post(), &format!("{:?}", one.as_str())))).await;
    for (operation, request) in &requests {
        request().await.ok();
        let told = world.t.told().await;
        assert!(told.contains(&json!([true, operation.as_str()])), "{operation:?}: {told:?}");
    }
}

/// A script that prints a line before each operation and has a hook after it.
fn witness() -> String {
    let both = |one: Operation| {
        let (pre, post) = (one.pre(), one.post());
        format!(
            "def {pre}(model):\n    print('reached {pre}')\n\ndef {post}(model, successed):\n    pass\n\n"
        )
    };
    each(both)
}

/// The number of lines printed before operations, and the number of rows for hooks after operations.
async fn heard(t: &TestApp, log: &Log) -> (usize, String) {
    (log.text().matches("reached pre_").count(), t.sql("select count(*) from hook_deliveries").await)
}

#[tokio::test]
async fn a_try_that_a_limit_refuses_reaches_no_hook() {
    let log = Log::listen();
    let hooked = Hooked::with(&witness(), ONCE, "time = \"5s\"").await;
    let t = hooked.server;
    let own = json!({ "email": "ada@example.com", "password": PASSWORD });
    t.post("/v1/signup", own.clone()).from("192.0.2.1").await.ok();
    let ada = t.post("/v1/login", own).from("192.0.2.1").await.ok();
    // Another account has the username that Ada asks for, because setting one's own username again is not
    // limited.
    let other = json!({ "username": "ada_l", "password": PASSWORD });
    t.post("/v1/signup", other).from("192.0.2.2").await.ok();
    let world = limit_routes::World { t, ada };
    for (at, (template, body)) in limited().into_iter().enumerate() {
        let path = template.replace("{provider}", "example");
        let ip = format!("198.51.100.{at}");
        let ask = || world.ask(method_of(template), template, &path, &body, &ip);
        assert_ne!(ask().await.status, 429, "{template}");
        let before = heard(&world.t, &log).await;
        assert_eq!(ask().await.status, 429, "{template}");
        assert_eq!(heard(&world.t, &log).await, before, "{template}");
    }
    let (printed, rows) = heard(&world.t, &log).await;
    assert!(
        printed > 15 && rows.parse::<usize>().unwrap() > 15,
        "the allowed tries reach the hooks: {printed}, {rows}"
    );
}

#[tokio::test]
async fn a_try_that_the_captcha_refuses_reaches_no_hook() {
    let log = Log::listen();
    let settings = format!("{ALWAYS}[compat]\nauth_v1 = true\n");
    let hooked = Hooked::with(&witness(), &settings, "time = \"5s\"").await;
    let t = hooked.server;
    let own = json!({ "email": "ada@example.com", "password": PASSWORD });
    let solved = async |path: &str| {
        let solution = work(&t.post(path, own.clone()).await.challenge());
        t.post(path, own.clone()).header("captcha-response", &solution).await.ok()
    };
    solved("/v1/signup").await;
    let ada = solved("/v1/login").await;
    let before = heard(&t, &log).await;
    // The sign-up, the sign-in, and the session that it begins.
    assert_eq!(before, (3, "3".to_owned()), "calls with a solution reach the hooks");
    let world = limit_routes::World { t, ada };
    // Forms have no captcha, and getting a captcha requires none.
    let is_asked = |template: &str| !template.starts_with("/account/") && template != "/v1/captcha";
    for (template, body) in limited().into_iter().filter(|(template, _)| is_asked(template)) {
        let path = template.replace("{provider}", "example");
        let answer = world.ask(method_of(template), template, &path, &body, "198.51.100.1").await;
        assert!(
            answer.status == 403 && answer.text.contains("CAPTCHA_REQUIRED"),
            "{template}: {}",
            answer.text
        );
        assert_eq!(heard(&world.t, &log).await, before, "{template}");
    }
}
