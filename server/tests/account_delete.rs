//! `POST /v1/account/delete` and `POST /v1/password`.

use serde_json::{Value, json};

use crate::post;
use crate::support::{MINUTE, TestApp};

const ADA: &str = "ada@example.com";

async fn delete(t: &TestApp, who: &Value, body: Value) -> crate::support::Answer {
    t.post_as(who, "/v1/account/delete", body).await
}

#[tokio::test]
async fn the_password_confirms_a_deletion_that_erases_all_data_of_the_account() {
    let t = TestApp::with("[user_data.age]\ntype = \"number\"").await;
    let who = t.somebody().await;
    let other = t.login(ADA, "correct horse").await;
    t.send_as(&who, "PUT", "/v1/data/age", json!({ "value": 15 })).await.ok();
    t.sql_do("update identities set verified_at = 1").await;
    assert_eq!(delete(&t, &who, json!({})).await.refused(400, "INVALID_PARAMETER")["field"], "password");
    let wrong = delete(&t, &who, json!({ "password": "wrong" })).await;
    assert_eq!(wrong.refused(400, "INVALID_PARAMETER")["field"], "password");
    delete(&t, &who, json!({ "password": "correct horse" })).await.ok();
    for gone in [&who, &other] {
        t.get("/v1/profile").bearer(&gone["access_token"]).await.refused(401, "SESSION_REQUIRED");
    }
    for table in ["accounts", "identities", "passwords", "sessions", "user_data", "challenges"] {
        let sql: &'static str = Box::leak(format!("select count(*) from {table}").into_boxed_str());
        assert_eq!(t.sql(sql).await, "0", "{table}");
    }
    assert!(post::newest(&t, ADA).await.subject.contains("deleted"));
    assert_eq!(t.audited("account_deleted").await, 1);
    t.signup(ADA, "somebody new").await;
}

#[tokio::test]
async fn a_code_confirms_the_deletion_of_an_account_without_a_password() {
    let t = TestApp::new().await;
    let who = t.phone("+4930901820").await;
    t.advance(MINUTE);
    assert_eq!(delete(&t, &who, json!({})).await.refused(400, "INVALID_PARAMETER")["field"], "code");
    let code = t.code_as(&who, "+4930901820", "DELETE_ACCOUNT").await;
    let wrong = json!({ "code": post::wrong(&code) });
    delete(&t, &who, wrong).await.refused(400, "INVALID_CODE");
    delete(&t, &who, json!({ "code": code })).await.ok();
    assert_eq!(t.sql("select count(*) from accounts").await, "0");
}

#[tokio::test]
async fn a_fresh_sign_in_is_enough_to_delete_an_account_with_a_device_only() {
    let t = TestApp::new().await;
    let who = t.device("the device of somebody").await;
    delete(&t, &who, json!({})).await.ok();
    assert_eq!(t.sql("select count(*) from accounts").await, "0");
}

#[tokio::test]
async fn seed_a40_a_password_change_needs_the_old_password_and_ends_other_sessions() {
    let t = TestApp::new().await;
    let (who, other) = (t.somebody().await, t.login(ADA, "correct horse").await);
    t.sql_do("update identities set verified_at = 1").await;
    for (body, field) in [
        (json!({ "new_password": "passw0rd" }), "old_password"),
        (json!({ "new_password": "passw0rd", "old_password": "wrong" }), "old_password"),
        (json!({ "new_password": "12345", "old_password": "correct horse" }), "new_password"),
    ] {
        let answer = t.post_as(&who, "/v1/password", body).await;
        assert_eq!(answer.refused(400, "INVALID_PARAMETER")["field"], field);
    }
    let body = json!({ "newPassword": "passw0rd", "oldPassword": "correct horse" });
    t.post_as(&who, "/v1/password", body).await.ok();
    t.profile(&who).await;
    t.get("/v1/profile").bearer(&other["access_token"]).await.refused(401, "SESSION_REQUIRED");
    t.login(ADA, "passw0rd").await;
    assert_eq!(post::newest(&t, ADA).await.subject, "Your password at doorward was changed");
    assert_eq!((t.audited("password_changed").await, t.audited("password_refused").await), (1, 1));
}

#[tokio::test]
async fn seed_a41_a_first_password_needs_no_old_password() {
    let t = TestApp::new().await;
    let who = t.phone("+4930901820").await;
    t.post_as(&who, "/v1/password", json!({ "new_password": "passw0rd", "old_password": "" })).await.ok();
    t.post("/v1/login", json!({ "phone_number": "+4930901820", "password": "passw0rd" })).await.ok();
    let told = &post::newest(&t, "+4930901820").await.text;
    assert!(told.contains("was changed"), "sec_A05: {told}");
}
