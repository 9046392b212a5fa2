//! `POST /v1/signup`.

use doorward_config::Span;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{MINUTE, TestApp};

fn ada() -> Value {
    json!({ "email": "ada@example.com", "password": "correct horse" })
}

fn with(options: Value) -> Value {
    let mut body = ada();
    body["options"] = options;
    body
}

#[tokio::test]
async fn seed_k01_a_signup_makes_an_account_that_can_sign_in() {
    let app = TestApp::new().await;
    let answer = app.post("/v1/signup", ada()).await.ok();
    assert_eq!(answer["confirmation_required"], false, "seed K28");
    assert_eq!(answer["user"]["email"], "ada@example.com", "seed M13");
    assert_eq!(answer.get("session"), None, "seed M18");
    let tokens = app.login("ada@example.com", "correct horse").await;
    assert_eq!(tokens["user"]["email"], "ada@example.com");
}

#[tokio::test]
async fn seed_k05_to_k19_every_profile_field_is_stored_and_answered() {
    let app = TestApp::new().await;
    let fields = json!({
        "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace", "middle_name": "King",
        "nickname": "Enchantress 🧮", "preferred_username": "ada", "picture": "https://example.com/ada.png",
        "profile": "https://example.com/ada", "website": "http://ada.example.com/", "gender": "female",
        "birthdate": "1815-12-10", "zoneinfo": "Europe/London", "locale": "en-GB", "company": "Analytical Engines",
        "address": { "street_address": "12 St James's Square\nLondon", "postal_code": "SW1Y", "country": "UK" },
        "email_public": true, "phone_number_public": true, "address_public": true, "gender_public": true,
        "birthdate_public": true, "misc": "only I see this",
    });
    let mut body = ada();
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body["phone_number"] = json!("+0012341234");
    body["options"] = json!({ "email_subscription": true });
    app.post("/v1/signup", body).await.ok();
    let tokens = app.login("ada@example.com", "correct horse").await;
    let user = app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&user[name], value, "{name}");
    }
    assert_eq!(user["phone_number"], "+0012341234", "seed K06");
    assert_eq!((&user["phone_number_verified"], &user["email_verified"]), (&json!(false), &json!(false)));
    assert_eq!(user["email_subscription"], true, "seed K23");
    assert_eq!(user["roles"], json!(["user"]));
    assert_eq!(user["created_at"], "2026-01-01T00:00:00.000Z");
    assert_eq!(user, tokens["user"]);
}

#[tokio::test]
async fn seed_k10_to_k14_profile_fields_are_private_by_default() {
    let app = TestApp::new().await;
    let user = app.somebody().await["user"].clone();
    for name in ["email_public", "phone_number_public", "address_public", "gender_public", "birthdate_public"]
    {
        assert_eq!(user[name], false, "{name}");
    }
    assert_eq!(user["email_subscription"], false);
}

#[tokio::test]
async fn seed_k07_a_postal_address_may_be_one_line_of_text() {
    let app = TestApp::new().await;
    let mut body = with(json!({ "login": true }));
    body["address"] = json!("12 St James's Square, London");
    let answer = app.post("/v1/signup", body).await.ok();
    assert_eq!(answer["session"]["user"]["address"], "12 St James's Square, London");
}

#[tokio::test]
async fn sec_x03_a_signup_cannot_set_roles_or_an_id() {
    let app = TestApp::new().await;
    for name in
        ["roles", "user_id", "email_verified", "disabled", "logins_count", "created_at", "id", "__proto__"]
    {
        let mut body = ada();
        body[name] = json!(["admin"]);
        let refused = app.post("/v1/signup", body).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(refused["field"], name);
    }
}

#[tokio::test]
async fn seed_k29_a_taken_address_is_refused_in_any_spelling() {
    let app = TestApp::new().await;
    app.signup("ada@example.com", "correct horse").await;
    for email in ["ada@example.com", "Ada@Example.COM", " ada@example.com "] {
        let body = json!({ "email": email, "password": "other horse" });
        let refused = app.post("/v1/signup", body).await.refused(409, "EXISTS");
        assert_eq!(refused["title"], "user already exists.");
    }
    app.login("ADA@example.com", "correct horse").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_200_signups_at_once_with_one_address_succeeds() {
    let app = TestApp::new().await;
    let calls = (0..200).map(|n| {
        let body = json!({ "email": "ada@example.com", "password": format!("password {n}") });
        let call = app.post("/v1/signup", body);
        tokio::spawn(async move { call.await })
    });
    let mut statuses: Vec<u16> =
        join_all(calls).await.into_iter().map(|answer| answer.unwrap().status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[0], 200);
    assert!(statuses[1..].iter().all(|status| *status == 409), "{statuses:?}");
    for (table, sql) in [
        ("accounts", "select count(*) from accounts"),
        ("identities", "select count(*) from identities"),
        ("passwords", "select count(*) from passwords"),
    ] {
        assert_eq!(app.sql(sql).await, "1", "{table}");
    }
}

#[tokio::test]
async fn seed_k24_a_signup_may_sign_in_and_counts_as_a_login() {
    let app = TestApp::new().await;
    let answer = app.post("/v1/signup", with(json!({ "login": true }))).await.ok();
    let session = &answer["session"];
    assert_eq!(session["user"]["logins_count"], 1);
    assert_eq!(session["user"]["last_login"], "2026-01-01T00:00:00.000Z");
    app.get("/v1/profile").bearer(&session["access_token"]).await.ok();
    app.refresh(session["refresh_token"].as_str().unwrap()).await.ok();
}

#[tokio::test]
async fn a_generated_token_does_not_count_as_a_login() {
    let app = TestApp::new().await;
    let answer = app.post("/v1/signup", with(json!({ "generate_token": true }))).await.ok();
    assert_eq!(answer["session"]["user"]["logins_count"], 0);
    assert_eq!(answer["session"]["user"].get("last_login"), None);
    app.get("/v1/profile").bearer(&answer["session"]["access_token"]).await.ok();
}

#[tokio::test]
async fn seed_k25_a_signup_cannot_sign_in_and_also_require_confirmation() {
    let app = TestApp::new().await;
    for option in ["login", "generate_token"] {
        for confirmation in [json!(true), json!("http://localhost:3000/welcome")] {
            let options = json!({ "signup_confirmation": confirmation, option: true });
            let refused = app.post("/v1/signup", with(options)).await.refused(400, "INVALID_PARAMETER");
            assert_eq!(refused["field"], format!("options.{option}"));
        }
        let options = json!({ "signup_confirmation": false, option: false });
        let body = json!({ "email": format!("{option}@example.com"), "password": "correct horse", "options": options });
        app.post("/v1/signup", body).await.ok();
    }
}

#[tokio::test]
async fn a_page_can_tighten_the_signup_settings_but_not_loosen_them() {
    let app = TestApp::with("[signup]\nconfirmation = \"required\"").await;
    let answer = app.post("/v1/signup", with(json!({ "signup_confirmation": false }))).await.ok();
    assert_eq!(answer["confirmation_required"], true);
    let refused =
        app.post("/v1/signup", with(json!({ "login": true }))).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(refused["field"], "options.login");

    let app = TestApp::with("[signup]\nauto_login = false").await;
    let refused =
        app.post("/v1/signup", with(json!({ "login": true }))).await.refused(400, "INVALID_PARAMETER");
    assert_eq!(refused["field"], "options.login");

    let app = TestApp::with("[signup]\nopen = false").await;
    app.post("/v1/signup", ada()).await.refused(403, "FORBIDDEN");
}

#[tokio::test]
async fn seed_k20_a_required_confirmation_blocks_the_first_login() {
    let app = TestApp::new().await;
    let answer = app.post("/v1/signup", with(json!({ "signup_confirmation": true }))).await.ok();
    assert_eq!(answer["confirmation_required"], true);
    assert_eq!(answer.get("session"), None);
    let refused = app.post("/v1/login", ada()).await.refused(403, "SIGNUP_CONFIRMATION_NEEDED");
    assert_eq!(refused["title"], "User's signup confirmation is required.", "seed K33");
    let wrong = json!({ "email": "ada@example.com", "password": "wrong horse" });
    app.post("/v1/login", wrong).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
}

#[tokio::test]
async fn seed_k21_sec_o07_a_confirmation_redirects_only_to_listed_urls() {
    let app = TestApp::production("[links]\nredirects = [\"https://www.example.com/welcome\"]").await;
    let signup = |redirect: &str| app.post("/v1/signup", with(json!({ "signup_confirmation": redirect })));
    for foreign in [
        "https://www.example.com/other",
        "https://www.example.com/welcome/",
        "https://www.example.com/welcome?x=1",
        "https://www.example.com/welcome#x",
        "http://www.example.com/welcome",
        "https://www.example.com:8443/welcome",
        "https://www.example.com.evil.example/welcome",
        "https://evil.example/https://www.example.com/welcome",
        "https://www.example.com@evil.example/welcome",
        "https://user@www.example.com/welcome",
        "//www.example.com/welcome",
        "/welcome",
        "welcome",
        "\\\\www.example.com\\welcome",
        "javascript:alert(1)",
        "http://localhost:3000/",
        "https://www.example.com/x/..;/welcome",
        "https://www.example.com/%77elcome",
        "https://0x7f.1/",
    ] {
        let refused = signup(foreign).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(refused["field"], "options.signup_confirmation", "{foreign}");
    }
    assert_eq!(app.sql("select count(*) from accounts").await, "0");
    let answer = signup("HTTPS://www.example.com:443/x/../welcome").await.ok();
    assert_eq!(answer["confirmation_required"], true, "the URL is parsed as browsers parse it");
}

#[tokio::test]
async fn quiet_disclosure_answers_alike_for_a_new_and_a_taken_address() {
    let app = TestApp::with("[disclosure]\nsignup = \"quiet\"").await;
    let new = app.post("/v1/signup", ada()).await;
    let taken = app.post("/v1/signup", ada()).await;
    assert_eq!((new.status, &new.json), (200, &json!({ "confirmation_required": true })));
    assert_eq!((taken.status, &taken.json), (200, &new.json));
    let names =
        |answer: &crate::support::Answer| answer.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&new), names(&taken));
    assert_eq!(app.sql("select count(*) from accounts").await, "1");
    // A sign-in with the same password must not reveal it either: 403 would mean that the address was free.
    app.post("/v1/login", ada()).await.refused(401, "INCORRECT_USERNAME_OR_PASSWORD");
    assert_eq!(app.get("/v1/settings").await.ok()["signup"]["confirmation"], "required");
    for option in ["login", "generate_token"] {
        let refused =
            app.post("/v1/signup", with(json!({ option: true }))).await.refused(400, "INVALID_PARAMETER");
        assert_eq!(refused["field"], format!("options.{option}"));
    }
}

#[tokio::test]
async fn each_signup_puts_its_verification_mail_into_the_same_transaction() {
    let app = TestApp::new().await;
    app.post("/v1/signup", ada()).await.ok();
    app.post("/v1/signup", ada()).await.refused(409, "EXISTS");
    assert_eq!(app.sql("select count(*) from outbox").await, "1");
    assert_eq!(app.sql("select count(*) from audit where event = 'signed_up'").await, "1");
}

const KEY: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";

#[tokio::test]
async fn a_repeated_signup_with_one_idempotency_key_gets_the_same_answer_with_new_tokens() {
    let app = TestApp::new().await;
    let call = || app.post("/v1/signup", with(json!({ "login": true }))).header("idempotency-key", KEY);
    let first = call().await.ok();
    app.advance(MINUTE);
    let again = call().await.ok();
    assert_eq!(again["session"]["user"], first["session"]["user"]);
    assert_eq!(again["session"]["refresh_token"], first["session"]["refresh_token"], "the same session");
    app.get("/v1/profile").bearer(&again["session"]["access_token"]).await.ok();
    assert_eq!(app.sql("select count(*) from sessions").await, "1");
    assert_eq!(app.sql("select logins_count from accounts").await, "1");
}

#[tokio::test]
async fn an_idempotency_key_is_good_for_one_request_and_ten_minutes() {
    let app = TestApp::new().await;
    app.post("/v1/signup", ada()).header("idempotency-key", KEY).await.ok();
    let other = json!({ "email": "bob@example.com", "password": "correct horse" });
    app.post("/v1/signup", other.clone())
        .header("idempotency-key", KEY)
        .await
        .refused(422, "INVALID_REQUEST");
    app.advance(Span::minutes(10).millis());
    app.post("/v1/signup", other).header("idempotency-key", KEY).await.ok();
    app.post("/v1/signup", ada())
        .header("idempotency-key", "not a uuid")
        .await
        .refused(400, "INVALID_REQUEST");
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_equal_signups_at_once_with_one_idempotency_key_are_one_signup() {
    let app = TestApp::new().await;
    let calls = (0..50).map(|_| {
        let call = app.post("/v1/signup", with(json!({ "login": true }))).header("idempotency-key", KEY);
        tokio::spawn(async move { call.await.ok()["session"]["refresh_token"].clone() })
    });
    let tokens: Vec<Value> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    assert!(tokens.iter().all(|token| token.is_string() && *token == tokens[0]));
    assert_eq!(app.sql("select count(*) from sessions").await, "1");
}

#[tokio::test]
async fn an_idempotency_key_stores_no_secret() {
    let app = TestApp::new().await;
    let call = app.post("/v1/signup", with(json!({ "login": true }))).header("idempotency-key", KEY);
    let tokens = call.await.ok()["session"].clone();
    let stored = app.sql("select answer from idempotency").await;
    for name in ["access_token", "refresh_token", "revoke_token"] {
        assert!(!stored.contains(tokens[name].as_str().unwrap()), "{name}");
    }
}
