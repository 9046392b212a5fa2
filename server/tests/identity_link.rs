//! Linking what a provider knows somebody by to an account: by its owner, by itself where both sides have proven the same
//! address, and never otherwise.

use serde_json::{Value, json};

use crate::post;
use crate::support::browser::Browser;
use crate::support::issuer::Issuer;
use crate::support::proof::ProofKey;
use crate::support::{Answer, MINUTE, TestApp};

async fn world(trust: bool) -> (TestApp, Issuer) {
    let op = Issuer::start().await;
    op.person("ada", json!({ "email": "ada@example.com", "email_verified": true, "name": "Ada" }));
    op.person("bob", json!({ "name": "Bob" }));
    let app = TestApp::with(&format!("{}trust_email = {trust}\n", op.settings("acme"))).await;
    (app, op)
}

/// Somebody with the device of this name, signed in in a browser of their own.
async fn somebody<'a>(app: &'a TestApp, name: &str) -> (Browser<'a>, Value) {
    let key = ProofKey::new();
    let who = app.device_with(&key, name).await;
    (Browser { app, key: Some(key) }, who)
}

async fn link(browser: &Browser<'_>, who: &Value, op: &Issuer, sub: &str) -> Answer {
    let begun = browser.begin_as(who, "acme").await;
    browser.link(who, "acme", &begun, &op.consent(&begun.url, sub)).await
}

async fn login(browser: &Browser<'_>, op: &Issuer, sub: &str) -> Value {
    let begun = browser.begin("acme").await;
    browser.login("acme", &begun, &op.consent(&begun.url, sub)).await.ok()
}

async fn unlink(browser: &Browser<'_>, who: &Value, provider: &str) -> Answer {
    let path = format!("/v1/identities/{provider}");
    browser.sign(who, browser.app.send(axum::http::Method::DELETE, &path, "", "")).await
}

#[tokio::test]
async fn seed_m46_whoever_is_signed_in_links_an_identity_and_signs_in_with_it() {
    let (app, op) = world(false).await;
    let (browser, who) = somebody(&app, "ada").await;
    let id = &who["user"]["user_id"];
    let linked = link(&browser, &who, &op, "ada").await.ok();
    assert_eq!((&linked["type"], &linked["data"]["id"]), (&json!("LoginLinked"), id));
    assert_eq!((linked.get("session"), linked["data"].get("email")), (None, None));
    let known = login(&Browser::new(&app), &op, "ada").await;
    assert_eq!((&known["type"], &known["data"]["id"]), (&json!("LoginExisting"), id));

    let list = browser.sign(&who, app.get("/v1/identities")).await.ok();
    let acme = &list["identities"][1];
    assert_eq!(
        (&acme["provider"], &acme["id"], &acme["email"]),
        (&json!("acme"), &json!("ada"), &json!("ada@example.com"))
    );
    assert_eq!(list["identities"][0]["provider"], "device");
    assert_eq!(app.audited("identity_linked").await, 1);
}

#[tokio::test]
async fn what_a_sign_in_has_offered_is_linked_by_whoever_signs_in_next_in_that_browser() {
    let (app, op) = world(false).await;
    let key = ProofKey::new();
    let browser = Browser { app: &app, key: Some(key) };
    let offered = login(&browser, &op, "ada").await;
    let body = json!({ "oauth_key": offered["data"]["oauthKey"] });
    let who = app.device_with(browser.key.as_ref().unwrap(), "ada").await;
    let (other, stranger) = somebody(&app, "stranger").await;
    other.post_as(&stranger, "/v1/identities/acme", body.clone()).await.refused(400, "OAUTH_STATE_MISMATCH");
    let linked = browser.post_as(&who, "/v1/identities/acme", body.clone()).await.ok();
    assert_eq!((&linked["type"], &linked["data"]["id"]), (&json!("LoginLinked"), &who["user"]["user_id"]));
    assert_eq!(browser.post_as(&who, "/v1/identities/acme", body.clone()).await.ok(), linked, "StrictMode");
    // It is used up for everything else.
    browser.register("acme", &offered, json!({})).await.refused(400, "OAUTH_REUSED");
    let known = login(&browser, &op, "ada").await;
    assert_eq!(known["data"]["id"], who["user"]["user_id"]);

    let late = login(&browser, &op, "bob").await;
    app.advance(10 * MINUTE);
    let who = app.device_with(browser.key.as_ref().unwrap(), "ada").await;
    let body = json!({ "oauth_key": late["data"]["oauthKey"] });
    browser.post_as(&who, "/v1/identities/acme", body).await.refused(400, "OAUTH_STATE_MISMATCH");
}

#[tokio::test]
async fn what_came_of_a_flow_is_no_answer_to_another_question() {
    let (app, op) = world(false).await;
    let (browser, who) = somebody(&app, "ada").await;
    let begun = browser.begin_as(&who, "acme").await;
    let back = op.consent(&begun.url, "ada");
    browser.link(&who, "acme", &begun, &back).await.ok();
    browser.login("acme", &begun, &back).await.refused(400, "OAUTH_REUSED");
    let begun = browser.begin_as(&who, "acme").await;
    let back = op.consent(&begun.url, "ada");
    browser.login("acme", &begun, &back).await.ok();
    browser.link(&who, "acme", &begun, &back).await.refused(400, "OAUTH_REUSED");
}

#[tokio::test]
async fn sec_a03_a_reset_does_not_hand_an_account_over_that_a_stranger_has_linked_meanwhile() {
    let (app, op) = world(false).await;
    // The attacker signs up with the victim's address, has the mail sent, and then links an identity of their own.
    app.signup("ada@example.com", "attackers").await;
    let key = ProofKey::new();
    let body = json!({ "email": "ada@example.com", "password": "attackers" });
    let attacker = app.post("/v1/login", body).proven(&key, &app).await.ok();
    let browser = Browser { app: &app, key: Some(key) };
    app.post("/v1/password/forgot", json!({ "email": "ada@example.com" })).await.ok();
    let mail = post::newest(&app, "ada@example.com").await;
    link(&browser, &attacker, &op, "bob").await.ok();
    let reset = json!({ "token": mail.token(), "new_password": "the victim's own" });
    // The address leaves the attacker's account; the victim signs up with it.
    let said = app.post("/v1/password/reset", reset).await.refused(404, "NOT_FOUND");
    assert!(said["detail"].as_str().unwrap().contains("You can sign up with it now"), "{said}");
    let code = app.code("ada@example.com", "LOGIN").await;
    let body = json!({ "email": "ada@example.com", "code": code, "password": "the victim's own" });
    let made = app.post("/v1/signup/code", body).await.ok();
    assert_ne!(made["user"]["user_id"], attacker["user"]["user_id"]);
    app.login("ada@example.com", "the victim's own").await;
}

#[tokio::test]
async fn linking_is_told_by_mail_and_can_be_undone_but_not_down_to_no_way_in() {
    let (app, op) = world(false).await;
    let (browser, who) = somebody(&app, "ada").await;
    app.bind_in(&browser, &who, "ada@example.com").await;
    link(&browser, &who, &op, "bob").await.ok();
    let mail = post::newest(&app, "ada@example.com").await;
    assert!(mail.subject.starts_with("The sign-in methods"), "{}", mail.subject);

    let left = unlink(&browser, &who, "acme").await.ok();
    assert_eq!(left["identities"].as_array().unwrap().len(), 1);
    assert_eq!(app.audited("identity_unlinked").await, 1);
    assert_eq!(login(&Browser::new(&app), &op, "bob").await["type"], "LoginOAuth");
    unlink(&browser, &who, "acme").await.refused(404, "NOT_FOUND");
    unlink(&browser, &who, "email").await.refused(404, "NOT_FOUND");
    // The id of a device can be taken away, too, as long as there is another way.
    assert_eq!(unlink(&browser, &who, "device").await.ok()["identities"], json!([]));

    let (browser, who) = somebody(&app, "bob").await;
    link(&browser, &who, &op, "bob").await.ok();
    unlink(&browser, &who, "device").await.ok();
    unlink(&browser, &who, "acme").await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn seed_m48_an_identity_that_another_account_has_is_not_linked() {
    let (app, op) = world(false).await;
    let (first, ada) = somebody(&app, "ada").await;
    link(&first, &ada, &op, "ada").await.ok();
    let (second, bob) = somebody(&app, "bob").await;
    let begun = second.begin_as(&bob, "acme").await;
    let back = op.consent(&begun.url, "ada");
    let refused = second.link(&bob, "acme", &begun, &back).await.refused(409, "SOCIAL_ACCOUNT_IN_USE");
    assert_eq!(refused["title"], "Social account already in use");
    second.link(&bob, "acme", &begun, &back).await.refused(409, "SOCIAL_ACCOUNT_IN_USE");
    // One at each provider; the same again is no fault.
    link(&first, &ada, &op, "ada").await.ok();
    link(&first, &ada, &op, "bob").await.refused(409, "EXISTS");
}

#[tokio::test]
async fn sec_a04_only_who_began_the_flow_while_signed_in_can_link_with_it() {
    let (app, op) = world(false).await;
    let (browser, who) = somebody(&app, "ada").await;
    // Begun by nobody, by somebody else, and with another key.
    let nobody = browser.begin("acme").await;
    browser
        .link(&who, "acme", &nobody, &op.consent(&nobody.url, "ada"))
        .await
        .refused(400, "OAUTH_STATE_MISMATCH");
    let (other, attacker) = somebody(&app, "attacker").await;
    let theirs = other.begin_as(&attacker, "acme").await;
    browser
        .link(&who, "acme", &theirs, &op.consent(&theirs.url, "bob"))
        .await
        .refused(400, "OAUTH_STATE_MISMATCH");
    let mine = browser.begin_as(&who, "acme").await;
    let back = op.consent(&mine.url, "ada");
    other.link(&attacker, "acme", &mine, &back).await.refused(400, "OAUTH_STATE_MISMATCH");
    app.post("/v1/identities/acme", mine.body(&back)).await.refused(401, "SESSION_REQUIRED");
    assert_eq!(op.exchanges(), 0);
    browser.link(&who, "acme", &mine, &back).await.ok();
}

#[tokio::test]
async fn sec_t15_linking_and_unlinking_need_a_fresh_sign_in() {
    let (app, op) = world(false).await;
    let (browser, who) = somebody(&app, "ada").await;
    link(&browser, &who, &op, "ada").await.ok();
    app.advance(9 * MINUTE);
    let begun = browser.begin_as(&who, "acme").await;
    let back = op.consent(&begun.url, "ada");
    app.advance(2 * MINUTE);
    let renewed = app.refresh_with(browser.key.as_ref().unwrap(), &who["refresh_token"]).await.ok();
    browser.link(&renewed, "acme", &begun, &back).await.refused(401, "REAUTH_REQUIRED");
    unlink(&browser, &renewed, "acme").await.refused(401, "REAUTH_REQUIRED");
    assert_eq!(op.exchanges(), 1);
}

/// Eight worlds: does the provider say that the address is proven, does the operator trust it, is it proven here?
#[tokio::test]
async fn sec_a02_an_identity_is_linked_by_itself_only_on_an_address_that_a_trusted_provider_vouches_for() {
    for says in [false, true] {
        for trusts in [false, true] {
            for proven in [false, true] {
                let (app, op) = world(trusts).await;
                op.person("ada", json!({ "email": "ada@example.com", "email_verified": says }));
                app.signup("ada@example.com", "correct horse").await;
                if proven {
                    app.sql_do("update identities set verified_at = 1").await;
                }
                let browser = Browser::new(&app);
                let answer = login(&browser, &op, "ada").await;
                // The word of a provider that the operator trusts is a proof of the address (D-39).
                let expected = if says && trusts { "LoginExisting" } else { "LoginOAuth" };
                assert_eq!(answer["type"], expected, "says {says}, trusts {trusts}, proven {proven}");
                let linked = i64::from(expected == "LoginExisting");
                assert_eq!(app.audited("identity_linked").await, linked);
                if linked == 1 {
                    let mail = post::newest(&app, "ada@example.com").await;
                    assert!(mail.subject.starts_with("The sign-in methods"), "{}", mail.subject);
                    assert_eq!(login(&Browser::new(&app), &op, "ada").await["type"], "LoginExisting");
                    let body = json!({ "email": "ada@example.com", "password": "correct horse" });
                    let status = app.post("/v1/login", body).await.status;
                    assert_eq!(status, if proven { 200 } else { 401 }, "what a stranger prepared is gone");
                } else {
                    // Nor can it be registered under that address: it is somebody's.
                    let more = json!({ "email": "ada@example.com" });
                    browser.register("acme", &answer, more).await.refused(409, "EXISTS");
                    app.login("ada@example.com", "correct horse").await;
                }
            }
        }
    }
}

#[tokio::test]
async fn sec_a03_a_stranger_who_registered_first_gets_nothing_of_the_owner() {
    let (app, op) = world(true).await;
    // The attacker has an account at the provider, and claims the victim's address.
    let attacker = Browser::new(&app);
    let offered = login(&attacker, &op, "bob").await;
    attacker
        .register("acme", &offered, json!({ "email": "ada@example.com", "password": "attackers" }))
        .await
        .ok();
    // The victim comes by the provider, which vouches for the address: it is taken from who only claims it.
    let victim = Browser::new(&app);
    let offered = login(&victim, &op, "ada").await;
    assert_eq!(offered["type"], "LoginOAuth");
    let made = victim.register("acme", &offered, json!({ "email": "ada@example.com" })).await.ok();
    assert_eq!(made["data"]["email_verified"], true);
    let body = json!({ "email": "ada@example.com", "password": "attackers" });
    app.post("/v1/login", body).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    let theirs = login(&attacker, &op, "bob").await;
    assert_ne!(theirs["data"]["id"], made["data"]["user_id"]);
    assert_eq!(theirs["data"].get("email"), None);
}

#[tokio::test]
async fn sec_a01_one_subject_at_two_issuers_is_two_people_and_an_address_is_nobody() {
    let (one, two) = (Issuer::start().await, Issuer::start().await);
    for op in [&one, &two] {
        op.person("42", json!({ "email": "ada@example.com", "email_verified": true }));
        op.person("43", json!({ "email": "ada@example.com", "email_verified": true }));
    }
    let app = TestApp::with(&[one.settings("acme"), two.settings("other")].concat()).await;
    let browser = Browser::new(&app);
    let offered = login(&browser, &one, "42").await;
    browser.register("acme", &offered, json!({})).await.ok();
    let begun = browser.begin("other").await;
    let other = browser.login("other", &begun, &two.consent(&begun.url, "42")).await.ok();
    assert_eq!(other["type"], "LoginOAuth", "the subject of another issuer");
    assert_eq!(
        login(&browser, &one, "43").await["type"],
        "LoginOAuth",
        "the address was given to somebody else"
    );
    // The same name for another issuer: nobody comes in by the old subjects.
    let moved = two.settings("acme");
    let app = app.restart_with(&moved).await;
    let browser = Browser::new(&app);
    assert_eq!(login(&browser, &two, "42").await["type"], "LoginOAuth");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_that_two_accounts_link_at_once_is_one_accounts() {
    let (app, op) = world(false).await;
    let (first, ada) = somebody(&app, "ada").await;
    let (second, bob) = somebody(&app, "bob").await;
    let (one, two) = tokio::join!(link(&first, &ada, &op, "ada"), link(&second, &bob, &op, "ada"));
    let mut status = [one.status, two.status];
    status.sort_unstable();
    assert_eq!(status, [200, 409]);
    assert_eq!(app.sql("select count(*) from identities where kind = 'provider'").await, "1");
}

#[tokio::test]
async fn an_account_that_is_deleted_leaves_its_identity_to_a_new_one() {
    let (app, op) = world(true).await;
    let browser = Browser::new(&app);
    let offered = login(&browser, &op, "bob").await;
    browser.register("acme", &offered, json!({})).await.ok();
    let known = login(&browser, &op, "bob").await;
    browser.post_as(&known["session"], "/v1/account/delete", json!({})).await.ok();
    assert_eq!(app.sql("select count(*) from identities").await, "0");
    assert_eq!(login(&browser, &op, "bob").await["type"], "LoginOAuth");
}
