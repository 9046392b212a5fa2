//! `POST /v1/email/verify` and `/v1/email/resend`: proving an address.

use serde_json::{Value, json};

use crate::post;
use crate::support::{Answer, HOUR, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";

/// A server with an account that must confirm its address before the first login.
async fn unconfirmed(settings: &str) -> TestApp {
    let t = TestApp::with(settings).await;
    let options = json!({ "signup_confirmation": true });
    t.post("/v1/signup", json!({ "email": ADA, "password": "correct horse", "options": options })).await.ok();
    t
}

async fn verify(t: &TestApp, body: Value) -> Answer {
    t.post("/v1/email/verify", body).await
}

async fn resend(t: &TestApp, email: &str) -> Answer {
    t.post("/v1/email/resend", json!({ "email": email })).await
}

#[tokio::test]
async fn confirming_the_address_allows_the_first_login() {
    let login = json!({ "email": ADA, "password": "correct horse" });
    for by_code in [true, false] {
        let t = unconfirmed("").await;
        t.post("/v1/login", login.clone()).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
        let mail = post::newest(&t, ADA).await;
        assert_eq!(mail.subject, "Confirm your address at doorward");
        let body = if by_code {
            json!({ "email": ADA, "code": mail.code, "password": PASSWORD })
        } else {
            json!({ "token": mail.token(), "password": PASSWORD })
        };
        let profile = verify(&t, body).await.ok();
        assert_eq!((&profile["email"], &profile["email_verified"]), (&json!(ADA), &json!(true)));
        assert!(t.post("/v1/login", login.clone()).await.ok()["access_token"].is_string());
        verify(&t, json!({ "email": ADA, "code": mail.code })).await.refused(400, "INVALID_CODE");
        verify(&t, json!({ "token": mail.token() })).await.refused(400, "TOKEN_REVOKED");
    }
}

#[tokio::test]
async fn the_link_works_for_a_day_and_the_code_for_ten_minutes() {
    let t = unconfirmed("").await;
    // The lifetime begins when the mail is sent, not when it was requested.
    t.advance(5 * HOUR);
    let mail = post::newest(&t, ADA).await;
    assert!(mail.text.contains("24 hours") && mail.text.contains("10 minutes"));
    t.advance(24 * HOUR - SECOND);
    verify(&t, json!({ "email": ADA, "code": mail.code })).await.refused(400, "EXPIRED_CODE");
    t.confirm(ADA, PASSWORD).await;
    let t = unconfirmed("").await;
    let mail = post::newest(&t, ADA).await;
    t.advance(24 * HOUR + SECOND);
    verify(&t, json!({ "token": mail.token() })).await.refused(400, "TOKEN_EXPIRED");
}

#[tokio::test]
async fn sec_c02_of_fifty_confirmations_at_once_one_succeeds() {
    let t = unconfirmed("").await;
    let mail = post::newest(&t, ADA).await;
    let body = json!({ "token": mail.token(), "password": PASSWORD });
    let calls = (0..50).map(|_| t.post("/v1/email/verify", body.clone()).into_future());
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(t.sql("select count(*) from audit where event = 'email_verified'").await, "1");
}

#[tokio::test]
async fn seed_m19_a_resent_mail_voids_the_earlier_one() {
    let t = unconfirmed("").await;
    let old = post::newest(&t, ADA).await;
    let answer = resend(&t, "Ada@Example.com").await.ok();
    assert_eq!(answer, json!({ "email": ADA, "message": "Please confirm your email" }));
    let new = post::newest(&t, ADA).await;
    assert_ne!(old.token(), new.token());
    verify(&t, json!({ "token": old.token() })).await.refused(400, "TOKEN_REVOKED");
    t.confirm(ADA, PASSWORD).await;
}

#[tokio::test]
async fn sec_r01_a_confirmed_or_unknown_address_gets_the_same_answer_and_no_mail() {
    let t = unconfirmed("").await;
    t.confirm(ADA, PASSWORD).await;
    for email in [ADA, "nobody@example.com"] {
        let answer = resend(&t, email).await.ok();
        assert_eq!(answer, json!({ "email": email, "message": "Please confirm your email" }));
    }
    assert_eq!(post::all(&t, ADA).await.len(), 1);
    assert!(post::all(&t, "nobody@example.com").await.is_empty());
}

#[tokio::test]
async fn a_repeated_confirmation_with_its_key_answers_with_the_profile_again() {
    let t = unconfirmed("").await;
    let mail = post::newest(&t, ADA).await;
    let send = || {
        let call =
            t.post("/v1/email/verify", json!({ "email": ADA, "code": mail.code, "password": PASSWORD }));
        call.header("idempotency-key", "6f1c2b70-5f0d-4e0c-9d5e-0a3a4a5b6c7d")
    };
    assert_eq!(send().await.ok(), send().await.ok());
}

#[tokio::test]
async fn a_quiet_signup_mails_the_owner_of_a_taken_address() {
    let t = TestApp::with("[disclosure]\nsignup = \"quiet\"").await;
    t.signup(ADA, "correct horse").await;
    t.signup(ADA, "another horse").await;
    let mail = post::newest(&t, ADA).await;
    assert_eq!(mail.subject, "You already have an account at doorward");
    assert!(mail.text.contains("http://localhost:8787/account/reset") && mail.code.is_empty());
}

#[tokio::test]
async fn sec_x04_a_mail_shows_a_name_as_text_and_only_for_a_proven_address() {
    let t = TestApp::new().await;
    let name = "<a href=https://evil.example>Click</a>";
    t.post("/v1/signup", json!({ "email": ADA, "password": "correct horse", "name": name })).await.ok();
    let mail = post::newest(&t, ADA).await;
    assert!(
        !mail.text.contains("evil") && !mail.html.contains("evil"),
        "the mail contains words of a stranger"
    );
    t.confirm(ADA, PASSWORD).await;
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    let mail = post::newest(&t, ADA).await;
    assert!(mail.text.contains(name));
    assert!(!mail.html.contains("<a href=https://evil") && mail.html.contains("&lt;a href=https:"));
}

#[tokio::test]
async fn bad_input_is_refused_with_its_field() {
    let t = TestApp::new().await;
    for (body, field) in [
        (json!({}), "email"),
        (json!({ "email": ADA }), "code"),
        (json!({ "code": "123456" }), "email"),
        (json!({ "token": "no token!" }), "token"),
        (json!({ "email": "ada", "code": "123456" }), "email"),
        (json!({ "email": ADA, "code": "123456", "scene": "x" }), "scene"),
    ] {
        let problem = verify(&t, body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], field);
    }
    assert_eq!(resend(&t, "ada").await.refused(400, "INVALID_PARAMETER")["field"], "email");
}
