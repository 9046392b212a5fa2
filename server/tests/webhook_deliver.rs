//! Webhooks after an operation: delivered at least once despite failures, without delaying requests.

use std::process::Output;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_accounts::admin::{By, Operator};
use doorward_accounts::pruning;
use doorward_core::clock::World;
use doorward_core::service_key::{Scope, Scopes};
use doorward_hooks::delivery;
use doorward_request::caller::Caller;
use doorward_request::platform::Platform;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::post::service::{Heard, Mood, Service};
use crate::support::binary::doorward;
use crate::support::{DAY, HOUR, MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const CANARY: &str = "canary-4711-password";

fn section(name: &str, service: &Service, events: &str, more: &str) -> String {
    format!(
        "[webhooks.{name}]\nurl = \"{}\"\nsecrets = [\"{OLD}\", \"{NEW}\"]\nevents = [{events}]\n{more}\n",
        service.url("/hook")
    )
}

async fn world(events: &str, more: &str) -> (TestApp, Service) {
    let service = Service::start().await;
    (TestApp::with(&section("crm", &service, events, more)).await, service)
}

async fn signup(t: &TestApp, email: &str) {
    t.signup(email, CANARY).await;
}

/// Delivers everything that is due.
async fn tell(t: &TestApp) {
    while delivery::deliver_due(&t.app.hooks).await {}
}

/// Verifies a delivery as docs/webhooks.md describes: the signature, then the time. Returns the id, which is the same
/// in a repetition.
fn verify(heard: &Heard, secret: &str, now: i64) -> Result<String, &'static str> {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let (id, time) = (heard.header("webhook-id"), heard.header("webhook-timestamp"));
    let signed = format!("{id}.{time}.{}", heard.body);
    let good = heard.header("webhook-signature").split(' ').any(|one| {
        let signature = one.strip_prefix("v1,").and_then(|one| STANDARD.decode(one).ok()).unwrap_or_default();
        hmac::verify(&key, signed.as_bytes(), &signature).is_ok()
    });
    match time.parse::<i64>() {
        _ if !good => Err("signature"),
        Ok(time) if (now / 1000 - time).abs() <= 300 => Ok(id.to_owned()),
        _ => Err("time"),
    }
}

#[tokio::test]
async fn sec_h02_a_receiver_verifies_a_delivery_with_either_of_the_two_secrets() {
    let (t, crm) = world("\"post_signup\"", "").await;
    signup(&t, ADA).await;
    tell(&t).await;
    let [heard] = &crm.heard()[..] else { panic!("expected one delivery") };
    let now = t.app.platform.world.now();
    let id = verify(heard, OLD, now).unwrap();
    assert_eq!(verify(heard, NEW, now), Ok(id.clone()));
    assert_eq!(id, t.sql("select id from hook_deliveries").await);
    let other = "whsec_/////////////////////////////////////w==";
    assert_eq!(verify(heard, other, now), Err("signature"));
    let altered = Heard { body: heard.body.replace(ADA, BOB), ..heard.clone() };
    assert_eq!(verify(&altered, OLD, now), Err("signature"));
    assert_eq!(verify(heard, OLD, now + 6 * MINUTE), Err("time"));
}

#[tokio::test]
async fn seed_a90_a_service_learns_the_outcome_and_the_user() {
    let (t, crm) = world("\"post_signup\", \"post_email_auth\"", "").await;
    signup(&t, ADA).await;
    t.login(ADA, CANARY).await;
    let wrong = json!({ "email": ADA, "password": "wrong password" });
    t.post("/v1/login", wrong).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    tell(&t).await;
    let id = t.sql("select id from accounts").await;
    let mut told: Vec<_> = crm.heard().iter().map(Heard::json).collect();
    told.sort_by_key(|said| said["data"]["succeeded"].as_bool());
    assert_eq!(told.len(), 3);
    let (failed, signed_in) = (
        &told[0],
        told.iter().find(|said| said["type"] == "post_email_auth" && said["data"]["succeeded"] == true),
    );
    assert_eq!(failed["data"]["code"], "INCORRECT_USERNAME_OR_PASSWORD");
    let data = &signed_in.unwrap()["data"];
    assert_eq!((&data["user_id"], &data["code"], &data["email"]), (&json!(id), &json!(null), &json!(ADA)));
    assert!(!data["session_id"].as_str().unwrap().is_empty());
    for heard in crm.heard() {
        assert!(!heard.body.contains(CANARY) && !heard.body.contains("wrong password"), "sec_P06");
    }
    assert!(!t.dump("hook_deliveries").await.contains(CANARY), "sec_P06");
}

#[tokio::test]
async fn sec_h03_after_a_crash_a_delivery_is_repeated_with_the_same_id() {
    let (t, crm) = world("\"post_signup\"", "").await;
    crm.be(Mood::Hangs);
    signup(&t, ADA).await;
    let app = t.app.clone();
    let dying = tokio::spawn(async move { delivery::deliver_due(&app.hooks).await });
    while crm.heard().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    dying.abort();
    crm.be(Mood::Says(204, String::new()));
    let t = t.restart().await;
    tell(&t).await;
    assert_eq!(crm.heard().len(), 1, "the lease holds");
    t.advance(MINUTE);
    tell(&t).await;
    tell(&t).await;
    let heard = crm.heard();
    assert_eq!(heard.len(), 2);
    assert_eq!(heard[0].header("webhook-id"), heard[1].header("webhook-id"));
    assert_ne!(heard[0].header("webhook-timestamp"), heard[1].header("webhook-timestamp"));
    assert_eq!(heard[0].body, heard[1].body);
}

#[tokio::test]
async fn a_rolled_back_operation_is_not_delivered_as_a_success() {
    let (t, crm) = world("\"post_signup\"", "").await;
    signup(&t, ADA).await;
    t.post("/v1/signup", json!({ "email": ADA, "password": CANARY })).await.refused(409, "EXISTS");
    tell(&t).await;
    let told: Vec<_> = crm.heard().iter().map(|heard| heard.json()["data"]["succeeded"].clone()).collect();
    assert_eq!(told.iter().filter(|done| **done == true).count(), 1, "{told:?}");
}

#[tokio::test]
async fn sec_h03_after_an_outage_of_an_hour_a_service_gets_each_event_once() {
    let (t, crm) = world("\"post_signup\"", "").await;
    crm.be(Mood::Says(503, String::new()));
    for email in [ADA, BOB] {
        signup(&t, email).await;
    }
    for _ in 0..60 {
        tell(&t).await;
        t.advance(MINUTE);
    }
    let tries = crm.heard().len();
    assert!((16..40).contains(&tries), "{tries}");
    crm.be(Mood::Says(200, "thanks".into()));
    // The longest pause between two attempts.
    t.advance(15 * MINUTE);
    tell(&t).await;
    t.advance(HOUR);
    tell(&t).await;
    let mut last: Vec<_> =
        crm.heard()[tries..].iter().map(|heard| heard.json()["data"]["email"].clone()).collect();
    last.sort_by_key(|email| email.to_string());
    assert_eq!(last, [ADA, BOB]);
    assert_eq!(t.sql("select count(*) from hook_deliveries where settled_at is not null").await, "2");
}

/// Runs `doorward hooks …` beside the server.
fn hooks(t: &TestApp, arguments: &[&str]) -> Output {
    let folder = t.folder.path();
    let mut command = doorward(folder);
    let url = &t.app.platform.config.database.url;
    if !url.is_empty() {
        command.env("DOORWARD_DATABASE__URL", url.expose());
    }
    command.arg("hooks").args(arguments).args(["--dev", "--data"]).arg(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_failed_delivery_is_kept_and_listed_and_can_be_sent_again() {
    let (t, crm) = world("\"post_signup\"", "attempts = 3").await;
    signup(&t, ADA).await;
    tell(&t).await;
    crm.be(Mood::Says(500, "this body is not kept".into()));
    signup(&t, BOB).await;
    for _ in 0..5 {
        tell(&t).await;
        t.advance(HOUR);
    }
    assert_eq!(crm.heard().len(), 4);
    let all = said(&hooks(&t, &["deliveries"]));
    assert_eq!(all.lines().count(), 2, "{all}");
    let failed = said(&hooks(&t, &["deliveries", "--failed", "--webhook", "crm", "--json"]));
    let line: Value = serde_json::from_str(failed.trim()).unwrap();
    assert_eq!((&line["event"], &line["target"]), (&json!("post_signup"), &json!("crm")));
    assert_eq!((&line["state"], &line["attempts"]), (&json!("failed"), &json!(3)));
    assert_eq!(line["cause"], "it answered 500");
    assert_eq!(said(&hooks(&t, &["deliveries", "--webhook", "script"])), "");
    let id = line["id"].as_str().unwrap();
    said(&hooks(&t, &["deliveries", "--send", id]));
    assert!(!hooks(&t, &["deliveries", "--send", "nonsense"]).status.success());
    assert_eq!(t.audited("delivery_resent").await, 1);
    crm.be(Mood::Says(204, String::new()));
    // The command line uses the machine's clock.
    t.advance(World::default().now() - t.app.platform.world.now());
    tell(&t).await;
    assert_eq!(crm.heard().len(), 5);
    assert_eq!(crm.heard()[4].header("webhook-id"), id);
    assert_eq!(said(&hooks(&t, &["deliveries", "--failed"])), "");
}

#[tokio::test]
async fn the_admin_api_lists_failed_deliveries_and_sends_them_again() {
    let (t, crm) = world("\"post_signup\"", "attempts = 1\n[admin]\npublic = true").await;
    let Platform { store, world, config, .. } = &*t.app.platform;
    let operator = Operator::new(store, world, config, By::CommandLine, Caller::default());
    let (key, _) = operator.create_key("test", Scopes::new(&[Scope::Admin])).await.unwrap();
    let ask = |method: Method, path: &str| {
        let call = t.send(method, path, "", "");
        call.header("authorization", &format!("Bearer {}", key.write().expose()))
    };
    crm.be(Mood::Says(500, String::new()));
    signup(&t, ADA).await;
    tell(&t).await;
    let failed = "/v1/admin/deliveries?failed=true&target=crm";
    let list = ask(Method::GET, failed).await.ok();
    let delivery = &list["deliveries"][0];
    assert_eq!((&delivery["state"], &delivery["cause"]), (&json!("failed"), &json!("it answered 500")));
    assert!(!list.to_string().contains(ADA), "the list does not contain the payload");
    let problem = ask(Method::GET, "/v1/admin/deliveries?failed=yes").await.refused(400, "INVALID_PARAMETER");
    assert_eq!(problem["field"], "failed");
    let send = format!("/v1/admin/deliveries/{}/send", delivery["id"].as_str().unwrap());
    ask(Method::POST, &send).await.ok();
    crm.be(Mood::Says(204, String::new()));
    tell(&t).await;
    assert_eq!(crm.heard().len(), 2);
    assert_eq!(ask(Method::GET, failed).await.ok()["deliveries"], json!([]));
    let unknown = "/v1/admin/deliveries/00000000-0000-0000-0000-000000000000/send";
    ask(Method::POST, unknown).await.refused(404, "NOT_FOUND");
}

#[test]
fn a_generated_webhook_secret_is_valid_in_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let secret = said(&doorward(folder.path()).args(["hooks", "secret"]).output().unwrap());
    let settings = format!(
        "[webhooks.crm]\nurl = \"https://crm.example.com/\"\nevents = [\"post_*\"]\nsecrets = [{:?}]\n",
        secret.trim()
    );
    std::fs::write(folder.path().join("doorward.toml"), settings).unwrap();
    let checked = said(&doorward(folder.path()).args(["config", "check", "--dev"]).output().unwrap());
    assert!(checked.contains("webhooks.crm.secrets = [\"(hidden)\"]"), "{checked}");
    assert!(!checked.contains(secret.trim()));
}

#[tokio::test]
async fn a_service_that_answers_410_is_called_once() {
    let (t, crm) = world("\"post_signup\"", "").await;
    crm.be(Mood::Says(410, String::new()));
    signup(&t, ADA).await;
    tell(&t).await;
    t.advance(DAY);
    tell(&t).await;
    assert_eq!(crm.heard().len(), 1);
    assert_eq!(t.sql("select count(*) from hook_deliveries where dead_at is not null").await, "1");
}

#[tokio::test]
async fn a_redirect_or_broken_answer_is_retried_and_a_200_of_any_length_succeeds() {
    let (t, crm) = world("\"post_signup\"", "").await;
    let inside = Service::start().await;
    signup(&t, ADA).await;
    for mood in [Mood::Redirects(302, inside.url("/")), Mood::Babbles, Mood::HangsUp] {
        crm.be(mood);
        tell(&t).await;
        t.advance(HOUR);
    }
    assert_eq!(inside.connections(), 0);
    crm.be(Mood::Says(200, "x".repeat(10 << 20)));
    tell(&t).await;
    assert_eq!(t.sql("select count(*) from hook_deliveries where settled_at is not null").await, "1");
    assert_eq!(t.sql("select attempts from hook_deliveries").await, "4");
}

#[tokio::test]
async fn sec_s10_a_service_that_hangs_delays_neither_sign_ups_nor_other_services() {
    let (slow, quick) = (Service::start().await, Service::start().await);
    let events = "\"post_*\"";
    let settings = section("slow", &slow, events, "connections = 1") + &section("quick", &quick, events, "");
    let t = TestApp::with(&settings).await;
    slow.be(Mood::Hangs);
    let (stop, ended) = watch::channel(());
    let worker = tokio::spawn(delivery::run(t.app.hooks.clone(), ended));
    let begun = Instant::now();
    for at in 0..10 {
        signup(&t, &format!("user{at}@example.com")).await;
    }
    while quick.heard().len() < 10 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{}", quick.heard().len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(slow.heard().len(), 1, "it has one connection");
    drop(stop);
    worker.abort();
}

#[tokio::test]
async fn two_nodes_never_send_one_delivery_twice() {
    let (t, crm) = world("\"post_signup\"", "").await;
    let other = t.node().await;
    for at in 0..30 {
        signup(&t, &format!("user{at}@example.com")).await;
    }
    futures_util::future::join_all([tell(&t), tell(&other), tell(&t), tell(&other)]).await;
    let mut ids: Vec<_> = crm.heard().iter().map(|heard| heard.header("webhook-id").to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), crm.heard().len()), (30, 30));
}

#[tokio::test]
async fn a_delivery_is_kept_for_a_day_and_a_failed_one_for_a_month() {
    let (t, crm) = world("\"post_signup\"", "attempts = 1").await;
    signup(&t, ADA).await;
    tell(&t).await;
    crm.be(Mood::Says(500, String::new()));
    signup(&t, BOB).await;
    tell(&t).await;
    let count = || t.sql("select count(*) from hook_deliveries");
    pruning::all(&t.app.platform).await.unwrap();
    assert_eq!(count().await, "2");
    t.advance(DAY + SECOND);
    pruning::all(&t.app.platform).await.unwrap();
    assert_eq!(count().await, "1");
    t.advance(29 * DAY);
    pruning::all(&t.app.platform).await.unwrap();
    assert_eq!(count().await, "0");
}

#[tokio::test]
async fn deliveries_to_a_removed_service_are_deleted_after_a_month() {
    let (t, crm) = world("\"post_signup\"", "").await;
    signup(&t, ADA).await;
    let t = t.restart_with("").await;
    tell(&t).await;
    assert_eq!(crm.heard().len(), 0);
    t.advance(31 * DAY);
    pruning::all(&t.app.platform).await.unwrap();
    assert_eq!(t.sql("select count(*) from hook_deliveries").await, "0");
}
