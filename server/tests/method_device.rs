//! `POST /v1/login/device` and `POST /v1/login/custom`: sign-in with an id as the only credential (D-23).

use doorward_accounts::admin::{By, Operator};
use doorward_core::service_key::{Scope, Scopes};
use doorward_request::caller::Caller;
use serde_json::json;

use crate::support::TestApp;

const DEVICE: &str = "7b6c1f3e-9d0a-4c53-8e7e-0123456789ab";

#[tokio::test]
async fn seed_h40_the_first_sign_in_of_a_device_creates_its_account() {
    let t = TestApp::new().await;
    let first = t.device(DEVICE).await;
    assert_eq!(first["user"]["logins_count"], 1);
    assert!(first["user"].get("email").is_none() && first["user"].get("username").is_none());
    let second = t.device(DEVICE).await;
    assert_eq!(first["user"]["user_id"], second["user"]["user_id"]);
    let other = t.device("another device of somebody").await;
    assert_ne!(first["user"]["user_id"], other["user"]["user_id"]);
}

#[tokio::test]
async fn seed_h40_a_device_id_is_checked_and_a_page_may_refuse_a_new_account() {
    let t = TestApp::new().await;
    for bad in
        [json!("0123456789abcde"), json!("x".repeat(129)), json!("0123456789 abcdef"), json!(1), json!(null)]
    {
        let problem = t.post("/v1/login/device", json!({ "device_id": bad })).await;
        assert_eq!(problem.refused(400, "INVALID_PARAMETER")["field"], "device_id", "{bad}");
    }
    let body = json!({ "device_id": DEVICE, "options": { "auto_register": false } });
    t.post("/v1/login/device", body.clone()).await.refused(404, "NOT_FOUND");
    t.device(DEVICE).await;
    t.post("/v1/login/device", body).await.ok();
}

#[tokio::test]
async fn seed_h41_the_first_sign_in_with_a_custom_id_creates_its_account() {
    let t = TestApp::new().await;
    let login = |id: &str| t.post("/v1/login/custom", json!({ "custom_id": id }));
    let first = login("crm-4711").await.ok();
    assert_eq!(login("crm-4711").await.ok()["user"]["user_id"], first["user"]["user_id"]);
    for bad in ["crm-1", &"x".repeat(129), "crm 4711"] {
        assert_eq!(login(bad).await.refused(400, "INVALID_PARAMETER")["field"], "custom_id");
    }
    // The same text as a custom id and as a device id belongs to two accounts.
    let id = "the-same-text-for-both";
    assert_ne!(login(id).await.ok()["user"]["user_id"], t.device(id).await["user"]["user_id"]);
}

#[tokio::test]
async fn sec_a07_device_and_custom_ids_are_off_until_the_operator_turns_them_on() {
    let t = TestApp::production("").await;
    t.post("/v1/login/device", json!({ "device_id": DEVICE })).await.refused(403, "FORBIDDEN");
    t.post("/v1/login/custom", json!({ "custom_id": "crm-4711" })).await.refused(403, "FORBIDDEN");
    let t = TestApp::production("[custom_id]\nenabled = true").await;
    t.post("/v1/login/custom", json!({ "custom_id": "crm-4711" })).await.refused(403, "FORBIDDEN");
    assert_eq!(
        t.get("/v1/settings").await.ok()["methods"],
        json!(["password"]),
        "a page cannot use custom ids"
    );
}

#[tokio::test]
async fn in_production_a_custom_id_needs_a_trusted_service_key() {
    let t = TestApp::production("[custom_id]\nenabled = true").await;
    let operator = Operator::new(
        &t.app.platform.store,
        &t.app.platform.world,
        &t.app.platform.config,
        By::CommandLine,
        Caller::default(),
    );
    let login = |key: &str| {
        let call = t.post("/v1/login/custom", json!({ "custom_id": "crm-4711" }));
        call.header("authorization", &format!("Bearer {key}"))
    };
    for (scope, good) in [(Scope::Admin, false), (Scope::Trusted, true)] {
        let (plain, stored) = operator.create_key("test", Scopes::new(&[scope])).await.unwrap();
        let answer = login(plain.write().expose()).await;
        if good {
            assert_eq!(answer.ok()["user"]["logins_count"], 1);
            operator.revoke_key(&stored.id).await.unwrap();
            login(plain.write().expose()).await.refused(401, "SESSION_REQUIRED");
        } else {
            answer.refused(403, "FORBIDDEN");
        }
    }
}

#[tokio::test]
async fn sec_l04_the_database_holds_no_device_or_custom_id_in_plain_text() {
    let t = TestApp::new().await;
    t.device(DEVICE).await;
    t.post("/v1/login/custom", json!({ "custom_id": "crm-4711" })).await.ok();
    let values = t.sql("select min(value) || max(value) from identities").await;
    assert!(!values.contains(DEVICE) && !values.contains("crm-4711"), "{values}");
    let stored = t.sql("select value from identities where kind = 'device'").await;
    let body = json!({ "device_id": stored, "options": { "auto_register": false } });
    t.post("/v1/login/device", body).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn seed_x15_a_device_gets_an_address_and_a_password_and_stays_the_same_account() {
    let t = TestApp::new().await;
    let device = t.device(DEVICE).await;
    t.send_as(&device, "PATCH", "/v1/profile", json!({ "nickname": "Nick" })).await.ok();
    let user = t.bind(&device, "ada@example.com").await;
    assert_eq!((&user["email_verified"], &user["nickname"]), (&json!(true), &json!("Nick")));
    t.post_as(&device, "/v1/password", json!({ "new_password": "correct horse" })).await.ok();
    let by_mail = t.login("ada@example.com", "correct horse").await;
    assert_eq!(by_mail["user"]["user_id"], device["user"]["user_id"]);
    assert_eq!(t.device(DEVICE).await["user"]["user_id"], device["user"]["user_id"]);
}

#[tokio::test]
async fn seed_x15_binding_the_address_of_another_account_requires_a_merge() {
    let t = TestApp::new().await;
    let owner = t.somebody().await;
    t.sql_do("update identities set verified_at = 1 where kind = 'email'").await;
    let device = t.device(DEVICE).await;
    let code = t.code_as(&device, "ada@example.com", "CHANGE_EMAIL").await;
    let body = json!({ "email": "ada@example.com", "email_code": code });
    let wrong = json!({ "email": "ada@example.com", "email_code": crate::post::wrong(&code) });
    t.post_as(&device, "/v1/email/bind", wrong).await.refused(400, "INVALID_CODE");
    t.post_as(&device, "/v1/email/bind", body).await.refused(409, "MERGE_REQUIRED");
    assert!(t.profile(&device).await.get("email").is_none());
    assert_eq!(t.profile(&owner).await["email"], "ada@example.com");
    assert_eq!(t.sql("select count(*) from accounts").await, "2");
}

#[tokio::test]
async fn a_device_cannot_sign_in_to_a_disabled_account() {
    let t = TestApp::new().await;
    let device = t.device(DEVICE).await;
    t.sql_do("update accounts set disabled = 1").await;
    t.post("/v1/login/device", json!({ "device_id": DEVICE })).await.refused(403, "USER_IS_DISABLED");
    t.get("/v1/profile").bearer(&device["access_token"]).await.refused(401, "SESSION_REQUIRED");
    assert_eq!(t.audited("sign_in_failed").await, 1);
}
