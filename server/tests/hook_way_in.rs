//! No call bypasses the hooks: every call that begins a session or creates an account runs the hooks of both.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::post::wrong;
use crate::support::browser::Browser;
use crate::support::hooks::{Hooked, tell};
use crate::support::issuer::Issuer;
use crate::support::people::to;
use crate::support::{Answer, TestApp};

const PASSWORD: &str = "correct horse";
const NUMBER: &str = "+4915112345678";

/// A first sign-in with any method creates an account, if the page asks for it.
const REGISTERS: &str = "[auto_register]\npassword = true\nemail_code = true\nphone_code = true\ndevice = true\ncustom = true\nprovider = true\n";

async fn world(script: &str) -> (Hooked, Issuer) {
    let op = Issuer::start().await;
    for sub in ["ada", "bob"] {
        let email = format!("{sub}@example.com");
        op.person(sub, json!({ "email": email, "email_verified": true, "name": sub }));
    }
    let settings = format!("{}trust_email = true\n{REGISTERS}", op.settings("acme"));
    (Hooked::with(script, &settings, "time = \"5s\"").await, op)
}

async fn accounts(t: &TestApp) -> String {
    t.sql("select count(*) from accounts").await
}

/// The sign-in methods, by their names in hooks.
const METHODS: [&str; 6] = ["password", "email_code", "phone_code", "device", "custom", "acme"];

async fn first_sign_in(t: &TestApp, op: &Issuer, method: &str) -> Answer {
    match method {
        "password" => {
            let body = json!({ "email": "new@example.com", "password": PASSWORD, "options": { "auto_register": true } });
            t.post("/v1/login", body).await
        }
        "email_code" | "phone_code" => {
            let address = if method == "email_code" { "code@example.com" } else { NUMBER };
            // A number gets its next code only after a pause.
            t.advance(120_000);
            let code = t.code(address, "LOGIN").await;
            t.post("/v1/login/code", to(address, json!({ "code": code }))).await
        }
        "device" => t.post("/v1/login/device", json!({ "device_id": "a-device-nobody-knows" })).await,
        "custom" => t.post("/v1/login/custom", json!({ "custom_id": "crm-4711" })).await,
        _ => {
            let browser = Browser::new(t);
            let begun = browser.begin("acme").await;
            browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await
        }
    }
}

#[tokio::test]
async fn seed_a06_a07_k24_a_signup_that_begins_a_session_runs_the_hooks_of_a_login() {
    let script = r#"
def deny(model):
    reject("Not you.")

pre_email_auth = deny
pre_username_auth = deny
pre_code_auth = deny
"#;
    let t = Hooked::new(script).await;
    let code = t.code(NUMBER, "LOGIN").await;
    let signups = [
        ("/v1/signup", json!({ "email": "deny@example.com", "password": PASSWORD })),
        ("/v1/signup", json!({ "username": "deny", "password": PASSWORD })),
        ("/v1/signup/code", to(NUMBER, json!({ "code": code }))),
    ];
    for (path, body) in &signups {
        for option in ["login", "force_login", "generate_token"] {
            let mut body = body.clone();
            body["options"] = json!({ option: true });
            let said = t.post(path, body.clone()).await.refused(403, "HOOK_REJECTED");
            assert_eq!(said["detail"], "Not you.", "{body}");
        }
    }
    assert_eq!(accounts(&t).await, "0", "a refusal creates no account");
    for (path, body) in signups {
        t.post(path, body).await.ok();
    }
}

#[tokio::test]
async fn seed_a06_a07_post_hooks_of_a_login_run_after_a_signup_with_login_only() {
    let script = [
        tell("post_signup", "'signup', model.get_user_id() != ''"),
        tell("post_email_auth", "'login', model.get_session_id() != ''"),
        tell("post_sign_in", "'sign_in', model.get_method()"),
    ];
    let t = Hooked::new(&script.concat()).await;
    let signup = async |email: &str, options: Value| {
        t.post("/v1/signup", json!({ "email": email, "password": PASSWORD, "options": options })).await.ok();
        t.told().await.into_iter().map(|told| told.to_string()).collect::<BTreeSet<_>>()
    };
    let signed_up = json!([true, "signup", true]).to_string();
    let with_login = signup("ada@example.com", json!({ "login": true })).await;
    let login = json!([true, "login", true]).to_string();
    let sign_in = json!([true, "sign_in", "password"]).to_string();
    assert_eq!(with_login, BTreeSet::from([signed_up.clone(), login, sign_in]));
    let with_token = signup("bob@example.com", json!({ "generate_token": true })).await;
    assert_eq!(with_token, BTreeSet::from([signed_up]));
}

#[tokio::test]
async fn hooks_see_one_session_when_a_request_is_repeated_with_its_key() {
    let t = Hooked::new(&tell("post_sign_in", "model.get_method(), model.get_new()")).await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "options": { "login": true } });
    let code = t.code(NUMBER, "LOGIN").await;
    for (path, body) in [("/v1/signup", body), ("/v1/login/code", to(NUMBER, json!({ "code": code })))] {
        let send = || {
            let call = t.post(path, body.clone());
            call.header("idempotency-key", "6f1c2b70-5f0d-4e0c-9d5e-0a3a4a5b6c7d")
        };
        t.sql_do("delete from idempotency").await;
        send().await.ok();
        let told = t.told().await;
        assert_eq!(told.len(), 1, "{path}: {told:?}");
        send().await.ok();
        assert_eq!(t.told().await, [Value::Null; 0], "{path}");
    }
}

#[tokio::test]
async fn every_new_account_needs_the_approval_of_pre_signup() {
    let script = "def pre_signup(model):\n    reject('no ' + model.get_method())\n";
    let (t, op) = world(script).await;
    for method in METHODS {
        let answer = first_sign_in(&t, &op, method).await.refused(403, "HOOK_REJECTED");
        assert_eq!(answer["detail"], format!("no {method}"));
    }
    assert_eq!(accounts(&t).await, "0");
    assert_eq!(t.sql("select count(*) from sessions").await, "0");
}

#[tokio::test]
async fn every_new_account_runs_post_signup_once() {
    let (t, op) = world(&tell("post_signup", "model.get_method(), model.get_user_id() != ''")).await;
    for method in METHODS {
        first_sign_in(&t, &op, method).await.ok();
        assert_eq!(t.told().await, [json!([true, method, true])], "{method}");
        // The second sign-in finds the account of the first.
        first_sign_in(&t, &op, method).await.ok();
        assert_eq!(t.told().await, [Value::Null; 0], "{method}: the account exists already");
    }
}

#[tokio::test]
async fn pre_signup_sees_and_completes_the_account_of_a_first_sign_in() {
    let script = r#"
def pre_signup(model):
    if model.get_method() == "acme":
        model.set_nickname("of " + model.get_name() + " " + model.get_email())
        model.set_roles(["member"])
    if model.get_method() == "phone_code":
        model.set_username("u" + model.get_phone_number()[1:])
        model.set_nickname("caller")
"#;
    let (t, op) = world(script).await;
    let ada = first_sign_in(&t, &op, "acme").await.ok()["session"]["user"].clone();
    assert_eq!((&ada["nickname"], &ada["roles"]), (&json!("of ada ada@example.com"), &json!(["member"])));
    let phone = first_sign_in(&t, &op, "phone_code").await.ok()["user"].clone();
    assert_eq!((&phone["username"], &phone["nickname"]), (&json!("u4915112345678"), &json!("caller")));
    assert_eq!(phone["phone_number"], NUMBER);
}

#[tokio::test]
async fn a_hook_before_a_registration_sees_the_address_that_the_provider_vouches_for() {
    let script = r#"
def pre_signup(model):
    if model.get_email().endswith("@example.com"):
        reject(model.get_name() + " is not wanted", field = "email")
"#;
    let op = Issuer::start().await;
    op.person("ada", json!({ "email": "Ada@Example.com", "email_verified": true, "name": "Ada" }));
    let settings = format!("{}trust_email = true\n", op.settings("acme"));
    let t = Hooked::with(script, &settings, "time = \"5s\"").await;
    let browser = Browser::new(&t);
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    for more in [json!({}), json!({ "email": "" }), json!({ "email": "ada@example.com" })] {
        let said = browser.register("acme", &offered, more).await.refused(403, "HOOK_REJECTED");
        assert_eq!(said["detail"], "Ada is not wanted");
    }
    t.rewrite("# no hooks\n").await;
    let made = browser.register("acme", &offered, json!({})).await.ok();
    assert_eq!(
        (&made["data"]["email"], &made["data"]["email_verified"]),
        (&json!("ada@example.com"), &json!(true))
    );
}

#[tokio::test]
async fn fields_removed_by_a_hook_are_not_filled_in_from_the_provider() {
    let script = "def pre_signup(model):\n    model.set_email('')\n    model.set_name('')\n";
    let op = Issuer::start().await;
    op.person("ada", json!({ "email": "Ada@Example.com", "email_verified": true, "name": "Ada" }));
    let t =
        Hooked::with(script, &format!("{}trust_email = true\n", op.settings("acme")), "time = \"5s\"").await;
    let browser = Browser::new(&t);
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    let made = browser.register("acme", &offered, json!({})).await.ok();
    assert_eq!((made["data"].get("email"), made["data"].get("name")), (None, None));
}

#[tokio::test]
async fn a_hook_cannot_replace_a_proven_address() {
    let (t, op) = world("def pre_signup(model):\n    model.set_email('other@example.com')\n").await;
    first_sign_in(&t, &op, "acme").await.refused(500, "INTERNAL");
    first_sign_in(&t, &op, "email_code").await.refused(500, "INTERNAL");
    assert_eq!(accounts(&t).await, "0");
    let script = "def pre_email_auth(model):\n    model.set_email('other@example.com')\n";
    t.rewrite(script).await;
    let body = json!({ "email": "ada@example.com", "password": PASSWORD, "options": { "login": true } });
    t.post("/v1/signup", body).await.refused(500, "INTERNAL");
    assert_eq!(accounts(&t).await, "0");
}

/// Otherwise the message of a hook would reveal whether an address has an account.
#[tokio::test]
async fn sec_r01_a_wrong_code_gets_the_same_answer_with_and_without_an_account() {
    let script = "def pre_signup(model):\n    reject('new')\ndef pre_sign_in(model):\n    reject('known')\n";
    let (t, _) = world("# no hooks\n").await;
    let known = "known@example.com";
    let code = t.code(known, "LOGIN").await;
    t.post("/v1/login/code", to(known, json!({ "code": code }))).await.ok();
    t.rewrite(script).await;
    for (address, said) in [(known, "known"), ("nobody@example.com", "new")] {
        let code = t.code(address, "LOGIN").await;
        let wrong = json!({ "code": wrong(&code) });
        t.post("/v1/login/code", to(address, wrong)).await.refused(400, "INVALID_CODE");
        let answer = t.post("/v1/login/code", to(address, json!({ "code": code }))).await;
        assert_eq!(answer.refused(403, "HOOK_REJECTED")["detail"], said);
    }
}

#[tokio::test]
async fn pre_sign_in_sees_the_account_with_every_sign_in_method() {
    let script = r#"
def pre_sign_in(model):
    reject(json.encode([model.get_method(), model.get_user_id() != "", model.get_email(), model.get_email_verified(),
        model.get_phone_number(), model.get_phone_verified(), model.get_roles(), model.get_new()]))
"#;
    let (t, op) = world(script).await;
    let facts = async |method: &str| {
        let answer = first_sign_in(&t, &op, method).await.refused(403, "HOOK_REJECTED");
        serde_json::from_str::<Value>(answer["detail"].as_str().unwrap()).unwrap()
    };
    let user = json!(["user"]);
    let people = [
        ("password", "new@example.com", false, ""),
        ("email_code", "code@example.com", true, ""),
        ("phone_code", "", false, NUMBER),
        ("device", "", false, ""),
        ("custom", "", false, ""),
        ("acme", "ada@example.com", true, ""),
    ];
    for (method, email, proven, number) in people {
        let is_phone = !number.is_empty();
        assert_eq!(facts(method).await, json!([method, false, email, proven, number, is_phone, user, true]));
    }
    assert_eq!(accounts(&t).await, "0");
    t.rewrite("# no hooks\n").await;
    for method in METHODS {
        first_sign_in(&t, &op, method).await.ok();
    }
    t.rewrite(script).await;
    for (method, email, proven, number) in people {
        let is_phone = !number.is_empty();
        assert_eq!(facts(method).await, json!([method, true, email, proven, number, is_phone, user, false]));
    }
}

#[tokio::test]
async fn an_older_account_must_confirm_its_address_once_confirmation_is_required() {
    let t = TestApp::new().await;
    t.signup("ada@example.com", PASSWORD).await;
    let body = json!({ "username": "bob", "password": PASSWORD });
    t.post("/v1/signup", body.clone()).await.ok();
    t.login("ada@example.com", PASSWORD).await;
    let t = t.restart_with("[signup]\nconfirmation = \"required\"\n").await;
    let login = json!({ "email": "ada@example.com", "password": PASSWORD });
    t.post("/v1/login", login).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    t.post("/v1/login", body).await.ok();
    t.confirm("ada@example.com", PASSWORD).await;
    t.login("ada@example.com", PASSWORD).await;
}

/// True if an answer with this schema contains tokens.
fn has_tokens(document: &Value, schema: &Value) -> bool {
    match schema {
        Value::Object(object) => {
            let named = object.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#'));
            let named = named.and_then(|pointer| document.pointer(pointer));
            let own = schema["properties"].get("access_token").is_some();
            own || named.is_some_and(|named| has_tokens(document, named))
                || object.values().any(|inner| has_tokens(document, inner))
        }
        Value::Array(list) => list.iter().any(|inner| has_tokens(document, inner)),
        _ => false,
    }
}

#[tokio::test]
async fn every_call_that_returns_tokens_runs_its_hooks() {
    let (t, op) = world("# no hooks\n").await;
    let document = t.get("/openapi.json").await.ok();
    let answers = |call: &Value| has_tokens(&document, &call["responses"]["200"]);
    let paths = document["paths"].as_object().unwrap();
    let calls: Vec<&str> = paths
        .iter()
        .filter(|(_, methods)| methods.as_object().unwrap().values().any(answers))
        .map(|(path, _)| path.as_str())
        .collect();
    assert!(calls.len() >= 8, "{calls:?}");
    let with_login = |body: Value| {
        let mut body = body;
        body["options"] = json!({ "login": true });
        body
    };
    t.signup("ada@example.com", PASSWORD).await;
    let device = t.device("a device of somebody").await;
    for path in calls {
        t.advance(120_000);
        let by_code = async |address: &str| to(address, json!({ "code": t.code(address, "LOGIN").await }));
        let by_password = |email: &str| json!({ "email": email, "password": PASSWORD });
        // The hooks that must run, and the request. A new call that returns tokens must be added here.
        let (hooks, request): (&[&str], Answering) = match path {
            "/v1/signup" => {
                (&["signup", "email_auth", "sign_in"], post(with_login(by_password("new@example.com"))))
            }
            "/v1/signup/code" => {
                (&["signup", "code_auth", "sign_in"], post(with_login(by_code("+4915112345699").await)))
            }
            "/v1/login" => (&["email_auth", "sign_in"], post(by_password("ada@example.com"))),
            "/v1/login/code" => (&["code_auth", "signup", "sign_in"], post(by_code("+4915112345698").await)),
            "/v1/login/device" => (
                &["deviceid_auth", "signup", "sign_in"],
                post(json!({ "device_id": "another-device-of-hers" })),
            ),
            "/v1/login/custom" => {
                (&["customid_auth", "signup", "sign_in"], post(json!({ "custom_id": "crm-4713" })))
            }
            "/v1/login/provider/{provider}" => (&["provider_auth", "signup", "sign_in"], Answering::Provider),
            // This call links, so its answer has no tokens.
            "/v1/identities/{provider}" => continue,
            "/v1/token" => (&["refresh_token"], Answering::Refresh),
            other => panic!("{other} returns tokens: add the hooks that it runs"),
        };
        for hook in hooks {
            t.rewrite(&format!("def pre_{hook}(model):\n    reject({hook:?})\n")).await;
            let answer = match &request {
                Answering::Post(body) => t.post(path, body.clone()).await,
                Answering::Refresh => t.refresh(device["refresh_token"].as_str().unwrap()).await,
                Answering::Provider => {
                    let browser = Browser::new(&t);
                    let begun = browser.begin("acme").await;
                    browser.login("acme", &begun, &op.consent(&begun.url, "bob")).await
                }
            };
            assert!(answer.status == 403 && answer.text.contains(hook), "{path}: {}", answer.text);
        }
    }
}

/// How the test makes a call.
enum Answering {
    Post(Value),
    Refresh,
    Provider,
}

fn post(body: Value) -> Answering {
    Answering::Post(body)
}
