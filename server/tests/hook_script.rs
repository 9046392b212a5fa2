//! `hooks.star`: what seed 000 has, function by function. A hook tells what it reads by refusing with it.

use serde_json::{Value, json};

use crate::support::hooks::Hooked;

const DEVICE: &str = "7b6c1f3e-9d0a-4c53-8e7e-0123456789ab";
const PASSWORD: &str = "correct horse";

fn login(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD })
}

/// Refuses with all that a model has of these.
fn tell(function: &str, getters: &str) -> String {
    format!("def {function}(model):\n    reject(json.encode([{getters}]))\n")
}

#[track_caller]
fn told(problem: &Value) -> Value {
    serde_json::from_str(problem["detail"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn seed_h01_h05_h06_h07_a_hook_before_a_sign_in_reads_what_was_sent_and_may_refuse() {
    let t =
        Hooked::new(&tell("pre_email_auth", "model.get_email(), model.get_password(), model.get_create()"))
            .await;
    let body =
        json!({ "email": "ada@example.com", "password": PASSWORD, "options": { "auto_register": true } });
    let problem = t.post("/v1/login", body).await.refused(403, "HOOK_REJECTED");
    // What goes to a caller has no password in it, though it is the caller's own.
    assert_eq!(told(&problem), json!(["ada@example.com", "[secret]", true]));
    let problem = t.post("/v1/login", login("eve@example.com")).await.refused(403, "HOOK_REJECTED");
    assert_eq!(told(&problem), json!(["eve@example.com", "[secret]", false]));
    t.rewrite("def pre_email_auth(model):\n    reject(str(len(model.get_password())))\n").await;
    let problem = t.post("/v1/login", login("eve@example.com")).await.refused(403, "HOOK_REJECTED");
    assert_eq!(problem["detail"], "13", "the hook itself has it");
}

#[tokio::test]
async fn seed_h03_h04_h45_a_hook_knows_who_is_signed_in_already() {
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
async fn seed_h45_a_hook_before_something_is_linked_bound_or_changed_always_knows_whose_it_is() {
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
async fn seed_h09_h10_h39_a_hook_sets_the_password_and_lets_a_first_sign_in_make_the_account() {
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
    assert_eq!(asked["user"]["logins_count"], 1, "it counts also where the page sent the same");
}

#[tokio::test]
async fn seed_h11_h13_h14_h15_h16_h40_a_hook_before_a_device_signs_in() {
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
async fn seed_h17_h19_h20_h21_h22_h41_a_hook_before_an_id_of_another_system_signs_in() {
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
async fn seed_h23_h25_h26_h42_a_hook_before_a_sign_out_knows_whose_it_is_and_sets_nothing() {
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

/// `POST /v1/token` with a token that the page brings.
fn restore(t: &Hooked, token: &str) -> crate::support::Call {
    let body = format!("grant_type=refresh_token&client_id=doorward&restore=true&refresh_token={token}");
    t.send(axum::http::Method::POST, "/v1/token", "application/x-www-form-urlencoded", body)
}

#[tokio::test]
async fn seed_h27_h29_h30_h31_h32_h43_a_hook_before_a_token_is_restored() {
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
    assert_eq!(restore(&t, token).await.status, 500, "a token is a string");
}

#[tokio::test]
async fn seed_h33_h35_h36_h37_h38_h44_a_hook_before_a_token_is_refreshed() {
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
