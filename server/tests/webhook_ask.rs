//! Webhooks before an operation: the answers that a service can give, and requests while the service fails.

use serde_json::{Value, json};

use crate::post::service::{Mood, Service};
use crate::support::{Answer, MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CANARY: &str = "canary-4711-password";

/// A long time-out is the default, because a machine may be busy. A test of time-outs sets its own.
fn section(name: &str, service: &Service, events: &str, more: &str) -> String {
    let patient = if more.contains("timeout") { "" } else { "timeout = \"4s\"\n" };
    format!(
        "[webhooks.{name}]\nurl = \"{}\"\nsecrets = [\"{SECRET}\"]\nevents = [{events}]\n{patient}{more}\n",
        service.url(&format!("/{name}"))
    )
}

async fn world(events: &str, more: &str) -> (TestApp, Service) {
    let service = Service::start().await;
    (TestApp::with(&section("crm", &service, events, more)).await, service)
}

fn says(json: Value) -> Mood {
    Mood::Says(200, json.to_string())
}

async fn signup(t: &TestApp, email: &str) -> Answer {
    t.post("/v1/signup", json!({ "email": email, "password": CANARY })).await
}

async fn accounts(t: &TestApp) -> String {
    t.sql("select count(*) from accounts").await
}

#[tokio::test]
async fn a_service_gets_the_data_of_an_operation_without_secrets() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    let body = json!({ "email": ADA, "password": CANARY, "name": "Ada", "locale": "de" });
    let call = t.post("/v1/signup", body).header("user-agent", "Test/1").header("accept-language", "en");
    call.await.ok();
    let heard = crm.heard();
    assert_eq!((heard.len(), heard[0].line.as_str()), (1, "POST /crm HTTP/1.1\r\n"));
    assert_eq!(heard[0].header("content-type"), "application/json");
    let said = heard[0].json();
    assert_eq!(
        (&said["type"], &said["timestamp"]),
        (&json!("pre_signup"), &json!("2026-01-01T00:00:00.000Z"))
    );
    let data = &said["data"];
    assert_eq!((&data["email"], &data["name"], &data["locale"]), (&json!(ADA), &json!("Ada"), &json!("de")));
    assert_eq!((&data["user_id"], &data["user_agent"]), (&json!(""), &json!("Test/1")));
    assert!(!data["request_id"].as_str().unwrap().is_empty());
    assert!(!heard[0].body.contains(CANARY) && data.get("password").is_none(), "sec_P06");
}

#[tokio::test]
async fn a_service_can_refuse_with_its_own_message_and_code() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    crm.be(says(json!({ "reject": {} })));
    signup(&t, ADA).await.refused(403, "HOOK_REJECTED");
    crm.be(says(json!({ "reject": { "message": "Not today.", "code": "FORBIDDEN", "field": "email" } })));
    let refused = signup(&t, ADA).await.refused(403, "FORBIDDEN");
    assert_eq!((&refused["detail"], &refused["field"]), (&json!("Not today."), &json!("email")));
    assert_eq!(accounts(&t).await, "0");
    crm.be(Mood::Says(204, String::new()));
    signup(&t, ADA).await.ok();
}

#[tokio::test]
async fn a_value_set_by_a_service_is_checked_like_one_from_a_client() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    crm.be(says(json!({ "set": { "email": "  Countess@Example.com", "name": "Ada King" } })));
    signup(&t, ADA).await.ok();
    assert_eq!(t.login("countess@example.com", CANARY).await["token_type"], "Bearer");
    crm.be(says(json!({ "set": { "email": "nonsense" } })));
    assert_eq!(signup(&t, ADA).await.refused(400, "INVALID_PARAMETER")["field"], "email");
}

#[tokio::test]
async fn each_service_sees_earlier_changes_and_the_first_refusal_is_final() {
    let (first, second) = (Service::start().await, Service::start().await);
    let events = "\"pre_signup\"";
    let settings = section("a", &first, events, "") + &section("b", &second, events, "");
    let t = TestApp::with(&settings).await;
    first.be(says(json!({ "set": { "email": "bob@example.com" } })));
    signup(&t, ADA).await.ok();
    assert_eq!(second.heard()[0].json()["data"]["email"], "bob@example.com");
    first.be(says(json!({ "reject": {} })));
    signup(&t, ADA).await.refused(403, "HOOK_REJECTED");
    assert_eq!(second.heard().len(), 1);
}

/// Each kind of failure of a service.
fn faults() -> Vec<Mood> {
    vec![
        Mood::Says(500, String::new()),
        Mood::Says(404, "{}".into()),
        Mood::Says(200, "OK".into()),
        Mood::Says(200, "x".repeat(10 << 20)),
        Mood::Says(200, json!({ "set": { "user_id": "x" } }).to_string()),
        Mood::Says(200, json!({ "set": { "password": "known to a service" } }).to_string()),
        Mood::Redirects(302, "http://127.0.0.1:1/".into()),
        Mood::Babbles,
        Mood::HangsUp,
    ]
}

#[tokio::test]
async fn sec_h03_a_failing_service_refuses_requests_unless_on_failure_is_go_on() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    let (open, other) = world("\"pre_signup\"", "on_failure = \"go_on\"").await;
    for (at, mood) in faults().into_iter().enumerate() {
        crm.be(mood.clone());
        other.be(mood.clone());
        let refused = signup(&t, ADA).await;
        assert_eq!(refused.header("retry-after"), "1", "{mood:?}");
        refused.refused(503, "OVERLOADED");
        signup(&open, &format!("user{at}@example.com")).await.ok();
        // After this time the circuit breaker lets one request through.
        t.advance(MINUTE);
        open.advance(MINUTE);
    }
    assert_eq!((accounts(&t).await, accounts(&open).await), ("0".into(), faults().len().to_string()));
}

#[tokio::test]
async fn sec_h03_a_redirect_is_not_followed() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    let inside = Service::start().await;
    crm.be(Mood::Redirects(307, inside.url("/")));
    signup(&t, ADA).await.refused(503, "OVERLOADED");
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn sec_s10_a_slow_service_delays_a_request_by_at_most_its_timeout() {
    for mood in [Mood::Hangs, Mood::Drips] {
        let (t, crm) = world("\"pre_signup\"", "timeout = \"1s\"").await;
        crm.be(mood);
        // Without the time-out this call would never end.
        signup(&t, ADA).await.refused(503, "OVERLOADED");
        assert_eq!(crm.heard().len(), 1);
    }
}

#[tokio::test]
async fn sec_s10_after_five_failures_requests_fail_at_once_until_the_service_recovers() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    crm.be(Mood::Says(500, String::new()));
    for _ in 0..5 {
        signup(&t, ADA).await.refused(503, "OVERLOADED");
    }
    crm.be(Mood::Hangs);
    for _ in 0..20 {
        signup(&t, ADA).await.refused(503, "OVERLOADED");
    }
    assert_eq!(crm.connections(), 5, "no request waits for the service");
    // The warning can also contain that the test's clock differs from the database's.
    let warning =
        async || t.get("/health/ready").await.ok()["warning"].as_str().unwrap_or_default().to_owned();
    assert!(warning().await.contains("the webhook crm keeps failing"));
    crm.be(Mood::Says(204, String::new()));
    t.advance(2 * SECOND);
    signup(&t, ADA).await.ok();
    assert!(!warning().await.contains("webhook"));
}

#[tokio::test]
async fn sec_s10_answers_to_bad_requests_do_not_open_the_circuit_breaker() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    for mood in [
        Mood::Says(400, "<html>".into()),
        Mood::Says(413, String::new()),
        says(json!({ "set": { "email": 7 } })),
    ] {
        crm.be(mood);
        for _ in 0..6 {
            signup(&t, ADA).await.refused(503, "OVERLOADED");
        }
    }
    crm.be(Mood::Says(204, String::new()));
    signup(&t, ADA).await.ok();
}

#[tokio::test]
async fn a_service_is_called_only_for_the_events_that_it_lists() {
    let (t, crm) = world("\"pre_logout\", \"pre_delete_account\"", "").await;
    crm.be(says(json!({ "reject": {} })));
    signup(&t, ADA).await.ok();
    assert_eq!(crm.connections(), 0);
}

#[tokio::test]
async fn seed_a90_a_sign_in_can_be_refused_by_a_service() {
    let (t, crm) = world("\"pre_*\"", "").await;
    signup(&t, ADA).await.ok();
    crm.be(says(json!({ "reject": { "message": "Closed on Sundays." } })));
    let body = json!({ "email": ADA, "password": CANARY });
    assert_eq!(t.post("/v1/login", body).await.refused(403, "HOOK_REJECTED")["detail"], "Closed on Sundays.");
    let events: Vec<_> = crm.heard().iter().map(|heard| heard.json()["type"].clone()).collect();
    assert_eq!(events, ["pre_signup", "pre_email_auth"]);
}
