//! Sign-in and sign-up with a provider: flows from the consent screen to their end, and attacks on them.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;
use url::Url;

use crate::post;
use crate::support::browser::{Begun, Browser, PAGE};
use crate::support::hooks::Log;
use crate::support::issuer::{CLIENT, Issuer};
use crate::support::proof::ProofKey;
use crate::support::{MINUTE, SECOND, TestApp};

fn ada() -> Value {
    json!({ "email": "ada@example.com", "email_verified": true, "name": "Ada Lovelace", "given_name": "Ada" })
}

/// A server with the provider `acme`, which is trusted to verify addresses. Ada and Bob have accounts there.
async fn world() -> (TestApp, Issuer) {
    let op = Issuer::start().await;
    op.person("ada", ada());
    op.person("bob", json!({ "name": "Bob" }));
    let app = TestApp::with(&format!("{}trust_email = true\n", op.settings("acme"))).await;
    (app, op)
}

/// Registers a person of `acme` and returns the user.
async fn registered(browser: &Browser<'_>, op: &Issuer, sub: &str) -> Value {
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, sub)).await.ok();
    browser.register("acme", &offered, json!({})).await.ok()["data"].clone()
}

#[tokio::test]
async fn seed_m44_m15_m43_an_unknown_person_registers_and_later_signs_in() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let offered = browser.login("acme", &begun, &back).await.ok();
    assert_eq!(offered["type"], "LoginOAuth");
    assert_eq!(offered["message"], "Please register or link to an existing user");
    let data = &offered["data"];
    assert_eq!((&data["provider"], &data["id"]), (&json!("acme"), &json!("ada")));
    assert_eq!((&data["email"], &data["name"]), (&json!("ada@example.com"), &json!("Ada Lovelace")));
    assert_eq!((&data["verified"], offered.get("session")), (&json!(true), None));

    let made =
        browser.register("acme", &offered, json!({ "email": "Ada@Example.com", "extras": {} })).await.ok();
    assert_eq!(made["message"], "You have been registered with acme account", "seed M16");
    assert_eq!(made["id"], "ada", "seed M15: `social_ids` of seed 003's client");
    let user = &made["data"];
    assert_eq!(
        (&user["email"], &user["email_verified"]),
        (&json!("ada@example.com"), &json!(true)),
        "seed M15"
    );
    assert_eq!(user["given_name"], "Ada", "the provider supplies fields that the page omits");
    assert_eq!(user["logins_count"], 0, "seed M18");
    assert_eq!(app.sql("select count(*) from sessions").await, "0");

    let begun = browser.begin("acme").await;
    let known = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    assert_eq!(known["type"], "LoginExisting");
    assert_eq!(known["message"], "You have been logged in with acme account");
    let expected =
        json!({ "provider": "acme", "email": "ada@example.com", "verified": true, "id": user["user_id"] });
    assert_eq!(known["data"], expected);
    assert_eq!(known["session"]["token_type"], "DPoP");
    let profile = browser.sign(&known["session"], app.get("/v1/profile")).await.ok();
    assert_eq!(profile["user_id"], user["user_id"]);
}

#[tokio::test]
async fn a_provider_may_send_the_browser_back_to_an_app() {
    let op = Issuer::start().await;
    op.person("ada", ada());
    for page in ["com.example.app:/signin", "capacitor://localhost/signin"] {
        let settings = op.settings("acme").replace(&crate::support::browser::page_of("acme"), page);
        let app = TestApp::production(&settings).await;
        let browser = Browser::new(&app);
        let begun = Begun::of(browser.post("/v1/flows/acme", json!({ "callback": page })).await.ok());
        let back = op.consent(&begun.url, "ada");
        assert!(back.as_str().starts_with(&format!("{page}?code=")), "{back}");
        let offered = browser.login("acme", &begun, &back).await.ok();
        assert_eq!(offered["type"], "LoginOAuth");
        let other = json!({ "callback": format!("{page}x") });
        browser.post("/v1/flows/acme", other).await.refused(400, "INVALID_PARAMETER");
    }
}

#[tokio::test]
async fn the_log_names_the_cause_of_each_refusal_of_a_provider() {
    let log = Log::listen();
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    browser.login("acme", &begun, &op.deny(&begun.url)).await.refused(403, "OAUTH_DENIED");
    assert!(log.text().contains("cause=\"The sign-in was cancelled at the provider.\""), "{}", log.text());

    op.bend(|claims, _| (claims["aud"], claims["azp"]) = (json!([CLIENT, "project\n 7"]), CLIENT.into()));
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let refused = browser.login("acme", &begun, &back).await.refused(403, "OAUTH_DENIED");
    assert!(
        !refused["detail"].as_str().unwrap().contains("project"),
        "the answer does not repeat the token: {refused}"
    );
    let said = log.text();
    let cause =
        "cause=\"The token is also for another audience, which is not in `audiences` of this provider.\"";
    assert!(said.contains(cause), "{said}");
    assert!(
        said.contains("project\\\\u{a} 7") && !said.contains("project\n"),
        "the log names the audience, escaped: {said}"
    );
    let told = said.matches(cause).count();
    browser.login("acme", &begun, &back).await.refused(403, "OAUTH_DENIED");
    assert_eq!(
        log.text().matches(cause).count(),
        told + 1,
        "the log names the cause of a repeated answer, too"
    );

    op.bend(|claims, _| claims["nonce"] = "another".into());
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    browser.login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    assert!(
        log.text().contains("cause=\"The token has another nonce than this sign-in.\""),
        "{}",
        log.text()
    );
    let stranger = Browser::new(&app);
    stranger.login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    assert!(
        log.text().lines().filter(|line| line.contains("OAUTH_")).all(|line| line.contains("cause=")),
        "{}",
        log.text()
    );
}

#[tokio::test]
async fn without_an_address_from_the_provider_the_account_has_no_address() {
    let (app, op) = world().await;
    let user = registered(&Browser::new(&app), &op, "bob").await;
    assert_eq!((user.get("email"), &user["name"]), (None, &json!("Bob")));
}

#[tokio::test]
async fn seed_m15_an_address_that_the_provider_does_not_vouch_for_is_confirmed_by_mail() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    let made = browser.register("acme", &offered, json!({ "email": "other@example.com" })).await.ok();
    assert_eq!(made["data"]["email_verified"], false);
    let mail = post::newest(&app, "other@example.com").await;
    let body = json!({ "email": "other@example.com", "code": mail.code });
    // A click in the mail alone does not confirm the address for this account.
    app.post("/v1/email/verify", body.clone()).await.refused(403, "PASSWORD_REQUIRED");
    let begun = browser.begin("acme").await;
    let known = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    let user = browser.post_as(&known["session"], "/v1/email/verify", body).await.ok();
    assert_eq!(user["email_verified"], true);
}

#[tokio::test]
async fn required_confirmation_and_quiet_sign_up_accept_only_a_vouched_address() {
    for settings in ["[signup]\nconfirmation = \"required\"\n", "[disclosure]\nsignup = \"quiet\"\n"] {
        let op = Issuer::start().await;
        op.person("ada", ada());
        let app = TestApp::with(&format!("{}trust_email = true\n{settings}", op.settings("acme"))).await;
        let browser = Browser::new(&app);
        let begun = browser.begin("acme").await;
        let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
        let refused = browser.register("acme", &offered, json!({ "email": "other@example.com" })).await;
        assert_eq!(refused.refused(400, "INVALID_PARAMETER")["field"], "email", "{settings}");
        let made = browser.register("acme", &offered, json!({ "email": "ada@example.com" })).await.ok();
        assert_eq!(made["data"]["email_verified"], true, "{settings}");
        let begun = browser.begin("acme").await;
        browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    }
}

#[tokio::test]
async fn seed_m17_a_taken_address_is_refused_and_the_key_stays_valid() {
    let (app, op) = world().await;
    app.signup("eve@example.com", "correct horse").await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    let refused = browser.register("acme", &offered, json!({ "email": "eve@example.com" })).await;
    assert_eq!(refused.refused(409, "EXISTS")["field"], "email");
    browser.register("acme", &offered, json!({ "email": "ada@other.example" })).await.ok();
}

#[tokio::test]
async fn seed_m45_a_registration_key_works_once_for_ten_minutes_in_its_browser() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    let thief = Browser::new(&app);
    thief.register("acme", &offered, json!({})).await.refused(400, "OAUTH_STATE_MISMATCH");
    Browser::without_key(&app)
        .register("acme", &offered, json!({}))
        .await
        .refused(400, "OAUTH_STATE_MISMATCH");
    let mut bent = offered.clone();
    let key = bent["data"]["oauthKey"].as_str().unwrap();
    bent["data"]["oauthKey"] = format!("{}A", &key[..key.len() - 1]).into();
    browser.register("acme", &bent, json!({})).await.refused(400, "OAUTH_STATE_MISMATCH");
    browser.register("acme", &offered, json!({})).await.ok();
    browser.register("acme", &offered, json!({})).await.refused(400, "OAUTH_REUSED");

    let begun = browser.begin("acme").await;
    let late = browser.login("acme", &begun, &op.consent(&begun.url, "bob")).await.ok();
    app.advance(10 * MINUTE);
    browser.register("acme", &late, json!({})).await.refused(400, "OAUTH_STATE_MISMATCH");
}

#[tokio::test]
async fn a_registration_that_is_repeated_with_its_idempotency_key_gets_the_same_account() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    let body = json!({ "oauth_key": offered["data"]["oauthKey"] });
    let once = || {
        let call = browser.post("/v1/signup/provider/acme", body.clone());
        call.header("idempotency-key", "4b0a1c5e-6d0f-4c8b-9a54-1f1c2a9a0b11")
    };
    let (first, second) = (once().await.ok(), once().await.ok());
    assert_eq!(first["data"]["user_id"], second["data"]["user_id"]);
}

#[tokio::test]
async fn seed_m26_m22_a_flow_begins_at_the_consent_screen_with_an_exact_callback() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let call = browser.post("/v1/flows/acme", json!({ "callback": PAGE }));
    let answer = call.await.ok();
    assert_eq!((&answer["data"]["provider"], &answer["data"]["id"]), (&json!("acme"), &json!("acme")));
    let begun = Begun::of(answer);
    let asked = op.asked(&begun.url);
    assert_eq!(asked["redirect_uri"], PAGE);
    assert_eq!(asked["prompt"], "select_account", "D-32");
    assert_eq!(asked["state"], begun.state);
    let missing = browser.post("/v1/flows/acme", json!({})).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(missing["field"], "callback", "seed M27");
    browser.post("/v1/flows/nobody", json!({ "callback": PAGE })).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn sec_o07_a_callback_that_is_not_exactly_on_the_list_is_refused() {
    let (_, op) = world().await;
    let app = TestApp::production(&op.settings("acme")).await;
    let browser = Browser::new(&app);
    browser.begin("acme").await;
    for callback in [
        "https://app.example.com/signin/",
        "https://app.example.com/signin?x=1",
        "https://app.example.com/signin#x",
        "https://app.example.com/Signin",
        "https://app.example.com/signin/../evil",
        "https://app.example.com:8443/signin",
        "http://app.example.com/signin",
        "https://app.example.com.evil.example/signin",
        "https://evil.example/https://app.example.com/signin",
        "https://app.example.com@evil.example/signin",
        "https://evil.example@app.example.com/signin",
        "https://a@b@app.example.com/signin",
        "//app.example.com/signin",
        "/\\evil.example",
        "https:evil.example/signin",
        "https://app.example.com/%73ignin",
        "https://app.example.com/signin%2f%2e%2e",
        "https://app.example.com/signin;/..",
        "https://аpp.example.com/signin",
        "https://app。example.com/signin/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://localhost/signin",
        "http://127.0.0.1/signin",
        "http://[::1]/signin",
        "http://2130706433/signin",
        "https://app.example.com/sign\tin/x",
    ] {
        let refused = browser.post("/v1/flows/acme", json!({ "callback": callback })).await;
        assert_eq!(refused.refused(400, "INVALID_PARAMETER")["field"], "callback", "{callback}");
    }
    assert_eq!(app.sql("select count(*) from flows").await, "1");
}

#[tokio::test]
async fn the_providers_answer_may_be_sent_as_fields_and_without_a_state() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let part =
        |back: &Url, name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    for with_state in [true, false] {
        // A flow that the user abandoned does not interfere.
        browser.begin("acme").await;
        app.advance(SECOND);
        let begun = browser.begin("acme").await;
        let back = op.consent(&begun.url, "ada");
        let mut body = json!({ "callback": PAGE, "code": part(&back, "code"), "iss": part(&back, "iss") });
        if with_state {
            body["state"] = begun.state.as_str().into();
        }
        let answer = browser.post("/v1/login/provider/acme", body.clone()).await.ok();
        assert_eq!(answer["type"], "LoginOAuth");
        let again = browser.post("/v1/login/provider/acme", body).await.ok();
        assert_eq!(answer, again, "sec_F17: StrictMode, reload, back");
    }
    assert_eq!(op.exchanges(), 2);
}

#[tokio::test]
async fn a_callback_address_with_a_code_and_without_a_state_is_refused() {
    let (app, op) = world().await;
    let (browser, attacker) = (Browser::new(&app), Browser::new(&app));
    browser.begin("acme").await;
    let theirs = attacker.begin("acme").await;
    let mut back = op.consent(&theirs.url, "bob");
    let pairs: Vec<_> = back.query_pairs().into_owned().filter(|(name, _)| name != "state").collect();
    back.query_pairs_mut().clear().extend_pairs(pairs);
    let body = json!({ "callback": back.as_str() });
    browser.post("/v1/login/provider/acme", body).await.refused(400, "OAUTH_STATE_MISMATCH");
    assert_eq!(op.exchanges(), 0);
}

#[tokio::test]
async fn a_taken_address_from_the_provider_does_not_stop_a_registration() {
    let (app, op) = world().await;
    // The address belongs to an account with another identity of the same provider.
    let bob = Browser::new(&app);
    registered(&bob, &op, "bob").await;
    let begun = bob.begin("acme").await;
    let session = bob.login("acme", &begun, &op.consent(&begun.url, "bob")).await.ok()["session"].clone();
    app.bind_in(&bob, &session, "ada@example.com").await;
    let user = registered(&Browser::new(&app), &op, "ada").await;
    assert_eq!((user.get("email"), &user["name"]), (None, &json!("Ada Lovelace")));
}

#[tokio::test]
async fn a_callback_address_may_be_long() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let mut back = op.consent(&begun.url, "ada");
    back.query_pairs_mut().append_pair("session_state", &"x".repeat(12_000));
    browser.login("acme", &begun, &back).await.ok();
    let body = json!({ "callback": "no address" });
    let refused = browser.post("/v1/login/provider/acme", body).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(refused["field"], "callback");
}

#[tokio::test]
async fn seed_m50_a_repeated_provider_answer_has_the_same_result_only_within_the_grace() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    registered(&browser, &op, "ada").await;
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let first = browser.login("acme", &begun, &back).await.ok();
    app.advance(MINUTE);
    let second = browser.login("acme", &begun, &back).await.ok();
    assert_eq!(first["session"]["refresh_token"], second["session"]["refresh_token"]);
    app.advance(2 * MINUTE);
    browser.login("acme", &begun, &back).await.refused(400, "OAUTH_REUSED");
    assert_eq!(app.sql("select count(*) from sessions").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_o06_200_simultaneous_callbacks_of_one_code_make_one_exchange_and_session() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    registered(&browser, &op, "ada").await;
    let before = op.exchanges();
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let calls = (0..200)
        .map(|_| browser.come("acme", &begun, &back))
        .map(|call| tokio::spawn(async move { call.await }));
    let answers = futures_util::future::join_all(calls.collect::<Vec<_>>()).await;
    let sessions: std::collections::BTreeSet<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().ok()["session"]["refresh_token"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((sessions.len(), op.exchanges() - before), (1, 1));
    assert_eq!(app.sql("select count(*) from sessions").await, "1");
}

#[tokio::test]
async fn two_tabs_at_once_are_two_flows() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let (one, two) = (browser.begin("acme").await, browser.begin("acme").await);
    let (of_one, of_two) = (op.consent(&one.url, "ada"), op.consent(&two.url, "bob"));
    let second = browser.login("acme", &two, &of_two).await.ok();
    let first = browser.login("acme", &one, &of_one).await.ok();
    assert_eq!((&first["data"]["id"], &second["data"]["id"]), (&json!("ada"), &json!("bob")));
}

#[tokio::test]
async fn a_cancelled_consent_is_reported_and_ends_the_flow() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let back = op.deny(&begun.url);
    let refused = browser.login("acme", &begun, &back).await.refused(403, "OAUTH_DENIED");
    assert_eq!(refused["detail"], "The sign-in was cancelled at the provider.");
    browser.login("acme", &begun, &back).await.refused(403, "OAUTH_DENIED");
    let late = op.consent(&begun.url, "ada");
    browser.login("acme", &begun, &late).await.refused(400, "OAUTH_REUSED");
    assert_eq!(app.audited("flow_refused").await, 1);
}

#[tokio::test]
async fn an_error_code_of_the_provider_is_repeated_only_if_well_formed() {
    let (app, _) = world().await;
    let browser = Browser::new(&app);
    for (error, told) in [
        ("server_error", "The provider answered server_error."),
        ("<script>alert(1)</script>", "The provider did not allow the sign-in."),
    ] {
        let begun = browser.begin("acme").await;
        let body = json!({ "callback": PAGE, "error": error, "state": begun.state });
        let refused = browser.post("/v1/login/provider/acme", body).await.refused(403, "OAUTH_DENIED");
        assert_eq!(refused["detail"], told);
    }
}

#[tokio::test]
async fn sec_o02_a_provider_answer_works_only_for_the_browser_and_provider_of_its_flow() {
    let (op, other) = (Issuer::start().await, Issuer::start().await);
    op.person("ada", ada());
    let app = TestApp::with(&[op.settings("acme"), other.settings("other")].concat()).await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    // SECURITY T14: another browser, a browser without a key, another provider, and a forged state.
    Browser::new(&app).login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    Browser::without_key(&app).login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    browser.login("other", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    let mut forged = back.clone();
    forged.query_pairs_mut().clear().append_pair("code", "c").append_pair("state", "forged");
    browser.login("acme", &begun, &forged).await.refused(400, "OAUTH_STATE_MISMATCH");
    // Another page.
    let elsewhere = Url::parse(&back.as_str().replace("/signin", "/elsewhere")).unwrap();
    browser.login("acme", &begun, &elsewhere).await.refused(400, "OAUTH_STATE_MISMATCH");
    assert_eq!(op.exchanges(), 0);
    browser.login("acme", &begun, &back).await.ok();
}

#[tokio::test]
async fn a_code_swapped_between_two_flows_is_refused() {
    let (app, op) = world().await;
    let (victim, attacker) = (Browser::new(&app), Browser::new(&app));
    registered(&attacker, &op, "bob").await;
    let (theirs, own) = (victim.begin("acme").await, attacker.begin("acme").await);
    let code = op.consent(&own.url, "bob");
    let swapped = code.as_str().replace(&own.state, &theirs.state);
    // PKCE: the code belongs to the attacker's verifier.
    victim.login("acme", &theirs, &swapped.parse().unwrap()).await.refused(400, "OAUTH_REUSED");
    assert_eq!((op.exchanges(), app.audited("signed_in").await), (1, 0));
}

#[tokio::test]
async fn sec_o03_a_wrong_issuer_is_refused_before_the_code_is_sent() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    for iss in [Some("https://evil.example"), None] {
        let begun = browser.begin("acme").await;
        let mut back = op.consent(&begun.url, "ada");
        let pairs: Vec<_> = back.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
        back.query_pairs_mut().clear().extend_pairs(pairs).extend_pairs(iss.map(|iss| ("iss", iss)));
        browser.login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    }
    assert_eq!(op.exchanges(), 0);
}

#[tokio::test]
async fn a_flow_is_over_after_ten_minutes() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    app.advance(10 * MINUTE);
    let refused = browser.login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    assert_eq!(refused["detail"], "The sign-in took too long. Please start again.");
    assert_eq!(op.exchanges(), 0);
}

#[tokio::test]
async fn a_provider_that_is_down_is_a_network_error_and_the_same_answer_works_later() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    op.is_down(true);
    let refused = browser.login("acme", &begun, &back).await.refused(502, "NETWORK");
    assert_eq!(refused["detail"], "The provider could not be reached. Please try again.");
    op.is_down(false);
    browser.login("acme", &begun, &back).await.ok();
}

#[tokio::test]
async fn a_second_request_waits_for_the_first_even_if_the_first_was_abandoned() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let notify = Arc::new(Notify::new());
    op.answer_slowly_until(notify.clone());
    // The user leaves the page before the first request is answered.
    let (first, asked) = (browser.come("acme", &begun, &back), op.clone());
    tokio::select! {
        _ = first => panic!("the provider has not answered yet"),
        () = async { while asked.calls("/token") == 0 { tokio::task::yield_now().await } } => {}
    }
    let second = tokio::spawn(browser.come("acme", &begun, &back).into_future());
    tokio::task::yield_now().await;
    notify.notify_one();
    assert_eq!(second.await.unwrap().ok()["type"], "LoginOAuth");
    assert_eq!(op.exchanges(), 1);
}

#[tokio::test]
async fn without_a_key_a_flow_is_bound_to_a_secret() {
    let (app, op) = world().await;
    let browser = Browser::without_key(&app);
    let mut begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let secret = begun.secret.take();
    browser.login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    begun.secret = Some("forged".into());
    browser.login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    begun.secret = secret;
    let offered = browser.login("acme", &begun, &back).await.ok();
    // SECURITY D08: a stolen oauthKey is useless without the secret.
    browser.register("acme", &offered, json!({})).await.refused(400, "OAUTH_STATE_MISMATCH");
    browser.register("acme", &offered, json!({ "flow": begun.secret })).await.ok();
    let begun = browser.begin("acme").await;
    let known = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    assert_eq!(known["session"]["token_type"], "Bearer");
}

#[tokio::test]
async fn a_flow_that_is_bound_to_a_secret_may_end_with_a_key_of_this_page() {
    let (app, op) = world().await;
    registered(&Browser::new(&app), &op, "ada").await;
    let mut begun = Browser::without_key(&app).begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let page = Browser::new(&app);
    let secret = begun.secret.replace("forged".into());
    page.login("acme", &begun, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    begun.secret = secret;
    let known = page.login("acme", &begun, &back).await.ok();
    assert_eq!(known["session"]["token_type"], "DPoP");
    page.sign(&known["session"], app.get("/v1/profile")).await.ok();
}

#[tokio::test]
async fn seed_m30_sec_o09_account_selection_is_skipped_only_right_after_a_registration() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let again = async |browser: &Browser<'_>| {
        let body = json!({ "callback": PAGE, "again": true });
        let begun = Begun::of(browser.post("/v1/flows/acme", body).await.ok());
        op.asked(&begun.url).get("prompt").cloned()
    };
    assert_eq!(again(&browser).await.as_deref(), Some("select_account"));
    registered(&browser, &op, "ada").await;
    assert_eq!(again(&browser).await, None);
    assert_eq!(again(&Browser::new(&app)).await.as_deref(), Some("select_account"));
    app.advance(11 * MINUTE);
    assert_eq!(again(&browser).await.as_deref(), Some("select_account"));
}

#[tokio::test]
async fn seed_r10_a_first_sign_in_creates_the_account_if_the_operator_allows_it() {
    let op = Issuer::start().await;
    op.person("ada", ada());
    let settings = "[auto_register]\nprovider = true\n[profile.extras.player_name]\ntype = \"string\"\n\
        [profile.extras.coin]\ntype = \"number\"\n[defaults.acme]\nroles = [\"player\"]\n\
        extras = { player_name = \"undefined\", coin = 500 }\n";
    let app = TestApp::with(&format!("{}trust_email = true\n{settings}", op.settings("acme"))).await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    let mut body = begun.body(&back);
    body["options"] = json!({ "auto_register": false });
    let offered = browser.post("/v1/login/provider/acme", body).await.ok();
    assert_eq!(offered["type"], "LoginOAuth", "D-20: a page can refuse a new account");

    let begun = browser.begin("acme").await;
    let known = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    assert_eq!(known["type"], "LoginExisting");
    let user = &known["session"]["user"];
    assert_eq!((&user["player_name"], &user["coin"]), (&json!("undefined"), &json!(500)), "seed R23, R25");
    assert_eq!((&user["roles"], &user["email_verified"]), (&json!(["player"]), &json!(true)), "seed R21");
}

#[tokio::test]
async fn seed_r04_a_token_sent_by_an_app_is_accepted_if_the_operator_allows_it() {
    let op = Issuer::start().await;
    op.person("ada", ada());
    let app = TestApp::with(&op.settings("acme")).await;
    let browser = Browser::new(&app);
    let body = json!({ "token": op.id_token("ada", Some("defaultNonce")), "nonce": "defaultNonce" });
    browser.post("/v1/login/provider/acme", body.clone()).await.refused(403, "FORBIDDEN");

    let app = TestApp::with(&format!("{}accept_tokens = true\n", op.settings("acme"))).await;
    let browser = Browser::new(&app);
    let offered = browser.post("/v1/login/provider/acme", body.clone()).await.ok();
    assert_eq!(offered["type"], "LoginOAuth");
    Browser::new(&app).register("acme", &offered, json!({})).await.refused(400, "OAUTH_STATE_MISMATCH");
    browser.register("acme", &offered, json!({})).await.ok();
    let known = browser.post("/v1/login/provider/acme", body.clone()).await.ok();
    assert_eq!((&known["type"], &known["session"]["token_type"]), (&json!("LoginExisting"), &json!("DPoP")));
    let mut other = body;
    other["nonce"] = "another".into();
    let refused = browser.post("/v1/login/provider/acme", other).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
}

#[tokio::test]
async fn a_disabled_account_is_reported_again_for_the_same_provider_answer() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    registered(&browser, &op, "ada").await;
    app.sql_do("update accounts set disabled = 1").await;
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    browser.login("acme", &begun, &back).await.refused(403, "USER_IS_DISABLED");
    browser.login("acme", &begun, &back).await.refused(403, "USER_IS_DISABLED");
    assert_eq!(app.audited("sign_in_failed").await, 1);
    let whose =
        "select count(*) from audit a join accounts b on b.id = a.account where a.event = 'sign_in_failed'";
    assert_eq!(app.sql(whose).await, "1", "the audit record names the account");
}

#[tokio::test]
async fn sec_l04_the_database_holds_no_usable_secret_of_a_flow() {
    let (app, op) = world().await;
    let browser = Browser::without_key(&app);
    let begun = browser.begin("acme").await;
    let offered = browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    let key = offered["data"]["oauthKey"].as_str().unwrap().split_once('.').unwrap().1.to_owned();
    let open = browser.begin("acme").await;
    let rows = app.dump("flows").await;
    for secret in
        [&begun.state, &open.state, open.secret.as_ref().unwrap(), &key, "ada@example.com", "Lovelace"]
    {
        assert!(!rows.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn flows_that_are_over_are_deleted() {
    let (app, op) = world().await;
    let browser = Browser::new(&app);
    let begun = browser.begin("acme").await;
    browser.login("acme", &begun, &op.consent(&begun.url, "ada")).await.ok();
    doorward_accounts::pruning::all(&app.app.platform).await.unwrap();
    assert_eq!(app.sql("select count(*) from flows").await, "1");
    app.advance(60 * MINUTE);
    doorward_accounts::pruning::all(&app.app.platform).await.unwrap();
    assert_eq!(app.sql("select count(*) from flows").await, "0");
}

#[tokio::test]
async fn with_require_proof_a_provider_sign_in_needs_a_proof() {
    let op = Issuer::start().await;
    op.person("ada", ada());
    let app = TestApp::with(&format!("{}[session]\nrequire_proof = true\n", op.settings("acme"))).await;
    let browser = Browser { app: &app, key: Some(ProofKey::new()) };
    let begun = browser.begin("acme").await;
    let back = op.consent(&begun.url, "ada");
    Browser::without_key(&app).login("acme", &begun, &back).await.refused(401, "INVALID_PROOF");
}
