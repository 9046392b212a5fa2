//! Providers that post their answer to the server instead of sending the browser back to the page with it (Apple).

use axum::http::Method;
use serde_json::json;
use url::Url;

use crate::support::browser::{Browser, PAGE};
use crate::support::issuer::Issuer;
use crate::support::{Answer, MINUTE, TestApp};

async fn world() -> (TestApp, Issuer) {
    let op = Issuer::start().await;
    op.person("ada", json!({ "name": "Ada" }));
    let app = TestApp::with(&format!("{}response_mode = \"form_post\"\n", op.settings("acme"))).await;
    (app, op)
}

/// Posts the query of the answer's address as a form, as the browser does.
async fn posted(app: &TestApp, provider: &str, back: &Url) -> Answer {
    let path = format!("/v1/callback/{provider}");
    let form = back.query().unwrap().to_owned();
    let call = app.send(Method::POST, &path, "application/x-www-form-urlencoded", form);
    call.header("origin", "https://appleid.apple.com").await
}

fn page(answer: &Answer) -> Url {
    assert_eq!(answer.status, 303, "{}", answer.text);
    answer.header("location").parse().unwrap()
}

#[tokio::test]
async fn seed_m40_m24_the_server_gets_the_posted_answer_and_the_page_gets_a_key() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let asked = op.asked(&begun.url);
    assert_eq!(asked["redirect_uri"], "http://localhost:8787/v1/callback/acme");
    assert_eq!(asked["response_mode"], "form_post");
    let back = op.consent(&begun.url, "ada");
    let here = page(&posted(&app, "acme", &back).await);
    assert!(here.as_str().starts_with(&format!("{PAGE}?oauthKey=")), "{here}");
    assert!(!here.as_str().contains("code-"), "the address does not contain the code");
    // A reload of the form changes nothing.
    assert_eq!(page(&posted(&app, "acme", &back).await), here);

    let key = here.query_pairs().next().unwrap().1.into_owned();
    let body = json!({ "oauth_key": key });
    Browser::new(&app)
        .post("/v1/login/provider/acme", body.clone())
        .await
        .refused(400, "OAUTH_STATE_MISMATCH");
    let offered = browser.post("/v1/login/provider/acme", body.clone()).await.ok();
    assert_eq!((&offered["type"], &offered["data"]["name"]), (&json!("LoginOAuth"), &json!("Ada")));
    assert_eq!(
        browser.login("acme", &begun, &here).await.ok(),
        offered,
        "the whole address of the page works, too"
    );
    assert_eq!(op.exchanges(), 1);
    assert_ne!(offered["data"]["oauthKey"], body["oauth_key"]);
    browser
        .register("acme", &json!({ "data": { "oauthKey": key } }), json!({}))
        .await
        .refused(400, "OAUTH_STATE_MISMATCH");
    browser.register("acme", &offered, json!({})).await.ok();
}

/// The attacker begins a flow with the attacker's key. The victim consents, and the victim's browser posts the answer.
#[tokio::test]
async fn sec_t14_an_attacker_cannot_use_an_answer_that_a_victims_browser_posted() {
    let (app, op) = world().await;
    let attacker = Browser::new(&app);
    let begun = attacker.begin("acme").await;
    page(&posted(&app, "acme", &op.consent(&begun.url, "ada")).await);
    let mut own = op.consent(&begun.url, "ada");
    own.query_pairs_mut().clear().append_pair("state", &begun.state).append_pair("code", "another");
    let here = page(&posted(&app, "acme", &own).await);
    attacker.login("acme", &begun, &here).await.refused(400, "OAUTH_STATE_MISMATCH");
    assert_eq!(op.exchanges(), 0);
}

#[tokio::test]
async fn a_cancelled_consent_returns_to_the_page_and_is_reported_there() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let here = page(&posted(&app, "acme", &op.deny(&begun.url)).await);
    let refused = browser.login("acme", &begun, &here).await.refused(403, "OAUTH_DENIED");
    assert_eq!(refused["detail"], "The sign-in was cancelled at the provider.");
}

#[tokio::test]
async fn sec_o07_a_form_that_belongs_to_no_flow_is_not_redirected() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let mut forged = back.clone();
    forged.query_pairs_mut().clear().append_pair("code", "c").append_pair("state", "https://evil.example/");
    let mut empty = back.clone();
    empty.set_query(Some("state="));
    for (provider, form) in [("acme", &forged), ("acme", &empty), ("nobody", &back)] {
        let answer = posted(&app, provider, form).await;
        assert!((400..500).contains(&answer.status), "{}", answer.text);
        assert_eq!(
            (answer.header("location"), answer.header("content-type")),
            ("", "text/html; charset=utf-8")
        );
        assert!(answer.text.contains("That did not work"), "{}", answer.text);
    }
    app.advance(10 * MINUTE);
    assert_eq!(posted(&app, "acme", &back).await.status, 400);
    // A provider that answers to the page has no callback for forms.
    let app = TestApp::with(&op.settings("acme")).await;
    assert_eq!(posted(&app, "acme", &back).await.status, 404);
}
