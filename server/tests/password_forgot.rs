//! `POST /v1/password/forgot` mails a code and a link. Its answer does not disclose whether an account exists.

use serde_json::json;

use crate::post;
use crate::support::{Answer, TestApp, database};

const ADA: &str = "ada@example.com";

async fn forgot(t: &TestApp, email: &str) -> Answer {
    t.post("/v1/password/forgot", json!({ "email": email })).await
}

async fn rows(t: &TestApp) -> (String, String, String) {
    (
        t.sql("select count(*) from challenges").await,
        t.sql("select count(*) from outbox").await,
        t.sql("select count(*) from audit").await,
    )
}

#[tokio::test]
async fn seed_k39_a_reset_mail_has_a_code_and_a_link() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    assert_eq!(forgot(&t, " Ada@Example.com ").await.ok(), json!({}));
    let mail = post::newest(&t, ADA).await;
    assert_eq!(mail.subject, "Choose a new password at doorward");
    assert_eq!(mail.code.len(), 6);
    assert_eq!(mail.token().len(), 43);
    for part in [&mail.text, &mail.html] {
        assert!(part.contains(&mail.code) && part.contains(mail.token()));
        assert!(part.contains("10 minutes") && part.contains("30 minutes"), "{part}");
    }
}

#[tokio::test]
async fn sec_r01_known_and_unknown_addresses_get_the_same_answer_for_the_same_work() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    post::send(&t).await;
    let mut seen = Vec::new();
    for email in [ADA, "nobody@example.com"] {
        let before = rows(&t).await;
        let answer = forgot(&t, email).await;
        let after = rows(&t).await;
        let number = |text: &str| text.parse::<i64>().unwrap();
        let written = (
            number(&after.0) - number(&before.0),
            number(&after.1) - number(&before.1),
            number(&after.2) - number(&before.2),
        );
        let headers: Vec<_> = answer
            .headers
            .iter()
            .filter(|(name, _)| *name != "x-request-id")
            .map(|(n, v)| format!("{n}: {v:?}"))
            .collect();
        seen.push((answer.status, answer.text, headers, written));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].3, (1, 1, 1), "a challenge, a mail and an audit record");
    assert!(post::all(&t, "nobody@example.com").await.is_empty());
    assert_eq!(t.sql("select count(*) from outbox").await, "0", "a mail without a recipient is dropped");
}

#[tokio::test]
async fn sec_c07_a_reset_request_changes_neither_password_nor_sessions() {
    let t = TestApp::new().await;
    let session = t.somebody().await;
    forgot(&t, ADA).await.ok();
    post::send(&t).await;
    t.login(ADA, "correct horse").await;
    t.get("/v1/profile").bearer(&session["access_token"]).await.ok();
}

#[tokio::test]
async fn sec_c03_a_new_mail_voids_the_one_before() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    forgot(&t, ADA).await.ok();
    let old = post::newest(&t, ADA).await;
    forgot(&t, ADA).await.ok();
    // The old code is void even before the new mail has left.
    let with_code = json!({ "email": ADA, "code": old.code, "new_password": "new password" });
    t.post("/v1/password/reset", with_code).await.refused(400, "INVALID_CODE");
    let new = post::newest(&t, ADA).await;
    let with_token = |token: &str| json!({ "token": token, "new_password": "new password" });
    t.post("/v1/password/reset", with_token(old.token())).await.refused(400, "TOKEN_REVOKED");
    t.post("/v1/password/reset", with_token(new.token())).await.ok();
}

#[tokio::test]
async fn five_reset_requests_during_a_mail_outage_send_one_mail() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    post::send(&t).await;
    for _ in 0..5 {
        forgot(&t, ADA).await.ok();
    }
    let mails = post::all(&t, ADA).await;
    assert_eq!(mails.iter().filter(|mail| mail.subject.contains("new password")).count(), 1);
}

#[tokio::test]
async fn sec_c06_the_host_of_a_link_comes_from_the_settings_alone() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    t.post("/v1/password/forgot", json!({ "email": ADA }))
        .header("host", "evil.localhost")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "ftp")
        .header("forwarded", "host=evil.example")
        .header("origin", "http://evil.localhost")
        .await
        .ok();
    let mail = post::newest(&t, ADA).await;
    assert!(mail.link.starts_with("http://localhost:8787/account/reset#token="), "{}", mail.link);
    assert!(!mail.text.contains("evil") && !mail.html.contains("evil"));
}

#[tokio::test]
async fn reset_links_can_open_a_page_of_the_app() {
    let t = TestApp::with("[links]\nreset = \"https://app.example.com/new?token={token}\"").await;
    t.signup(ADA, "correct horse").await;
    forgot(&t, ADA).await.ok();
    assert!(post::newest(&t, ADA).await.link.starts_with("https://app.example.com/new?token="));
}

#[tokio::test]
async fn sec_l04_the_database_holds_neither_code_nor_token() {
    let t = TestApp::new().await;
    t.signup(ADA, "correct horse").await;
    forgot(&t, ADA).await.ok();
    assert_eq!(
        t.sql("select count(*) from challenges where code_hash is null and token_hash is null").await,
        "2",
        "D-22: no hash is stored before the mail leaves"
    );
    let mail = post::newest(&t, ADA).await;
    t.sql("select count(*) from challenges where code_hash is not null").await;
    let bytes = database::content(&t).await;
    let holds = |text: &str| {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        [text, &hex].iter().any(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
    };
    assert!(holds(ADA), "the search itself works");
    assert!(!holds(mail.token()) && !holds(&mail.code));
}

#[tokio::test]
async fn an_invalid_address_is_refused_with_its_field() {
    let t = TestApp::new().await;
    for body in
        [json!({}), json!({ "email": "" }), json!({ "email": "a@x.de,b@y.de" }), json!({ "email": 7 })]
    {
        let problem = t.post("/v1/password/forgot", body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(problem["field"], "email");
    }
    let problem = t.post("/v1/password/forgot", json!({ "email": ADA, "now": true })).await;
    assert_eq!(problem.refused(400, "INVALID_PARAMETER")["field"], "now");
}

#[tokio::test]
async fn seed_m52_m20_with_compatible_disclosure_an_unknown_address_is_reported() {
    let t = TestApp::with("[disclosure]\naccount = \"compatible\"").await;
    t.signup(ADA, "correct horse").await;
    for path in ["/v1/password/forgot", "/v1/email/resend"] {
        t.post(path, json!({ "email": "Ada@Example.com" })).await.ok();
        let said = t.post(path, json!({ "email": "nobody@example.com" })).await.refused(404, "NOT_FOUND");
        assert_eq!(said["field"], "email");
    }
    let said = t.post("/v1/password/forgot", json!({ "phone_number": "+12025550123" })).await;
    assert_eq!(said.refused(404, "NOT_FOUND")["field"], "phone_number");
}
