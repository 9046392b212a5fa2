//! `POST /v1/email/check` reports whether an address is taken, if the operator allows it.

use serde_json::json;

use crate::support::{Answer, TestApp};

const ADA: &str = "ada@example.com";

async fn check(t: &TestApp, email: &str) -> Answer {
    t.post("/v1/email/check", json!({ "email": email })).await
}

#[tokio::test]
async fn seed_m02_sec_r02_the_address_check_is_forbidden_until_the_operator_enables_it() {
    let t = TestApp::production("").await;
    check(&t, ADA).await.refused(403, "FORBIDDEN");
    let t = TestApp::production("check_email = true").await;
    check(&t, ADA).await.ok();
}

#[tokio::test]
async fn seed_m04_a_free_address_is_available() {
    let t = TestApp::new().await;
    let data = json!({ "email": ADA, "registered": false, "id": ADA });
    assert_eq!(
        check(&t, " ADA@example.com").await.ok(),
        json!({ "data": data, "message": "Email available" })
    );
}

#[tokio::test]
async fn a_taken_address_is_reported_without_further_details() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    let data = json!({ "email": ADA, "registered": true, "id": ADA });
    assert_eq!(check(&t, ADA).await.ok(), json!({ "data": data, "message": "Email already in use" }));
}

#[tokio::test]
async fn seed_m05_with_compatible_disclosure_the_answer_has_all_fields_of_the_seed() {
    let t = TestApp::with("[disclosure]\naccount = \"compatible\"").await;
    t.signup(ADA, "correct horse").await;
    let answer = check(&t, ADA).await.ok();
    assert_eq!(answer["data"]["verified"], false);
    for date in ["created_at", "updated_at"] {
        assert_eq!(answer["data"][date], "2026-01-01T00:00:00.000Z");
    }
    t.confirm(ADA, "correct horse").await;
    assert_eq!(check(&t, ADA).await.ok()["data"]["verified"], true);
    assert_eq!(check(&t, "nobody@example.com").await.ok()["data"]["verified"], json!(null));
}

#[tokio::test]
async fn seed_m06_an_invalid_address_is_refused_with_its_field() {
    let t = TestApp::new().await;
    for body in [json!({}), json!({ "email": "ada" }), json!({ "email": [ADA] })] {
        assert_eq!(t.post("/v1/email/check", body).await.refused(400, "INVALID_PARAMETER")["field"], "email");
    }
}
