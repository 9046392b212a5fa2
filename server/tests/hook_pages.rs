//! The examples of docs/hooks.md and docs/webhooks.md, read from these files, work as described.

use doorward_hooks::delivery;
use serde_json::{Value, json};

use crate::post;
use crate::post::service::{Heard, Mood, Service};
use crate::support::browser::Browser;
use crate::support::hooks::{Hooked, Log};
use crate::support::issuer::Issuer;
use crate::support::{DAY, TestApp};

const HOOKS: &str = include_str!("../../docs/hooks.md");
const WEBHOOKS: &str = include_str!("../../docs/webhooks.md");

/// The text before each example in docs/hooks.md.
const EXAMPLES: [&str; 5] = [BLOCKED, WITHOUT_PLUS, FIRST_SIGHT, UNCONFIRMED, SUNDAYS];
const BLOCKED: &str = "# Hooks\n";
const WITHOUT_PLUS: &str = "\nRemove the part after a plus sign";
const FIRST_SIGHT: &str = "\nCreate the account at the first sign-in";
const UNCONFIRMED: &str = "\nRefuse users who have not confirmed";
const SUNDAYS: &str = "\nClose on Sundays:";

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";

/// The first block in this language after this text.
fn block(page: &'static str, words: &str, language: &str) -> &'static str {
    let (_, after) = page.split_once(words).expect(words);
    let (_, block) = after.split_once(&format!("\n```{language}\n")).expect(language);
    block.split_once("```").unwrap().0
}

fn example(words: &str) -> &'static str {
    block(HOOKS, words, "python")
}

#[test]
fn every_example_in_docs_hooks_md_is_tested() {
    let there: Vec<_> =
        HOOKS.split("\n```python\n").skip(1).map(|rest| rest.split_once("```").unwrap().0).collect();
    assert_eq!(there, EXAMPLES.map(example));
}

#[tokio::test]
async fn the_first_example_blocks_domains_and_prints_failed_sign_ins() {
    let log = Log::listen();
    let t = Hooked::new(example(BLOCKED)).await;
    let signup = |email: &str| t.post("/v1/signup", json!({ "email": email, "password": PASSWORD }));
    for email in ["eve@mailinator.com", "eve@Trash.Example"] {
        let problem = signup(email).await.refused(403, "HOOK_REJECTED");
        assert_eq!(problem["detail"], "Please take an address that you will keep.");
        assert_eq!(problem["field"], "email");
    }
    signup(ADA).await.ok();
    t.login(ADA, PASSWORD).await;
    while delivery::deliver_due(&t.app.hooks).await {}
    assert!(!log.text().contains("a sign-in failed"), "{}", log.text());
    let wrong = t.post("/v1/login", json!({ "email": ADA, "password": "wrong horse" })).from("192.0.2.7");
    wrong.await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    while delivery::deliver_due(&t.app.hooks).await {}
    assert!(log.text().contains("a sign-in failed 192.0.2.7"), "{}", log.text());
}

#[tokio::test]
async fn the_address_example_removes_the_plus_part_in_every_call() {
    let t = Hooked::new(example(WITHOUT_PLUS)).await;
    t.signup("ada+shop@example.com", PASSWORD).await;
    for written in [ADA, "ada+shop@example.com", "ada+mail@example.com"] {
        assert_eq!(t.login(written, PASSWORD).await["user"]["email"], ADA);
    }
    t.post("/v1/password/forgot", json!({ "email": "ada+lost@example.com" })).await.ok();
    let mail = post::newest(&t, ADA).await;
    let body = json!({ "token": mail.token(), "new_password": "battery staple" });
    t.post("/v1/password/reset", body).await.ok();
    t.login("ada+new@example.com", "battery staple").await;
    t.post("/v1/code", json!({ "email": "ada+code@example.com" })).await.ok();
    let code = post::newest(&t, ADA).await.code;
    let body = json!({ "email": "ada+other@example.com", "code": code });
    assert_eq!(t.post("/v1/login/code", body).await.ok()["user"]["email"], ADA);
    // Users without an address are not affected.
    t.post("/v1/signup", json!({ "username": "eve", "password": PASSWORD })).await.ok();
    t.phone("+4915112345678").await;
}

#[tokio::test]
async fn the_first_sign_in_example_creates_accounts_for_one_provider_only() {
    let (company, other) = (Issuer::start().await, Issuer::start().await);
    for op in [&company, &other] {
        op.person("ada", json!({ "name": "Ada" }));
    }
    let settings = company.settings("company") + &other.settings("other");
    let t = Hooked::with(example(FIRST_SIGHT), &settings, "time = \"5s\"").await;
    let come = async |op: &Issuer, name: &str| {
        let browser = Browser::new(&t);
        let begun = browser.begin(name).await;
        browser.login(name, &begun, &op.consent(&begun.url, "ada")).await.ok()
    };
    let offered = come(&other, "other").await;
    assert_eq!((&offered["type"], offered.get("session")), (&json!("LoginOAuth"), None));
    assert_eq!(t.sql("select count(*) from accounts").await, "0");
    let made = come(&company, "company").await;
    assert!(made["session"]["access_token"].is_string(), "{made}");
    assert_eq!(t.sql("select count(*) from accounts where roles like '%staff%'").await, "1");
    assert_eq!(t.sql("select count(*) from accounts").await, "1");
}

#[tokio::test]
async fn seed_a02_a_hook_of_five_lines_refuses_users_with_an_unconfirmed_address() {
    let t = Hooked::new("# no hooks\n").await;
    t.signup("ada@example.com", PASSWORD).await;
    let login =
        async || t.post("/v1/login", json!({ "email": "ada@example.com", "password": PASSWORD })).await;
    login().await.ok();
    t.rewrite(example(UNCONFIRMED)).await;
    login().await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    // A user with a wrong password learns nothing.
    let wrong = json!({ "email": "ada@example.com", "password": "another one" });
    t.post("/v1/login", wrong).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let body = json!({ "email": "bob@example.com", "password": PASSWORD, "options": { "login": true } });
    t.post("/v1/signup", body).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    t.confirm("ada@example.com", PASSWORD).await;
    login().await.ok();
}

#[tokio::test]
async fn the_sunday_example_refuses_sign_ins_on_sundays() {
    let t = Hooked::new(example(SUNDAYS)).await;
    // The clock of the test starts on a Thursday.
    t.somebody().await;
    t.advance(3 * DAY);
    let call = t.post("/v1/login", json!({ "email": ADA, "password": PASSWORD }));
    assert_eq!(call.await.refused(403, "HOOK_REJECTED")["detail"], "We are closed on Sundays.");
    t.advance(DAY);
    t.login(ADA, PASSWORD).await;
}

/// A server with the webhook of docs/webhooks.md, and the service that it calls.
async fn with_webhook() -> (TestApp, Service) {
    let service = Service::start().await;
    let settings = block(WEBHOOKS, "## Set up a webhook\n", "toml")
        .replace("https://crm.example.com/doorward", &service.url("/doorward"))
        .replace("whsec_…", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    // A busy machine may need more time.
    (TestApp::with(&format!("{settings}timeout = \"4s\"\n")).await, service)
}

/// The example answer in docs/webhooks.md that begins with this text.
fn answer(begins: &str) -> Mood {
    let (_, rest) = WEBHOOKS.split_once(&format!("\n- `{begins}")).unwrap();
    let (rest, _) = rest.split_once('`').unwrap();
    Mood::Says(200, format!("{begins}{rest}"))
}

#[tokio::test]
async fn the_answers_in_docs_webhooks_md_change_and_refuse_a_signup() {
    let (t, crm) = with_webhook().await;
    let signup = || t.post("/v1/signup", json!({ "email": "bob@example.com", "password": PASSWORD }));
    crm.be(answer("{\"reject\""));
    let problem = signup().await.refused(403, "FORBIDDEN");
    assert_eq!(
        (&problem["detail"], &problem["field"]),
        (&json!("We do not know this domain."), &json!("email"))
    );
    crm.be(answer("{\"set\""));
    signup().await.ok();
    t.login(ADA, PASSWORD).await;
}

#[tokio::test]
async fn a_webhook_request_has_the_fields_shown_in_docs_webhooks_md() {
    let (t, crm) = with_webhook().await;
    t.signup(ADA, PASSWORD).await;
    t.login(ADA, PASSWORD).await;
    while delivery::deliver_due(&t.app.hooks).await {}
    let shown: Value = serde_json::from_str(block(WEBHOOKS, "## The request\n", "json")).unwrap();
    let heard = crm.heard().iter().map(Heard::json).find(|heard| heard["type"] == shown["type"]).unwrap();
    let names = |said: &Value| said.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&heard["data"]), names(&shown["data"]));
    assert_eq!(names(&heard), names(&shown));
    for name in ["email", "succeeded", "code"] {
        assert_eq!(heard["data"][name], shown["data"][name], "{name}");
    }
}
