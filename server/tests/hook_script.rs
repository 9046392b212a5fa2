//! `hooks.star`: every function of seed 000. A hook reports the values that it reads in the message of its
//! refusal.

use serde_json::{Value, json};

use crate::support::Call;
use crate::support::hooks::{Hooked, Log};

const DEVICE: &str = "7b6c1f3e-9d0a-4c53-8e7e-0123456789ab";
const PASSWORD: &str = "correct horse";

fn login(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD })
}

/// A hook that refuses with the values of these getters.
fn tell(function: &str, getters: &str) -> String {
    format!("def {function}(model):\n    reject(json.encode([{getters}]))\n")
}

#[track_caller]
fn told(problem: &Value) -> Value {
    serde_json::from_str(problem["detail"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn seed_h01_h05_h06_h07_a_hook_before_a_sign_in_reads_the_request_and_can_refuse() {
    let t =
        Hooked::new(&tell("pre_email_auth", "model.get_email(), model.get_password(), model.get_create()"))
            .await;
    let body =
        json!({ "email": "ada@example.com", "password": PASSWORD, "options": { "auto_register": true } });
    let problem = t.post("/v1/login", body).await.refused(403, "HOOK_REJECTED");
    // A message to a caller contains no password, not even the caller's own.
    assert_eq!(told(&problem), json!(["ada@example.com", "[secret]", true]));
    let problem = t.post("/v1/login", login("eve@example.com")).await.refused(403, "HOOK_REJECTED");
    assert_eq!(told(&problem), json!(["eve@example.com", "[secret]", false]));
    t.rewrite("def pre_email_auth(model):\n    reject(str(len(model.get_password())))\n").await;
    let problem = t.post("/v1/login", login("eve@example.com")).await.refused(403, "HOOK_REJECTED");
    assert_eq!(problem["detail"], "13", "the hook itself reads the password");
}

#[tokio::test]
async fn seed_h03_h04_h45_a_hook_sees_the_user_of_an_existing_session() {
    let t = Hooked::new("").await;
    let ada = t.somebody().await;
    t.rewrite(&tell("pre_email_auth", "model.get_user_id(), model.get_session_id()")).await;
    let problem = t.post("/v1/login", login("eve@example.com")).await.refused(403, "HOOK_REJECTED");
    assert_eq!(told(&problem), json!(["", ""]));
    let problem = t.post_as(&ada, "/v1/login", login("eve@example.com")).await.refused(403, "HOOK_REJECTED");
    let told = told(&problem);
    assert_eq!(told[0], ada["user"]["user_id"]);
    assert!(!told[1].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn seed_h45_a_hook_before_a_change_of_an_account_always_sees_the_user() {
    let google = "[providers.google]\nclient_id = \"client\"\nclient_secret = \"secret\"\n\
                  callbacks = [\"https://app.example.com/back\"]\naccept_tokens = true\n";
    let t = Hooked::with("", google, "time = \"5s\"").await;
    let ada = t.somebody().await;
    let nobody = json!({ "access_token": "none" });
    let operations = [
        "link_identity",
        "unlink_identity",
        "change_address",
        "change_password",
        "update_profile",
        "delete_account",
    ];
    let getters = "model.get_user_id(), len(model.get_session_id()) > 0";
    t.rewrite(&operations.map(|operation| tell(&format!("pre_{operation}"), getters)).concat()).await;
    for (method, path, body) in [
        ("POST", "/v1/identities/google", json!({ "token": "token" })),
        ("DELETE", "/v1/identities/google", Value::Null),
        ("POST", "/v1/email/bind", json!({ "email": "eve@example.com", "email_code": "123456" })),
        ("POST", "/v1/email/change", json!({ "email": "eve@example.com", "email_code": "123456" })),
        ("POST", "/v1/email/unbind", json!({})),
        ("POST", "/v1/phone/bind", json!({ "phone_number": "+4915112345678", "phone_code": "123456" })),
        ("POST", "/v1/password", json!({ "old_password": PASSWORD, "new_password": "battery staple" })),
        ("PATCH", "/v1/profile", json!({ "name": "Ada" })),
        ("POST", "/v1/account/delete", json!({ "password": PASSWORD })),
    ] {
        let call = |who: &Value| t.send_as(who, method, path, body.clone());
        let problem = call(&ada).await.refused(403, "HOOK_REJECTED");
        assert_eq!(told(&problem), json!([ada["user"]["user_id"], true]), "{method} {path}");
        call(&nobody).await.refused(401, "SESSION_REQUIRED");
    }
}

#[tokio::test]
async fn seed_h08_an_address_that_a_hook_sets_is_checked_like_one_that_was_sent() {
    let t = Hooked::new("").await;
    t.signup("ada@example.com", PASSWORD).await;
    t.rewrite("def pre_email_auth(model):\n    model.set_email(model.get_email().replace('@old.example', '@EXAMPLE.com'))\n")
        .await;
    let tokens = t.login("ada@old.example", PASSWORD).await;
    assert_eq!(tokens["user"]["email"], "ada@example.com");
    t.rewrite("def pre_email_auth(model):\n    model.set_email('nobody')\n").await;
    let problem = t.post("/v1/login", login("ada@example.com")).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(problem["field"], "email");
}

#[tokio::test]
async fn seed_h09_h10_h39_a_hook_sets_the_password_and_allows_automatic_sign_up() {
    let set = "def pre_email_auth(model):\n    model.set_password(model.get_password().strip())\n";
    let t = Hooked::with(set, "[auto_register]\npassword = false", "time = \"5s\"").await;
    let asking = |email: &str| {
        let options = json!({ "auto_register": true });
        json!({ "email": email, "password": "  correct horse ", "options": options })
    };
    let refused = t.post("/v1/login", asking("ada@example.com")).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(refused["field"], "options.auto_register");
    t.post("/v1/login", login("ada@example.com")).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    t.rewrite(&format!("{set}    model.set_create(True)\n")).await;
    let first = t.login("ada@example.com", "  correct horse ").await;
    assert_eq!(first["user"]["logins_count"], 1);
    let second = t.login("ada@example.com", PASSWORD).await;
    assert_eq!(second["user"]["user_id"], first["user"]["user_id"]);
    let asked = t.post("/v1/login", asking("eve@example.com")).await.ok();
    assert_eq!(asked["user"]["logins_count"], 1, "the hook decides even if the page sent the same option");
}

#[tokio::test]
async fn seed_h11_h13_h14_h15_h16_h40_a_hook_before_a_device_sign_in_sets_the_id() {
    let t = Hooked::new(&tell(
        "pre_deviceid_auth",
        "model.get_user_id(), model.get_session_id(), len(model.get_id())",
    ))
    .await;
    let call = || t.post("/v1/login/device", json!({ "device_id": DEVICE }));
    assert_eq!(told(&call().await.refused(403, "HOOK_REJECTED")), json!(["", "", 36]));
    t.rewrite(&format!("def pre_deviceid_auth(model):\n    model.set_id({DEVICE:?})\n")).await;
    let first = call().await.ok();
    assert_eq!(t.device("another device of somebody").await["user"]["user_id"], first["user"]["user_id"]);
    t.rewrite("def pre_deviceid_auth(model):\n    model.set_id('short')\n").await;
    assert_eq!(call().await.refused(400, "INVALID_PARAMETER")["field"], "device_id");
}

#[tokio::test]
async fn seed_h17_h19_h20_h21_h22_h41_a_hook_before_a_custom_id_sign_in_sets_the_id() {
    let t = Hooked::new(&tell(
        "pre_customid_auth",
        "model.get_user_id(), model.get_session_id(), len(model.get_id())",
    ))
    .await;
    let call = |id: &str| t.post("/v1/login/custom", json!({ "custom_id": id }));
    assert_eq!(told(&call("crm-4711").await.refused(403, "HOOK_REJECTED")), json!(["", "", 8]));
    t.rewrite("def pre_customid_auth(model):\n    model.set_id('crm-' + model.get_id())\n").await;
    let first = call("4711-a").await.ok();
    t.rewrite("# no hooks").await;
    assert_eq!(call("crm-4711-a").await.ok()["user"]["user_id"], first["user"]["user_id"]);
}

#[tokio::test]
async fn seed_h23_h25_h26_h42_a_hook_before_a_sign_out_sees_the_user_and_has_no_setters() {
    let t = Hooked::new("").await;
    let ada = t.somebody().await;
    t.rewrite(&tell("pre_logout", "model.get_user_id(), len(model.get_session_id()) > 0, [n for n in dir(model) if n.startswith('set_')]"))
        .await;
    let call = || t.post("/v1/logout", json!({ "revoke_token": ada["revoke_token"] }));
    let problem = call().await.refused(403, "HOOK_REJECTED");
    assert_eq!(told(&problem), json!([ada["user"]["user_id"], true, []]));
    t.refresh(ada["refresh_token"].as_str().unwrap()).await.ok();
    t.rewrite("def pre_logout(model):\n    pass\n").await;
    call().await.ok();
}

/// `POST /v1/token` with a token that the page supplies.
fn restore(t: &Hooked, token: &str) -> crate::support::Call {
    let body = format!("grant_type=refresh_token&client_id=doorward&restore=true&refresh_token={token}");
    t.send(axum::http::Method::POST, "/v1/token", "application/x-www-form-urlencoded", body)
}

#[tokio::test]
async fn seed_h27_h29_h30_h31_h32_h43_a_hook_before_a_restore_sees_the_user_and_sets_the_token() {
    let t = Hooked::new("").await;
    let ada = t.somebody().await;
    let token = ada["refresh_token"].as_str().unwrap();
    t.rewrite(&tell(
        "pre_restore_token",
        "model.get_user_id(), len(model.get_session_id()) > 0, len(model.get_token())",
    ))
    .await;
    let answer = restore(&t, token).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.text.contains(ada["user"]["user_id"].as_str().unwrap()), "{}", answer.text);
    assert!(answer.text.contains(&token.len().to_string()), "{}", answer.text);
    t.rewrite(&format!("def pre_restore_token(model):\n    model.set_token({token:?})\n")).await;
    restore(&t, "another").await.ok();
    t.rewrite("def pre_restore_token(model):\n    model.set_token(1)\n").await;
    assert_eq!(restore(&t, token).await.status, 500, "a token must be a string");
}

#[tokio::test]
async fn seed_h33_h35_h36_h37_h38_h44_a_hook_before_a_refresh_sees_the_user_and_sets_the_token() {
    let t = Hooked::new("").await;
    let ada = t.somebody().await;
    let token = ada["refresh_token"].as_str().unwrap();
    t.rewrite(&tell(
        "pre_refresh_token",
        "model.get_user_id(), len(model.get_session_id()) > 0, len(model.get_token())",
    ))
    .await;
    let answer = t.refresh(token).await;
    assert_eq!(answer.status, 403, "{}", answer.text);
    assert!(answer.text.contains(ada["user"]["user_id"].as_str().unwrap()), "{}", answer.text);
    t.rewrite(&format!("def pre_refresh_token(model):\n    model.set_token({token:?})\n")).await;
    let next = t.refresh("another").await.ok();
    assert_ne!(next["refresh_token"], token);
}

/// The seed writes `set_token()` without an argument.
#[tokio::test]
async fn seed_h32_h38_set_token_without_an_argument_leaves_the_token_as_it_is() {
    let t = Hooked::new("").await;
    for (name, is_restored) in [("restore_token", true), ("refresh_token", false)] {
        let who = t.device("the device of somebody").await;
        let token = who["refresh_token"].as_str().unwrap();
        let exchange = |token: &str| if is_restored { restore(&t, token) } else { t.refresh(token) };
        t.rewrite(&format!("def pre_{name}(model):\n    model.set_token()\n")).await;
        exchange(token).await.ok();
        t.rewrite(&format!(
            "def pre_{name}(model):\n    model.set_token({token:?})\n    model.set_token()\n"
        ))
        .await;
        exchange("another").await.ok();
        t.rewrite(&format!("def post_{name}(model, successed):\n    model.set_token()\n")).await;
        exchange(token).await.ok();
        assert_eq!(t.told().await, Vec::<Value>::new(), "the hook reported no error");
    }
}

/// Starlark's own error would count the arguments of an internal function that no script contains.
#[tokio::test]
async fn the_log_names_the_line_of_a_setter_or_getter_with_wrong_arguments() {
    let log = Log::listen();
    let t = Hooked::new("").await;
    let ada = t.somebody().await;
    let token = ada["refresh_token"].as_str().unwrap();
    let custom = json!({ "custom_id": "crm-4711" });
    let requests: [(&str, &dyn Fn() -> Call); 4] = [
        ("pre_email_auth", &|| t.post("/v1/login", login("ada@example.com"))),
        ("pre_customid_auth", &|| t.post("/v1/login/custom", custom.clone())),
        ("pre_update_profile", &|| t.send_as(&ada, "PATCH", "/v1/profile", json!({ "name": "Ada" }))),
        ("pre_refresh_token", &|| t.refresh(token)),
    ];
    for (hook, call, mistake) in [
        ("pre_email_auth", "set_email()", "set_email takes one value, a string; here it has none"),
        ("pre_email_auth", "set_email(1)", "set_email takes a string, not int"),
        ("pre_email_auth", "set_email(None)", "set_email takes a string, not NoneType"),
        ("pre_email_auth", "set_email('a', 'b')", "set_email takes one value, a string; here it has 2"),
        (
            "pre_email_auth",
            "set_email(email = 'a')",
            "set_email takes its value without a name: set_email(value)",
        ),
        ("pre_email_auth", "set_create()", "set_create takes one value, True or False; here it has none"),
        ("pre_email_auth", "set_create('yes')", "set_create takes True or False, not string"),
        ("pre_email_auth", "set_roles()", "set_roles takes one value, a list of strings; here it has none"),
        ("pre_email_auth", "set_roles(['a', 1])", "set_roles takes a list of strings, not list"),
        ("pre_email_auth", "get_email(1)", "get_email takes no value"),
        ("pre_email_auth", "get_ip(x = 1)", "get_ip takes no value"),
        (
            "pre_customid_auth",
            "set_approved()",
            "set_approved takes one value, True or False; here it has none",
        ),
        ("pre_update_profile", "set_address()", "set_address takes one value, "),
        ("pre_update_profile", "set_name()", "set_name takes one value, a string; here it has none"),
        ("pre_refresh_token", "set_token('a', 'b')", "set_token takes one value, a string; here it has 2"),
        ("pre_refresh_token", "set_token(1)", "set_token takes a string, not int"),
        (
            "pre_refresh_token",
            "set_token(token = 'a')",
            "set_token takes its value without a name: set_token(value)",
        ),
    ] {
        t.rewrite(&format!("def {hook}(model):\n    pass\n    model.{call}\n")).await;
        let request = requests.iter().find(|(name, _)| *name == hook).unwrap().1;
        let answer = request().await;
        assert_eq!(answer.status, 500, "{call}: {}", answer.text);
        assert!(
            !answer.text.contains("hooks.star") && !answer.text.contains(mistake),
            "{call}: {}",
            answer.text
        );
        let said = log.text();
        let line = said.lines().rfind(|line| line.contains("ERROR")).unwrap_or_default();
        assert!(line.contains(&format!("hooks.star:3:5: {mistake}")), "{call}: {line}");
    }
}

/// Hooks after an operation report wrong arguments in the same way.
#[tokio::test]
async fn seed_h46_wrong_arguments_are_also_errors_in_hooks_after_an_operation() {
    let t = Hooked::new("").await;
    t.somebody().await;
    for (call, mistake) in [
        ("set_email()", "set_email takes one value, a string; here it has none"),
        ("get_email(1)", "get_email takes no value"),
    ] {
        t.rewrite(&format!("def post_email_auth(model, successed):\n    model.{call}\n")).await;
        t.login("ada@example.com", PASSWORD).await;
        let told = t.told().await;
        assert!(
            told[0].as_str().unwrap().contains(&format!("hooks.star:2:5: {mistake}")),
            "{call}: {told:?}"
        );
    }
}
