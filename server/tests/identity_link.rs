//! Linking a provider identity to an account: by its owner, automatically if a trusted provider vouches for
//! the address of the account, and never otherwise.

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

/// A user with this device, signed in with a browser of their own.
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
async fn seed_m46_a_signed_in_user_links_an_identity_and_signs_in_with_it() {
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
async fn an_offered_identity_is_linked_by_the_next_sign_in_in_the_same_browser() {
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
    assert_eq!(
        browser.post_as(&who, "/v1/identities/acme", body.clone()).await.ok(),
        linked,
        "React repeats the call in StrictMode"
    );
    // The flow cannot be used for anything else.
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
async fn a_finished_flow_cannot_be_used_for_another_purpose() {
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
async fn sec_a03_a_reset_does_not_hand_over_an_account_with_a_strangers_identity() {
    let (app, op) = world(false).await;
    // The attacker signs up with the victim's address, has the mail sent, and then links another identity.
    app.signup("ada@example.com", "attackers").await;
    let key = ProofKey::new();
    let body = json!({ "email": "ada@example.com", "password": "attackers" });
    let attacker = app.post("/v1/login", body).proven(&key, &app).await.ok();
    let browser = Browser { app: &app, key: Some(key) };
    app.post("/v1/password/forgot", json!({ "email": "ada@example.com" })).await.ok();
    let mail = post::newest(&app, "ada@example.com").await;
    link(&browser, &attacker, &op, "bob").await.ok();
    let reset = json!({ "token": mail.token(), "new_password": "the victim's own" });
    // The address leaves the attacker's account, and the victim signs up with it.
    let said = app.post("/v1/password/reset", reset).await.refused(404, "NOT_FOUND");
    assert!(said["detail"].as_str().unwrap().contains("You can sign up with it now"), "{said}");
    let code = app.code("ada@example.com", "LOGIN").await;
    let body = json!({ "email": "ada@example.com", "code": code, "password": "the victim's own" });
    let made = app.post("/v1/signup/code", body).await.ok();
    assert_ne!(made["user"]["user_id"], attacker["user"]["user_id"]);
    app.login("ada@example.com", "the victim's own").await;
}

#[tokio::test]
async fn linking_sends_a_mail_and_the_last_sign_in_method_cannot_be_unlinked() {
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
    // A device id can be removed as well, while another sign-in method is left.
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
    // An account links one identity per provider. Repeating the same link is no error.
    link(&first, &ada, &op, "ada").await.ok();
    link(&first, &ada, &op, "bob").await.refused(409, "EXISTS");
}

#[tokio::test]
async fn sec_a04_a_flow_links_only_for_the_signed_in_user_that_began_it() {
    let (app, op) = world(false).await;
    let (browser, who) = somebody(&app, "ada").await;
    // A flow begun while signed out, a flow of another user, and a flow finished by another user.
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

/// Eight cases: the provider confirms the address or not, the operator trusts the provider or not, and the
/// account has proven the address or not.
#[tokio::test]
async fn sec_a02_automatic_linking_needs_an_address_confirmed_by_a_trusted_provider() {
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
                // The word of a trusted provider proves the address (D-39).
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
                    assert_eq!(
                        status,
                        if proven { 200 } else { 401 },
                        "a password set by a stranger no longer works"
                    );
                } else {
                    // The address belongs to an account, so a registration with it is refused, too.
                    let more = json!({ "email": "ada@example.com" });
                    browser.register("acme", &answer, more).await.refused(409, "EXISTS");
                    app.login("ada@example.com", "correct horse").await;
                }
            }
        }
    }
}

#[tokio::test]
async fn sec_a03_an_earlier_registration_by_a_stranger_gets_nothing_of_the_owner() {
    let (app, op) = world(true).await;
    // The attacker has an account at the provider and claims the victim's address.
    let attacker = Browser::new(&app);
    let offered = login(&attacker, &op, "bob").await;
    attacker
        .register("acme", &offered, json!({ "email": "ada@example.com", "password": "attackers" }))
        .await
        .ok();
    // The victim signs in with the provider, which vouches for the address. The account that only claims the
    // address loses it.
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
async fn sec_a01_issuer_and_subject_identify_a_person_and_an_address_does_not() {
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
    assert_eq!(other["type"], "LoginOAuth", "the same subject of another issuer is another person");
    assert_eq!(
        login(&browser, &one, "43").await["type"],
        "LoginOAuth",
        "the same address does not identify a person"
    );
    // The same name now means another issuer. The subjects of the old issuer find no account.
    let moved = two.settings("acme");
    let app = app.restart_with(&moved).await;
    let browser = Browser::new(&app);
    assert_eq!(login(&browser, &two, "42").await["type"], "LoginOAuth");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_linked_by_two_accounts_at_once_belongs_to_one() {
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
async fn the_identity_of_a_deleted_account_is_free_for_a_new_one() {
    let (app, op) = world(true).await;
    let browser = Browser::new(&app);
    let offered = login(&browser, &op, "bob").await;
    browser.register("acme", &offered, json!({})).await.ok();
    let known = login(&browser, &op, "bob").await;
    browser.post_as(&known["session"], "/v1/account/delete", json!({})).await.ok();
    assert_eq!(app.sql("select count(*) from identities").await, "0");
    assert_eq!(login(&browser, &op, "bob").await["type"], "LoginOAuth");
}
