//! Webhooks before an operation: what a service can say, and what becomes of a request when it does not say it.

use serde_json::{Value, json};

use crate::post::service::{Mood, Service};
use crate::support::{Answer, MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const CANARY: &str = "canary-4711-password";

/// A busy machine may take its time; a test of time-outs says so itself.
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
async fn a_service_is_told_what_somebody_is_about_to_do_and_no_secret() {
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
async fn a_service_can_refuse_with_words_and_a_code_of_its_own() {
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
async fn what_a_service_sets_is_checked_like_what_a_client_sends() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    crm.be(says(json!({ "set": { "email": "  Countess@Example.com", "name": "Ada King" } })));
    signup(&t, ADA).await.ok();
    assert_eq!(t.login("countess@example.com", CANARY).await["token_type"], "Bearer");
    crm.be(says(json!({ "set": { "email": "nonsense" } })));
    assert_eq!(signup(&t, ADA).await.refused(400, "INVALID_PARAMETER")["field"], "email");
}

#[tokio::test]
async fn each_service_sees_what_the_one_before_it_has_set_and_the_first_no_is_the_last_word() {
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

/// All that an answer can be that is none.
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
async fn sec_h03_a_service_that_fails_closes_the_door_unless_it_was_declared_open() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    let (open, other) = world("\"pre_signup\"", "on_failure = \"go_on\"").await;
    for (at, mood) in faults().into_iter().enumerate() {
        crm.be(mood.clone());
        other.be(mood.clone());
        let refused = signup(&t, ADA).await;
        assert_eq!(refused.header("retry-after"), "1", "{mood:?}");
        refused.refused(503, "OVERLOADED");
        signup(&open, &format!("user{at}@example.com")).await.ok();
        // The breaker lets one through by then.
        t.advance(MINUTE);
        open.advance(MINUTE);
    }
    assert_eq!((accounts(&t).await, accounts(&open).await), ("0".into(), faults().len().to_string()));
}

#[tokio::test]
async fn sec_h03_a_redirect_leads_nowhere() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    let inside = Service::start().await;
    crm.be(Mood::Redirects(307, inside.url("/")));
    signup(&t, ADA).await.refused(503, "OVERLOADED");
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn sec_s10_whoever_hangs_or_drips_holds_nobody_up_for_longer_than_its_time() {
    for mood in [Mood::Hangs, Mood::Drips] {
        let (t, crm) = world("\"pre_signup\"", "timeout = \"1s\"").await;
        crm.be(mood);
        // Without an end of its own this would never end.
        signup(&t, ADA).await.refused(503, "OVERLOADED");
        assert_eq!(crm.heard().len(), 1);
    }
}

#[tokio::test]
async fn sec_s10_after_five_failures_nobody_waits_and_once_the_service_is_well_it_is_asked_again() {
    let (t, crm) = world("\"pre_signup\"", "").await;
    crm.be(Mood::Says(500, String::new()));
    for _ in 0..5 {
        signup(&t, ADA).await.refused(503, "OVERLOADED");
    }
    crm.be(Mood::Hangs);
    for _ in 0..20 {
        signup(&t, ADA).await.refused(503, "OVERLOADED");
    }
    assert_eq!(crm.connections(), 5, "nobody waits for who hangs");
    // The test's clock is not the database's, which is told there, too.
    let warning =
        async || t.get("/health/ready").await.ok()["warning"].as_str().unwrap_or_default().to_owned();
    assert!(warning().await.contains("the webhook crm keeps failing"));
    crm.be(Mood::Says(204, String::new()));
    t.advance(2 * SECOND);
    signup(&t, ADA).await.ok();
    assert!(!warning().await.contains("webhook"));
}

#[tokio::test]
async fn sec_s10_who_is_refused_for_what_they_send_shuts_nobody_else_out() {
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
async fn a_service_that_listens_to_something_else_is_not_asked() {
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
