//! `/v1/email/…` and `/v1/phone/…`: binding, changing and unbinding an address.

use serde_json::{Value, json};

use crate::post;
use crate::support::people::to;
use crate::support::{MINUTE, TestApp};

const ADA: &str = "ada@example.com";
const NEW: &str = "new@example.com";
const NUMBER: &str = "+8615888888888";
const OTHER: &str = "+8615899999999";
const DEVICE: &str = "the device of somebody";

/// An account with both addresses and no other sign-in method.
async fn both(t: &TestApp) -> Value {
    let who = t.phone(NUMBER).await;
    t.bind(&who, ADA).await;
    t.advance(MINUTE);
    who
}

async fn change_email(t: &TestApp, who: &Value) -> Value {
    let new = t.code_as(who, NEW, "CHANGE_EMAIL").await;
    let old = t.code_as(who, ADA, "CHANGE_EMAIL").await;
    json!({ "email": NEW, "email_code": new, "old_email": ADA, "old_email_code": old })
}

#[tokio::test]
async fn seed_a42_a43_a_number_change_needs_codes_of_the_old_and_the_new_number() {
    let t = TestApp::new().await;
    let who = t.phone(NUMBER).await;
    t.advance(MINUTE);
    let new = t.code_as(&who, OTHER, "BIND_PHONE").await;
    let old = t.code_as(&who, NUMBER, "BIND_PHONE").await;
    let body = json!({ "phone": OTHER, "phoneCode": new, "oldPhone": NUMBER, "oldPhoneCode": old });
    for (field, value) in [("oldPhoneCode", None), ("oldPhone", Some("+8615800000000"))] {
        let mut less = body.clone();
        match value {
            Some(value) => less[field] = json!(value),
            None => drop(less.as_object_mut().unwrap().remove(field)),
        }
        let problem = t.post_as(&who, "/v1/phone/change", less).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], if value.is_some() { "old_phone_number" } else { "old_phone_code" });
    }
    let user = t.post_as(&who, "/v1/phone/change", body).await.ok();
    assert_eq!((&user["phone_number"], &user["phone_number_verified"]), (&json!(OTHER), &json!(true)));
    t.advance(MINUTE);
    assert_eq!(t.phone(OTHER).await["user"]["user_id"], user["user_id"]);
    assert_ne!(t.phone(NUMBER).await["user"]["user_id"], user["user_id"], "the old number is free");
}

#[tokio::test]
async fn seed_a44_a48_the_operator_can_require_only_the_code_of_the_new_address() {
    let t = TestApp::with("[phone]\nverify_old = false\n[email]\nverify_old = false").await;
    let who = both(&t).await;
    let code = t.code_as(&who, OTHER, "BIND_PHONE").await;
    t.post_as(&who, "/v1/phone/change", to(OTHER, json!({ "phone_code": code }))).await.ok();
    let code = t.code_as(&who, NEW, "CHANGE_EMAIL").await;
    let user = t.post_as(&who, "/v1/email/change", to(NEW, json!({ "email_code": code }))).await.ok();
    assert_eq!((&user["email"], &user["phone_number"]), (&json!(NEW), &json!(OTHER)));
}

#[tokio::test]
async fn seed_a45_a49_a50_a52_the_first_address_is_bound_and_later_ones_are_changed() {
    let t = TestApp::new().await;
    let who = t.device(DEVICE).await;
    for (path, body) in [
        ("/v1/email/change", to(ADA, json!({ "email_code": "123456" }))),
        ("/v1/phone/change", to(NUMBER, json!({ "phone_code": "123456" }))),
        ("/v1/email/unbind", json!({})),
        ("/v1/phone/unbind", json!({})),
    ] {
        t.post_as(&who, path, body).await.refused(400, "INVALID_REQUEST");
    }
    let user = t.bind(&who, ADA).await;
    assert_eq!((&user["email"], &user["email_verified"]), (&json!(ADA), &json!(true)));
    let user = t.bind(&who, NUMBER).await;
    assert_eq!((&user["phone_number"], &user["phone_number_verified"]), (&json!(NUMBER), &json!(true)));
    for (address, path, code) in
        [(NEW, "/v1/email/bind", "email_code"), (OTHER, "/v1/phone/bind", "phone_code")]
    {
        t.post_as(&who, path, to(address, json!({ code: "123456" }))).await.refused(400, "INVALID_REQUEST");
    }
}

#[tokio::test]
async fn seed_a46_a47_an_address_change_needs_codes_of_the_old_and_the_new_address() {
    let t = TestApp::new().await;
    let who = both(&t).await;
    let body = change_email(&t, &who).await;
    let user = t.post_as(&who, "/v1/email/change", body).await.ok();
    assert_eq!((&user["email"], &user["email_verified"]), (&json!(NEW), &json!(true)));
    assert!(post::newest(&t, ADA).await.text.contains("changed"), "sec_A05: the old address gets a mail");
}

#[tokio::test]
async fn a_wrong_code_does_not_use_up_the_right_code_sent_with_it() {
    let t = TestApp::new().await;
    let who = both(&t).await;
    let body = change_email(&t, &who).await;
    for field in ["email_code", "old_email_code"] {
        let mut wrong = body.clone();
        wrong[field] = json!(post::wrong(body[field].as_str().unwrap()));
        t.post_as(&who, "/v1/email/change", wrong).await.refused(400, "INVALID_CODE");
    }
    t.post_as(&who, "/v1/email/change", body).await.ok();
}

#[tokio::test]
async fn an_old_address_that_was_never_proven_needs_no_code() {
    let t = TestApp::new().await;
    let who = t.somebody().await;
    let code = t.code_as(&who, NEW, "CHANGE_EMAIL").await;
    t.post_as(&who, "/v1/email/change", to(NEW, json!({ "email_code": code }))).await.ok();
    t.login(NEW, "correct horse").await;
    assert!(
        !post::all(&t, ADA).await.iter().any(|mail| mail.subject.contains("changed")),
        "an unproven address may belong to a stranger"
    );
}

#[tokio::test]
async fn sec_a05_a_change_voids_the_codes_of_the_old_address() {
    let t = TestApp::new().await;
    let who = both(&t).await;
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let reset = post::newest(&t, ADA).await;
    let login = t.code(ADA, "LOGIN").await;
    let body = change_email(&t, &who).await;
    t.post_as(&who, "/v1/email/change", body).await.ok();
    let by_code = json!({ "email": ADA, "code": reset.code, "new_password": "the thief's" });
    t.post("/v1/password/reset", by_code).await.refused(400, "INVALID_CODE");
    let by_link = json!({ "token": reset.token(), "new_password": "the thief's" });
    t.post("/v1/password/reset", by_link).await.refused(400, "TOKEN_REVOKED");
    t.post("/v1/login/code", to(ADA, json!({ "code": login }))).await.refused(400, "INVALID_CODE");
}

#[tokio::test]
async fn seed_a51_a53_an_address_is_unbound_and_the_other_stays() {
    let t = TestApp::new().await;
    let who = both(&t).await;
    let user = t.post_as(&who, "/v1/phone/unbind", json!({})).await.ok();
    assert!(user.get("phone_number").is_none());
    assert_eq!(user["email"], ADA);
    t.bind(&who, OTHER).await;
    let user = t.post_as(&who, "/v1/email/unbind", json!({})).await.ok();
    assert!(user.get("email").is_none());
}

#[tokio::test]
async fn seed_a54_sec_a05_the_last_sign_in_method_cannot_be_removed() {
    let t = TestApp::new().await;
    let who = both(&t).await;
    t.post_as(&who, "/v1/email/unbind", json!({})).await.ok();
    let problem = t.post_as(&who, "/v1/phone/unbind", json!({})).await.refused(403, "FORBIDDEN");
    assert!(problem["detail"].as_str().unwrap().contains("last sign-in method"));
    // A username is a sign-in method only with a password.
    t.send_as(&who, "PATCH", "/v1/profile", json!({ "username": "ada" })).await.ok();
    t.post_as(&who, "/v1/phone/unbind", json!({})).await.refused(403, "FORBIDDEN");
    t.post_as(&who, "/v1/password", json!({ "new_password": "correct horse" })).await.ok();
    t.post_as(&who, "/v1/phone/unbind", json!({})).await.ok();
    let clear = json!({ "username": null });
    t.send_as(&who, "PATCH", "/v1/profile", clear).await.refused(403, "FORBIDDEN");
    t.post("/v1/login", json!({ "username": "ada", "password": "correct horse" })).await.ok();
}

#[tokio::test]
async fn an_unproven_number_from_the_signup_can_be_removed() {
    let t = TestApp::new().await;
    let body = json!({ "email": ADA, "password": "correct horse", "phone_number": NUMBER, "options": { "login": true } });
    let who = t.post("/v1/signup", body).await.ok()["session"].clone();
    assert_eq!(who["user"]["phone_number"], NUMBER);
    let user = t.post_as(&who, "/v1/phone/unbind", json!({})).await.ok();
    assert!(user.get("phone_number").is_none());
}

#[tokio::test]
async fn an_unproven_address_without_a_password_does_not_count_as_a_sign_in_method() {
    let t = TestApp::new().await;
    let who = t.phone(NUMBER).await;
    t.sql_do("insert into identities (kind, value, account, created_at) select 'email', 'ada@example.com', id, 0 from accounts").await;
    t.post_as(&who, "/v1/phone/unbind", json!({})).await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn sec_t15_address_password_and_deletion_calls_need_a_fresh_sign_in() {
    let t = TestApp::new().await;
    let who = both(&t).await;
    t.advance(10 * MINUTE);
    for (path, body) in [
        ("/v1/email/bind", to(NEW, json!({ "email_code": "123456" }))),
        ("/v1/email/change", to(NEW, json!({ "email_code": "123456" }))),
        ("/v1/email/unbind", json!({})),
        ("/v1/phone/bind", to(OTHER, json!({ "phone_code": "123456" }))),
        ("/v1/phone/change", to(OTHER, json!({ "phone_code": "123456" }))),
        ("/v1/phone/unbind", json!({})),
        ("/v1/password", json!({ "new_password": "correct horse" })),
        ("/v1/account/delete", json!({})),
    ] {
        let tokens = t.refresh(who["refresh_token"].as_str().unwrap()).await.ok();
        t.post_as(&tokens, path, body.clone()).await.refused(401, "REAUTH_REQUIRED");
        t.post(path, body).await.refused(401, "SESSION_REQUIRED");
    }
    let t = TestApp::with("[session]\nfresh = \"1h\"").await;
    let who = both(&t).await;
    t.advance(50 * MINUTE);
    let who = t.refresh(who["refresh_token"].as_str().unwrap()).await.ok();
    t.post_as(&who, "/v1/phone/unbind", json!({})).await.ok();
}

#[tokio::test]
async fn seed_a55_a_value_of_the_wrong_kind_is_refused_with_its_field() {
    let t = TestApp::new().await;
    let who = t.phone(NUMBER).await;
    // The example of the seed: an e-mail address in place of a phone number.
    let body = json!({ "phone": "test1@example.com", "phoneCode": "1234" });
    let problem = t.post_as(&who, "/v1/phone/change", body).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(problem["field"], "phone_number");
}

#[tokio::test]
async fn every_change_is_in_the_audit_log() {
    let t = TestApp::new().await;
    let who = both(&t).await;
    let body = change_email(&t, &who).await;
    t.post_as(&who, "/v1/email/change", body).await.ok();
    t.post_as(&who, "/v1/phone/unbind", json!({})).await.ok();
    for event in ["email_bound", "email_changed", "phone_unbound"] {
        assert_eq!(t.audited(event).await, 1, "{event}");
    }
    assert_eq!(t.sql("select count(*) from audit where detail like '%@%' or detail like '%+86%'").await, "0");
}
