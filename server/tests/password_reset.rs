//! `POST /v1/password/reset`: a new password by the code or by the link of the mail.

use serde_json::{Value, json};

use crate::post::{self, Mail, wrong};
use crate::support::{Answer, MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const NEW: &str = "new password";

/// A server with Ada's account, and the mail of a reset that Ada asked for.
async fn forgetful(settings: &str) -> (TestApp, Mail) {
    let t = TestApp::with(settings).await;
    t.signup(ADA, "correct horse").await;
    let mail = mail(&t).await;
    (t, mail)
}

async fn mail(t: &TestApp) -> Mail {
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    post::newest(t, ADA).await
}

async fn by_code(t: &TestApp, email: &str, code: impl Into<Value>) -> Answer {
    t.post("/v1/password/reset", json!({ "email": email, "code": code.into(), "new_password": NEW })).await
}

async fn by_token(t: &TestApp, token: &str) -> Answer {
    t.post("/v1/password/reset", json!({ "token": token, "new_password": NEW })).await
}

#[tokio::test]
async fn seed_k41_the_code_sets_a_new_password() {
    let (t, mail) = forgetful("").await;
    by_code(&t, "ADA@example.com", mail.code.as_str()).await.ok();
    t.login(ADA, NEW).await;
    let old = json!({ "email": ADA, "password": "correct horse" });
    t.post("/v1/login", old).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    by_token(&t, mail.token()).await.refused(400, "TOKEN_REVOKED");
}

#[tokio::test]
async fn seed_m53_the_token_of_the_link_sets_a_new_password() {
    let (t, mail) = forgetful("").await;
    by_token(&t, mail.token()).await.ok();
    t.login(ADA, NEW).await;
    by_code(&t, ADA, mail.code.as_str()).await.refused(400, "INVALID_CODE");
}

#[tokio::test]
async fn seed_m54_the_answer_has_the_profile_unless_the_account_is_disabled() {
    let (t, mail) = forgetful("").await;
    t.advance(SECOND);
    let user = by_token(&t, mail.token()).await.ok()["user"].clone();
    assert_eq!((user["email"].as_str(), user["email_verified"].as_bool()), (Some(ADA), Some(false)));
    assert!(user["updated_at"].as_str() > user["created_at"].as_str());
    let mail = self::mail(&t).await;
    t.sql_do("update accounts set disabled = 1").await;
    assert_eq!(by_token(&t, mail.token()).await.ok(), json!({}));
}

#[tokio::test]
async fn seed_k42_a_numeric_code_works_without_its_leading_zeros() {
    let (t, mut mail) = forgetful("").await;
    while !mail.code.starts_with('0') {
        mail = self::mail(&t).await;
    }
    let number: u32 = mail.code.parse().unwrap();
    by_code(&t, ADA, number).await.ok();
}

#[tokio::test]
async fn seed_k43_an_invalid_new_password_is_refused_and_uses_up_no_token() {
    let (t, mail) = forgetful("").await;
    for password in ["12345".to_owned(), "x".repeat(61), String::new()] {
        let body = json!({ "token": mail.token(), "new_password": password });
        let problem = t.post("/v1/password/reset", body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], "new_password");
    }
    by_token(&t, mail.token()).await.ok();
}

#[tokio::test]
async fn seed_m55_a_used_superseded_or_invented_token_is_revoked() {
    let (t, first) = forgetful("").await;
    let second = mail(&t).await;
    by_token(&t, first.token()).await.refused(400, "TOKEN_REVOKED");
    by_token(&t, second.token()).await.ok();
    by_token(&t, second.token()).await.refused(400, "TOKEN_REVOKED");
    by_token(&t, &"A".repeat(43)).await.refused(400, "TOKEN_REVOKED");
}

#[tokio::test]
async fn seed_m56_every_session_ends_with_the_old_password() {
    let t = TestApp::new().await;
    let (one, two) = (t.somebody().await, t.login(ADA, "correct horse").await);
    let mail = mail(&t).await;
    by_token(&t, mail.token()).await.ok();
    for session in [one, two] {
        t.get("/v1/profile").bearer(&session["access_token"]).await.refused(401, "SESSION_REQUIRED");
        t.refresh(session["refresh_token"].as_str().unwrap()).await.oauth_error("invalid_grant");
    }
}

#[tokio::test]
async fn seed_m54_a_reset_verifies_the_address_only_if_the_operator_says_so() {
    for (settings, verified) in [("", false), ("[codes]\nreset_verifies = true", true)] {
        let (t, mail) = forgetful(settings).await;
        let confirm = post::all(&t, ADA).await.pop().unwrap();
        t.advance(SECOND);
        by_token(&t, mail.token()).await.ok();
        let session = t.login(ADA, NEW).await;
        assert_eq!(session["user"]["email_verified"], verified);
        assert_ne!(session["user"]["updated_at"], session["user"]["created_at"]);
        let answer = t.post("/v1/email/verify", json!({ "token": confirm.token() })).await;
        assert_eq!(answer.status, if verified { 400 } else { 200 }, "{}", answer.text);
    }
}

#[tokio::test]
async fn sec_c01_a_code_lives_ten_minutes_and_a_link_thirty_from_when_the_mail_left() {
    let (t, mail) = forgetful("").await;
    t.advance(10 * MINUTE + SECOND);
    by_code(&t, ADA, wrong(&mail.code)).await.refused(400, "INVALID_CODE");
    by_code(&t, ADA, mail.code.as_str()).await.refused(400, "EXPIRED_CODE");
    t.advance(20 * MINUTE - 2 * SECOND);
    by_token(&t, mail.token()).await.ok();
    let mail = self::mail(&t).await;
    t.advance(30 * MINUTE + SECOND);
    by_token(&t, mail.token()).await.refused(400, "TOKEN_EXPIRED");
    by_code(&t, ADA, mail.code.as_str()).await.refused(400, "EXPIRED_CODE");
}

#[tokio::test]
async fn sec_c02_one_of_fifty_simultaneous_uses_succeeds() {
    let (t, mail) = forgetful("").await;
    let calls = (0..50).map(|at| {
        let by_code = json!({ "email": ADA, "code": mail.code, "new_password": NEW });
        let by_token = json!({ "token": mail.token(), "new_password": NEW });
        t.post("/v1/password/reset", if at % 2 == 0 { by_code } else { by_token }).into_future()
    });
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for answer in answers.into_iter().filter(|answer| answer.status != 200) {
        assert!(
            ["INVALID_CODE", "TOKEN_REVOKED"].contains(&answer.json["code"].as_str().unwrap()),
            "{}",
            answer.text
        );
    }
    assert_eq!(t.sql("select count(*) from audit where event = 'password_reset'").await, "1");
}

#[tokio::test]
async fn sec_c04_only_five_wrong_codes_are_checked_even_if_sent_at_once() {
    let (t, mail) = forgetful("").await;
    let calls = (0..200).map(|at| {
        // Two spellings of one address share the tries.
        let email = if at % 2 == 0 { ADA } else { "ADA@EXAMPLE.COM" };
        let code = format!("{:06}", (mail.code.parse::<u32>().unwrap() + 1 + at) % 1_000_000);
        let body = json!({ "email": email, "code": code, "new_password": NEW });
        let t = &t;
        async move {
            // A 503 of an overloaded database means that the code was not checked, so the call is repeated.
            loop {
                let answer = t.post("/v1/password/reset", body.clone()).await;
                if answer.status != 503 {
                    break answer;
                }
            }
        }
    });
    for answer in futures_util::future::join_all(calls).await {
        answer.refused(400, "INVALID_CODE");
    }
    assert_eq!(t.sql("select tries from challenges where scene = 'reset_password'").await, "5");
    by_code(&t, ADA, mail.code.as_str()).await.refused(400, "INVALID_CODE");
    // Guessing does not lock out the owner: the link in the mail still works.
    by_token(&t, mail.token()).await.ok();
}

#[tokio::test]
async fn sec_r01_an_unknown_account_is_answered_like_a_wrong_code() {
    let (t, mail) = forgetful("").await;
    let known = by_code(&t, ADA, wrong(&mail.code)).await;
    for email in ["nobody@example.com", "asked@example.com"] {
        if email.starts_with("asked") {
            t.post("/v1/password/forgot", json!({ "email": email })).await.ok();
            post::send(&t).await;
        }
        let mut unknown = by_code(&t, email, wrong(&mail.code)).await.refused(400, "INVALID_CODE");
        unknown["id"] = known.json["id"].clone();
        assert_eq!(unknown, known.json);
    }
    assert_eq!(t.sql("select count(*) from audit where event = 'code_refused'").await, "3");
}

#[tokio::test]
async fn sec_c03_a_code_works_for_its_scene_and_its_address_only() {
    let (t, mail) = forgetful("").await;
    t.signup("bob@example.com", "correct horse").await;
    let confirm = post::newest(&t, "bob@example.com").await;
    t.post("/v1/password/forgot", json!({ "email": "bob@example.com" })).await.ok();
    post::send(&t).await;
    by_code(&t, "bob@example.com", mail.code.as_str()).await.refused(400, "INVALID_CODE");
    by_code(&t, "bob@example.com", confirm.code.as_str()).await.refused(400, "INVALID_CODE");
    by_token(&t, confirm.token()).await.refused(400, "TOKEN_REVOKED");
    let verify = |body| async { t.post("/v1/email/verify", body).await };
    verify(json!({ "email": ADA, "code": mail.code })).await.refused(400, "INVALID_CODE");
    verify(json!({ "token": mail.token() })).await.refused(400, "TOKEN_REVOKED");
    verify(json!({ "token": confirm.token(), "password": "correct horse" })).await.ok();
    by_code(&t, ADA, mail.code.as_str()).await.ok();
}

#[tokio::test]
async fn sec_p05_the_owner_gets_a_notice_without_code_or_link() {
    let (t, mail) = forgetful("").await;
    by_token(&t, mail.token()).await.ok();
    let notice = post::newest(&t, ADA).await;
    assert_eq!(notice.subject, "Your password at doorward was changed");
    assert!(notice.text.contains("2026-01-01 00:00 UTC"), "{}", notice.text);
    assert!(notice.code.is_empty() && notice.link.is_empty() && !notice.text.contains("token="));
}

#[tokio::test]
async fn a_reset_repeated_with_its_idempotency_key_is_carried_out_once() {
    let (t, mail) = forgetful("").await;
    let send = |key: &str, token: &str| {
        let body = json!({ "token": token, "new_password": NEW });
        t.post("/v1/password/reset", body).header("idempotency-key", key)
    };
    let (key, other) = ("6f1c2b70-5f0d-4e0c-9d5e-0a3a4a5b6c7d", "7f1c2b70-5f0d-4e0c-9d5e-0a3a4a5b6c7d");
    send(key, mail.token()).await.ok();
    send(key, mail.token()).await.ok();
    send(key, &"A".repeat(43)).await.refused(422, "INVALID_REQUEST");
    send(other, mail.token()).await.refused(400, "TOKEN_REVOKED");
    send(other, mail.token()).await.refused(400, "TOKEN_REVOKED");
    assert_eq!(t.sql("select count(*) from audit where event = 'password_reset'").await, "1");
    assert_eq!(
        t.sql("select count(*) from audit where event = 'code_refused'").await,
        "1",
        "the repetition counts no second try"
    );
}

#[tokio::test]
async fn code_and_token_together_or_neither_are_refused_with_the_field() {
    let (t, mail) = forgetful("").await;
    for (body, field) in [
        (json!({ "new_password": NEW }), "email"),
        (json!({ "email": ADA, "new_password": NEW }), "code"),
        (json!({ "code": mail.code, "new_password": NEW }), "email"),
        (json!({ "email": ADA, "code": mail.code, "token": mail.token(), "new_password": NEW }), "token"),
        (json!({ "token": "short", "new_password": NEW }), "token"),
        (json!({ "email": ADA, "code": "12x456", "new_password": NEW }), "code"),
        (json!({ "email": ADA, "code": 1_000_000, "new_password": NEW }), "code"),
    ] {
        let problem = t.post("/v1/password/reset", body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], field);
    }
}
