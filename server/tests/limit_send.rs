//! Limits on sending (SECURITY C08, S15; seed K40), and on the address check (SECURITY R02).

use serde_json::{Value, json};

use crate::post;
use crate::support::{Answer, DAY, HOUR, MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";

/// Checks the refusal and returns the seconds to wait.
#[track_caller]
fn wait(answer: Answer) -> i64 {
    let header: i64 = answer.header("retry-after").parse().unwrap();
    let body = answer.refused(429, "LimitExceededException");
    assert_eq!((body["retry_after"].as_i64(), body["title"].as_str()), (Some(header), Some(WORDS)));
    header
}

const WORDS: &str = "Attempt limit exceeded, please try after some time.";

#[tokio::test]
async fn seed_k40_too_many_mails_to_one_address_are_refused_with_limit_exceeded() {
    let t = TestApp::with("[limits]\nmail = \"1/30s, 3/1h\"").await;
    let forgot = |email: &str| t.post("/v1/password/forgot", json!({ "email": email }));
    // The limit is the same with and without an account.
    for email in [ADA, "nobody@example.com"] {
        if email == ADA {
            t.signup(ADA, PASSWORD).await;
            t.advance(HOUR);
        }
        for sent in 0..3 {
            forgot(email).await.ok();
            t.advance(10 * SECOND);
            let seconds = if sent < 2 { 20 } else { 3600 - 70 };
            assert_eq!(wait(forgot(email).await), seconds, "{email}");
            t.advance(20 * SECOND);
        }
        assert_eq!(wait(forgot(email).await), 3600 - 90);
        t.advance(HOUR);
        forgot(email).await.ok();
    }
}

#[tokio::test]
async fn sec_c08_all_calls_that_send_mail_share_the_budget_of_an_address() {
    let t = TestApp::with("[limits]\nmail = \"4/1d\"").await;
    t.signup(ADA, PASSWORD).await;
    t.post("/v1/code", json!({ "email": ADA })).await.ok();
    t.post("/v1/password/forgot", json!({ "email": ADA })).await.ok();
    t.post("/v1/email/resend", json!({ "email": ADA })).await.ok();
    for (path, body) in [
        ("/v1/code", json!({ "email": "ADA@example.com", "scene": "RESET_PASSWORD" })),
        ("/v1/password/forgot", json!({ "email": ADA })),
        ("/v1/email/resend", json!({ "email": ADA })),
    ] {
        assert_eq!(wait(t.post(path, body).await), DAY / SECOND, "{path}");
    }
    let form = "action=send&email=ada%40example.com";
    for page in ["/account/reset", "/account/verify"] {
        let kind = "application/x-www-form-urlencoded";
        let answer = t.send(axum::http::Method::POST, page, kind, form).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "86400"));
        assert!(answer.text.contains("Too many tries"), "{}", answer.text);
    }
    t.post("/v1/code", json!({ "email": "bob@example.com" })).await.ok();
}

#[tokio::test]
async fn sec_c08_quiet_signups_have_one_mail_limit_for_free_and_taken_addresses() {
    let t = TestApp::with("[disclosure]\nsignup = \"quiet\"\n[limits]\nmail = \"2/1d\"").await;
    for email in [ADA, "other@example.com"] {
        if email == ADA {
            // This address has an account, the other one does not.
            t.signup(ADA, PASSWORD).await;
            t.sql_do("delete from budgets").await;
        }
        let signup = || t.post("/v1/signup", json!({ "email": email, "password": PASSWORD }));
        signup().await.ok();
        signup().await.ok();
        assert_eq!(wait(signup().await), DAY / SECOND, "{email}");
    }
}

#[tokio::test]
async fn sec_c08_each_source_and_all_sources_together_have_a_mail_limit() {
    let t =
        TestApp::with("[limits]\nsend = \"3/10m\"\nmail_total = \"6/1h\"\n[captcha]\nkind = \"none\"").await;
    let other = t.node_if_any().await;
    let nodes = [&t, other.as_ref().unwrap_or(&t)];
    let code = |at: usize, ip: &str| {
        let body = json!({ "email": format!("user{at}@example.com") });
        nodes[at % 2].post("/v1/code", body).from(ip)
    };
    for at in 0..3 {
        code(at, "192.0.2.1").await.ok();
    }
    assert_eq!(wait(code(3, "192.0.2.1").await), 600);
    for at in 3..5 {
        code(at, "192.0.2.2").await.ok();
    }
    t.advance(MINUTE);
    assert_eq!(wait(code(5, "192.0.2.3").await), 3540);
    t.advance(HOUR);
    code(5, "192.0.2.3").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_s15_1000_requests_from_100_addresses_send_a_victim_only_the_limit() {
    let t = TestApp::with("[limits]\nmail = \"6/1h\"\nsend = \"20/10m\"").await;
    t.signup(ADA, PASSWORD).await;
    let other = t.node_if_any().await;
    let nodes = [&t, other.as_ref().unwrap_or(&t)];
    let calls = (0..1000).map(|at| {
        let t = nodes[(at / 3) % 2];
        let call = match at % 3 {
            0 => t.post("/v1/code", json!({ "email": ADA })),
            1 => t.post("/v1/password/forgot", json!({ "email": ADA })),
            _ => t.post("/v1/email/resend", json!({ "email": ADA })),
        };
        let call = call.from(&format!("127.0.1.{}", at % 100 + 1));
        tokio::spawn(async move { call.await })
    });
    let mut asked = 0;
    for answer in futures_util::future::join_all(calls).await {
        match answer.unwrap().status {
            200 => asked += 1,
            // Overloaded, which happens on PostgreSQL. No mail is sent then.
            503 => {}
            // After some mails, the server requires a captcha.
            403 => {}
            status => assert_eq!(status, 429),
        }
    }
    // The sign-up sent the first mail.
    assert!(asked <= 5, "{asked}");
    assert!(post::all(&t, ADA).await.len() <= 6);
    t.login(ADA, PASSWORD).await;
}

#[tokio::test]
async fn seed_x02_sec_r02_check_email_is_off_by_default_and_limited_when_on() {
    let body = json!({ "email": ADA });
    let production = TestApp::production("").await;
    production.post("/v1/email/check", body.clone()).await.refused(403, "FORBIDDEN");
    let settings = "[limits]\ncheck = \"2/1m\"\ncheck_total = \"5/1m\"\n[captcha]\nkind = \"none\"";
    let t = TestApp::with(settings).await;
    let check = |ip: &str| t.post("/v1/email/check", body.clone()).from(ip);
    let refused = |answer: Answer| -> Value { answer.refused(429, "REQUEST_EXCEED")["retry_after"].clone() };
    for ip in ["192.0.2.1", "192.0.2.2"] {
        check(ip).await.ok();
        check(ip).await.ok();
        assert_eq!(refused(check(ip).await), 60);
    }
    check("192.0.2.3").await.ok();
    t.advance(15 * SECOND);
    assert_eq!(refused(check("192.0.2.4").await), 45, "the limit of all sources together");
}
