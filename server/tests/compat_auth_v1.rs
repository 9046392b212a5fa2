//! `/api/v1/auth/…`: seed 002, id by id. Its calls for providers are tested in `provider_*.rs`.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::post;
use crate::support::{Answer, Call, DAY, HOUR, SECOND, TestApp, claims_of};

const ADA: &str = "ada@example.com";
const PASSWORD: &str = "correct horse";
const ON: &str = "[compat]\nauth_v1 = true\n";

async fn server() -> TestApp {
    TestApp::with(ON).await
}

async fn call(t: &TestApp, name: &str, body: Value) -> Answer {
    t.post(&format!("/api/v1/auth/{name}"), body).await
}

async fn register(t: &TestApp) -> Value {
    call(t, "register", json!({ "email": ADA, "password": PASSWORD })).await.ok()
}

async fn login(t: &TestApp) -> Value {
    call(t, "login", json!({ "email": ADA, "password": PASSWORD })).await.ok()["data"].clone()
}

fn refresh(t: &TestApp, token: &Value) -> Call {
    t.get("/api/v1/auth/refreshToken").header("authorization", token.as_str().unwrap())
}

/// Checks for an error in the envelope of the seed, with the matching status (seed R03).
#[track_caller]
fn refused(said: &Answer, status: u16, code: &str, message: &str) {
    let expected = json!({ "data": null, "isSuccess": false, "error": { "code": code, "message": message } });
    assert_eq!((said.status, &said.json), (status, &expected), "{}", said.text);
    assert_eq!(said.header("content-type"), "application/json");
}

#[tokio::test]
async fn seed_r01_the_calls_exist_only_if_the_operator_enables_them() {
    let t = TestApp::new().await;
    call(&t, "login", json!({ "email": ADA, "password": PASSWORD })).await.refused(404, "NOT_FOUND");
    t.get("/api/v1/auth/refreshToken").await.refused(404, "NOT_FOUND");
    let document = server().await.get("/openapi.json").await.ok();
    let described = document["paths"].as_object().unwrap().keys().any(|path| path.starts_with("/api/"));
    assert!(!described, "only docs/coming-from.md describes these calls");
}

#[tokio::test]
async fn seed_r02_r28_r29_a_login_returns_a_token_in_the_envelope() {
    let t = server().await;
    register(&t).await;
    let said = call(&t, "login", json!({ "email": ADA, "password": PASSWORD })).await.ok();
    assert_eq!(said, json!({ "data": said["data"], "isSuccess": true }));
    assert_eq!(t.get("/v1/profile").bearer(&said["data"]).await.ok()["email"], ADA);
    let by_alias = call(&t, "login", json!({ "username": "Ada@Example.com", "password": PASSWORD })).await;
    assert!(by_alias.ok()["data"].is_string());
    let named = json!({ "username": "ada_l", "password": PASSWORD });
    t.post("/v1/signup", named.clone()).await.ok();
    let token = call(&t, "login", named).await.ok()["data"].clone();
    assert_eq!(claims_of(&token)["username"], "ada_l");
}

#[tokio::test]
async fn seed_r03_a_refusal_has_the_envelope_and_its_status() {
    let t = server().await;
    register(&t).await;
    let wrong = call(&t, "login", json!({ "email": ADA, "password": "battery staple" })).await;
    refused(&wrong, 401, "INCORRECT_USERNAME_OR_PASSWORD", "Incorrect username or password.");
    let nobody = call(&t, "login", json!({ "email": "eve@example.com", "password": PASSWORD })).await;
    assert_eq!(nobody.text, wrong.text);
    let taken = call(&t, "register", json!({ "email": ADA, "password": PASSWORD })).await;
    refused(&taken, 409, "EXISTS", "email: user already exists.");
    assert_eq!(taken.header("cache-control"), "no-store");
    let form = t.send(Method::POST, "/api/v1/auth/login", "application/x-www-form-urlencoded", "a=b").await;
    refused(&form, 415, "INVALID_REQUEST", "Send JSON, with the header Content-Type: application/json.");
    assert!(t.audited("sign_in_failed").await >= 2, "the calls of the core wrote audit records");
}

#[tokio::test]
async fn seed_r18_r19_r20_a_token_has_the_seeds_claims_and_lifetime_and_our_signature() {
    let t = server().await;
    register(&t).await;
    let token = login(&t).await;
    let says = claims_of(&token);
    assert_eq!((&says["username"], &says["id"]), (&json!(ADA), &says["sub"]));
    assert_eq!(says["iss"], t.app.platform.config.public_url, "all tokens have one issuer");
    assert_eq!(says["exp"].as_i64().unwrap() - says["iat"].as_i64().unwrap(), 86_400);
    let header = token.as_str().unwrap().split('.').next().unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!("at+jwt")));
    assert_eq!(claims_of(&t.login(ADA, PASSWORD).await["access_token"])["username"], Value::Null);
    let t = TestApp::with("[compat]\nauth_v1 = true\ntoken_lifetime = \"1h\"").await;
    register(&t).await;
    let says = claims_of(&login(&t).await);
    assert_eq!(says["exp"].as_i64().unwrap() - says["iat"].as_i64().unwrap(), 3_600);
}

/// An account can give up its address. The claim must not be empty then.
#[tokio::test]
async fn seed_r18_the_token_of_an_account_without_an_address_has_a_providers_address() {
    let t = server().await;
    register(&t).await;
    let token = login(&t).await;
    let username = async || claims_of(&refresh(&t, &token).await.ok()["data"])["username"].clone();
    t.sql_do("delete from identities").await;
    assert_eq!(username().await, claims_of(&token)["sub"], "the account has no other name");
    t.sql_do(
        "insert into identities (kind, value, account, provider, email, created_at)
        select 'provider', 'google https://accounts.google.com 117', id, 'google', null, created_at from accounts",
    )
    .await;
    t.sql_do(
        "insert into identities (kind, value, account, provider, email, created_at)
        select 'provider', 'facebook https://www.facebook.com 4', id, 'facebook', 'ada@live.com', created_at
        from accounts",
    )
    .await;
    assert_eq!(username().await, "ada@live.com");
    t.sql_do("update identities set email = 'lovelace@live.com' where provider = 'google'").await;
    t.sql_do("update sessions set method = 'google'").await;
    assert_eq!(
        username().await,
        "lovelace@live.com",
        "the address of the provider of the session comes first"
    );
}

#[tokio::test]
async fn seed_r30_r31_r32_a_registration_sends_a_mail_and_returns_a_useless_secret() {
    let t = server().await;
    let said = register(&t).await;
    let secret = said["data"]["secret"].as_str().unwrap();
    let message = "Verification email will send to you as ada@example.com";
    let data = json!({ "message": message, "secret": secret, "success": true });
    assert_eq!(said, json!({ "data": data, "isSuccess": true }));
    assert_eq!(
        (secret.len(), URL_SAFE.decode(secret).unwrap().len()),
        (52, 37),
        "as in the example of the seed"
    );
    let mail = post::newest(&t, ADA).await;
    assert_ne!(mail.token(), secret);
    assert_eq!(call(&t, "verifyAccount", json!({ "secret": secret })).await.status, 400);
}

#[tokio::test]
async fn seed_r33_r34_a_valid_token_is_exchanged_for_a_fresh_one() {
    let t = server().await;
    register(&t).await;
    let token = login(&t).await;
    let said = refresh(&t, &token).await;
    assert_eq!(said.header("cache-control"), "no-store", "seed R35");
    let said = said.ok();
    assert_eq!(said, json!({ "data": said["data"], "isSuccess": true }));
    assert_ne!(said["data"], token);
    t.advance(23 * HOUR);
    let bearer = t.get("/api/v1/auth/refreshToken").bearer(&said["data"]).await.ok();
    t.advance(23 * HOUR);
    let claims = claims_of(&refresh(&t, &bearer["data"]).await.ok()["data"]);
    assert_eq!(claims["username"], ADA);
    assert_eq!(t.sql("select count(*) from sessions").await, "1", "no further session was created");
}

#[tokio::test]
async fn seed_r35_an_exchange_needs_a_valid_token_of_a_live_session() {
    let t = server().await;
    register(&t).await;
    let token = login(&t).await;
    let over = |said: &Answer| refused(said, 401, "SESSION_REQUIRED", "Please sign in.");
    over(&t.get("/api/v1/auth/refreshToken").await);
    over(
        &t.get("/api/v1/auth/refreshToken")
            .header("cookie", &format!("token={}", token.as_str().unwrap()))
            .await,
    );
    over(&refresh(&t, &json!("nonsense")).await);
    over(&refresh(&t, &token).header("authorization", "Bearer other").await);
    t.advance(DAY + SECOND);
    over(&refresh(&t, &token).await);
    let token = login(&t).await;
    t.post("/v1/sessions/revoke", json!({ "scope": "global" })).bearer(&token).await.ok();
    over(&refresh(&t, &token).await);
}

#[tokio::test]
async fn seed_r35_sec_t07_an_sdk_token_cannot_be_exchanged_for_a_longer_one() {
    let t = server().await;
    register(&t).await;
    let theirs = t.login(ADA, PASSWORD).await;
    let said = refresh(&t, &theirs["access_token"]).await;
    refused(&said, 401, "SESSION_REQUIRED", "Please sign in.");
    assert_eq!(
        t.sql("select max(generation) from sessions").await,
        "0",
        "the owner's next refresh does not count as reuse"
    );
}

#[tokio::test]
async fn seed_r35_a_session_used_every_day_lasts_until_its_absolute_end() {
    let t = TestApp::with("[compat]\nauth_v1 = true\n[session]\nidle = \"2d\"\nabsolute = \"5d\"").await;
    register(&t).await;
    let mut token = login(&t).await;
    for _ in 0..5 {
        t.advance(DAY - HOUR);
        token = refresh(&t, &token).await.ok()["data"].clone();
    }
    let says = claims_of(&token);
    assert_eq!(
        says["exp"].as_i64().unwrap() - says["iat"].as_i64().unwrap(),
        5 * 3_600,
        "the token ends with the session"
    );
    t.advance(5 * HOUR);
    assert_eq!(refresh(&t, &token).await.status, 401);
}

#[tokio::test]
async fn seed_r36_r37_r38_r39_the_mails_secret_verifies_the_account_once() {
    let t = server().await;
    register(&t).await;
    let secret = post::newest(&t, ADA).await.token().to_owned();
    t.advance(SECOND);
    let said = call(&t, "verifyAccount", json!({ "secret": secret, "password": PASSWORD })).await.ok();
    let id = said["data"]["id"].clone();
    let user = json!({
        "id": id, "name": "", "firstname": "", "lastname": "", "email": ADA, "gender": "", "birthdate": "", "tel": "",
        "authenTypeId": -1, "authenId": "", "authenToken": "", "verified": true,
        "verifiedAt": "2026-01-01T00:00:01.000Z", "roles": ["user"], "createAt": "2026-01-01T00:00:00.000Z",
        "lastModified": "2026-01-01T00:00:01.000Z",
    });
    assert_eq!(said, json!({ "data": user, "isSuccess": true }));
    let again = call(&t, "verifyAccount", json!({ "secret": secret })).await;
    refused(&again, 400, "TOKEN_REVOKED", "The token has been revoked.");
    call(&t, "resendEmail", json!({ "email": ADA })).await.ok();
    let t = server().await;
    register(&t).await;
    let secret = post::newest(&t, ADA).await.token().to_owned();
    t.advance(DAY + SECOND);
    assert_eq!(
        call(&t, "verifyAccount", json!({ "secret": secret })).await.json["error"]["code"],
        "TOKEN_EXPIRED"
    );
}

#[tokio::test]
async fn seed_r22_r38_an_account_linked_to_google_has_type_1() {
    let t = server().await;
    register(&t).await;
    let secret = post::newest(&t, ADA).await.token().to_owned();
    t.sql_do(
        "insert into identities (kind, value, account, provider, created_at)
        select 'provider', 'google https://accounts.google.com 117', account, 'google', created_at from identities",
    )
    .await;
    let user =
        call(&t, "verifyAccount", json!({ "secret": secret, "password": PASSWORD })).await.ok()["data"]
            .clone();
    assert_eq!((&user["authenTypeId"], &user["authenId"]), (&json!(1), &json!("117")), "seed R22");
}

#[tokio::test]
async fn seed_r40_r41_r42_a_resent_mail_replaces_the_earlier_one() {
    let t = server().await;
    register(&t).await;
    let first = post::newest(&t, ADA).await.token().to_owned();
    let said = call(&t, "resendEmail", json!({ "email": ADA })).await.ok();
    let data = json!({
        "message": "Verification email will send to you as ada@example.com", "secret": said["data"]["secret"], "success": true,
    });
    assert_eq!(said, json!({ "data": data, "isSuccess": true }));
    let second = post::newest(&t, ADA).await.token().to_owned();
    assert_eq!(
        call(&t, "verifyAccount", json!({ "secret": first })).await.json["error"]["code"],
        "TOKEN_REVOKED"
    );
    call(&t, "verifyAccount", json!({ "secret": second, "password": PASSWORD })).await.ok();
    call(&t, "resendEmail", json!({ "email": "nobody@example.com" })).await.ok();
    let t = TestApp::with(&format!("{ON}[disclosure]\naccount = \"compatible\"")).await;
    let nobody = call(&t, "resendEmail", json!({ "email": "nobody@example.com" })).await;
    refused(&nobody, 404, "NOT_FOUND", "email: Not found.");
}

#[tokio::test]
async fn seed_r43_the_error_names_the_missing_field() {
    let t = server().await;
    for (name, body, field) in [
        ("login", json!({}), "email"),
        ("login", json!({ "email": ADA }), "password"),
        ("login", json!({ "email": ADA, "password": "" }), "password"),
        ("register", json!({ "password": PASSWORD }), "email"),
        ("register", json!({ "email": ADA, "password": null }), "password"),
        ("verifyAccount", json!({}), "secret"),
        ("resendEmail", json!({}), "email"),
        ("registerOrLogin/facebook", json!({}), "authenToken"),
        ("registerOrLogin/google", json!({}), "authenToken"),
        ("registerOrLogin/microsoftAD", json!({}), "JWTToken"),
    ] {
        let said = call(&t, name, body).await;
        refused(&said, 400, "INVALID_PARAMETER", &format!("{field}: This field is required."));
    }
    let said = call(&t, "register", json!({ "email": ADA, "password": PASSWORD, "roles": ["admin"] })).await;
    refused(&said, 400, "INVALID_PARAMETER", "roles: This field is not known.");
    let said = call(&t, "verifyAccount", json!({ "secret": "short" })).await;
    refused(&said, 400, "INVALID_PARAMETER", "secret: This link is damaged. Open it again from the mail.");
    let said = call(&t, "registerOrLogin/facebook", json!({ "authenToken": "t" })).await;
    assert_eq!(said.json["error"]["code"], "NOT_FOUND", "the provider is not configured");
}

#[tokio::test]
async fn seed_r42_limits_captcha_and_hooks_also_apply_to_these_calls() {
    let limits = "[limits]\nsign_in = \"2/1m\"\nsend = \"1/1m\"\n[captcha]\nkind = \"none\"\n";
    let t = TestApp::with(&format!("{ON}{limits}")).await;
    register(&t).await;
    call(&t, "resendEmail", json!({ "email": ADA })).await.ok();
    let often = call(&t, "resendEmail", json!({ "email": ADA })).await;
    refused(&often, 429, "LimitExceededException", "Attempt limit exceeded, please try after some time.");
    assert_eq!(often.header("retry-after"), "60");
    for _ in 0..2 {
        login(&t).await;
    }
    let often = call(&t, "login", json!({ "email": ADA, "password": PASSWORD })).await;
    refused(&often, 429, "REQUEST_EXCEED", "Too many attempts. Please try again later.");
    let ours = t.post("/v1/login", json!({ "email": ADA, "password": PASSWORD })).await;
    ours.refused(429, "REQUEST_EXCEED");

    let t = TestApp::with(&format!("{ON}[captcha]\nafter = 1\ndifficulty = 320\n")).await;
    register(&t).await;
    call(&t, "login", json!({ "email": ADA, "password": "battery staple" })).await;
    let asked = call(&t, "login", json!({ "email": ADA, "password": PASSWORD })).await;
    assert_eq!((asked.status, &asked.json["error"]["code"]), (403, &json!("CAPTCHA_REQUIRED")));
    let solution = crate::support::captcha::work(&asked.json["error"]["captcha"]);
    let solved = t.post("/api/v1/auth/login", json!({ "email": ADA, "password": PASSWORD }));
    solved.header("captcha-response", &solution).await.ok();

    let service = crate::post::service::Service::start().await;
    let hook = format!(
        "[webhooks.crm]\nurl = \"{}\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\nevents = [\"pre_email_auth\"]\n",
        service.url("/crm")
    );
    let t = TestApp::with(&format!("{ON}{hook}")).await;
    register(&t).await;
    let said = json!({ "reject": { "message": "Not on a Sunday." } });
    service.be(crate::post::service::Mood::Says(200, said.to_string()));
    let no = call(&t, "login", json!({ "email": ADA, "password": PASSWORD })).await;
    refused(&no, 403, "HOOK_REJECTED", "Not on a Sunday.");
}

#[tokio::test]
async fn sec_r04_a_sign_in_returns_the_known_device_value_in_a_header() {
    let limits = "[limits]\nfailures = 1\npause = \"10s\"\n[captcha]\nkind = \"none\"\n";
    let t = TestApp::with(&format!("{ON}{limits}")).await;
    register(&t).await;
    let body = json!({ "email": ADA, "password": PASSWORD });
    let known = call(&t, "login", body.clone()).await.header("known-device").to_owned();
    call(&t, "login", json!({ "email": ADA, "password": "battery staple" })).await;
    assert_eq!(call(&t, "login", body.clone()).await.status, 429, "unknown devices must wait");
    t.post("/api/v1/auth/login", body).header("known-device", &known).await.ok();
}

/// Errors from outside the handlers have the envelope, too: unknown path, wrong method, wrong host.
#[tokio::test]
async fn seed_r03_unknown_paths_wrong_methods_and_wrong_hosts_get_the_envelope_too() {
    let t = server().await;
    let in_the_cores_form = "application/problem+json";
    for path in ["", "/", "/unknown", "/login/", "/login/again", "//login", "/registerOrLogin"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let said = t.send(method, &format!("/api/v1/auth{path}"), "application/json", "{}").await;
            refused(&said, 404, "NOT_FOUND", "Not found.");
        }
    }
    for (method, name, allow) in [
        (Method::GET, "login", "POST"),
        (Method::PUT, "register", "POST"),
        (Method::DELETE, "registerOrLogin/google", "POST"),
        (Method::POST, "refreshToken", "GET,HEAD"),
    ] {
        let said = t.send(method, &format!("/api/v1/auth/{name}"), "application/json", "{}").await;
        refused(&said, 405, "INVALID_REQUEST", "This URL does not support this method.");
        assert_eq!(said.header("allow"), allow, "{name}");
    }
    let said = t.get("/api/v1/auth/refreshToken").header("host", "evil.example").await;
    refused(&said, 421, "INVALID_REQUEST", "With --dev this server answers only to localhost.");
    for path in ["/api/v1/authentic", "/api/v1", "/unknown", "/v1/login/unknown"] {
        let said = t.get(path).await;
        assert_eq!((said.status, said.header("content-type")), (404, in_the_cores_form), "{path}");
    }
    let said = t.get("/v1/login").await;
    assert_eq!((said.status, said.header("content-type")), (405, in_the_cores_form));
}
