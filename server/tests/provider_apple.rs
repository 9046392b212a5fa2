//! A stand-in for Apple, as Apple documents it: a client secret that the server signs, answers by `form_post`, and a
//! name that Apple sends only once.

use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_providers::{Person, Refusal};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::support::browser::{Browser, PAGE};
use crate::support::issuer::Key;
use crate::support::proof::hash;
use crate::support::stand_in::{Said, StandIn, Taken, asked, json as answer};
use crate::support::{NEW_YEAR, TestApp};

const CLIENT: &str = "com.example.web";
const BUNDLE: &str = "com.example.app";
const TEAM: &str = "DEF123GHIJ";
const KEY_ID: &str = "ABC123DEFG";
const SUB: &str = "000792.d71059495fa24644b94e4a644e2e3b4a.0638";
const CALLBACK: &str = "https://auth.example.com/v1/callback/apple";

struct Apple {
    flow: (String, String),
    claims: Value,
    used: bool,
}

struct World {
    t: TestApp,
    vendor: StandIn,
    apple: Arc<Mutex<Apple>>,
    key: Arc<Key>,
}

/// The claims of a token of Apple, with flags as text.
fn claims() -> Value {
    json!({
        "iss": "https://appleid.apple.com", "aud": CLIENT, "sub": SUB, "iat": NEW_YEAR / 1000,
        "exp": NEW_YEAR / 1000 + 86_400, "email": "x7k2@privaterelay.appleid.com", "email_verified": "true",
        "is_private_email": "true", "auth_time": NEW_YEAR / 1000, "nonce_supported": true,
    })
}

/// Checks the client secret as Apple does.
fn check_secret(secret: &str, public: &DecodingKey) {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_audience(&["https://appleid.apple.com"]);
    validation.set_issuer(&[TEAM]);
    validation.sub = Some(CLIENT.to_owned());
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
    validation.validate_exp = false;
    let secret = decode::<Value>(secret, public, &validation).unwrap();
    assert_eq!((secret.header.alg, secret.header.kid.as_deref()), (Algorithm::ES256, Some(KEY_ID)));
    assert_eq!(secret.claims["iat"], NEW_YEAR / 1000);
    let life = secret.claims["exp"].as_i64().unwrap() - NEW_YEAR / 1000;
    assert!((1..=15_777_000).contains(&life), "{life}");
}

fn say(apple: &Mutex<Apple>, public: &DecodingKey, key: &Key, taken: &Taken) -> Said {
    let mut apple = apple.lock().unwrap();
    match taken.line.as_str() {
        "POST /auth/token" => {
            let form = &taken.form;
            assert_eq!(taken.header("authorization"), "");
            assert_eq!(form["client_id"], CLIENT);
            check_secret(&form["client_secret"], public);
            assert_eq!(form["grant_type"], "authorization_code");
            assert_eq!(form["redirect_uri"], CALLBACK);
            assert_eq!(form["code"], "c68eafb.0.mxzs.code");
            if std::mem::replace(&mut apple.used, true) || hash(&form["code_verifier"]) != apple.flow.0 {
                return answer(400, json!({ "error": "invalid_grant" }));
            }
            let mut claims = apple.claims.clone();
            claims["nonce"] = apple.flow.1.as_str().into();
            let half = URL_SAFE_NO_PAD.decode(hash("a.access")).unwrap();
            claims["at_hash"] = URL_SAFE_NO_PAD.encode(&half[..16]).into();
            let id_token = key.sign(&json!({ "kid": "W6WcOKB", "alg": "RS256" }), &claims);
            answer(
                200,
                json!({ "access_token": "a.access", "token_type": "Bearer", "expires_in": 3600,
                "refresh_token": "r.refresh", "id_token": id_token }),
            )
        }
        "GET /auth/keys" => answer(200, json!({ "keys": [key.jwk(), Key::other_rsa("86D88Kf").jwk()] })),
        other => panic!("Apple has no {other}"),
    }
}

async fn world() -> World {
    let ours = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = ours.public_key().as_ref();
    let [x, y] = [&point[1..33], &point[33..]].map(|part| URL_SAFE_NO_PAD.encode(part));
    let public = DecodingKey::from_ec_components(&x, &y).unwrap();
    // As in Apple's .p8 file. The label is joined from two parts, so that this file does not look as if it held a key.
    let text = STANDARD.encode(ours.to_pkcs8v1().unwrap());
    let lines = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap());
    let lines = lines.collect::<Vec<_>>().join("\n");
    let file = format!("-----BEGIN {0}-----\n{lines}\n-----END {0}-----\n", ["PRIVATE", "KEY"].join(" "));
    let key = Arc::new(Key::rsa("W6WcOKB"));
    let apple = Arc::new(Mutex::new(Apple { flow: Default::default(), claims: claims(), used: false }));
    let vendor = {
        let (apple, key) = (apple.clone(), key.clone());
        StandIn::start(move |taken| say(&apple, &public, &key, taken)).await
    };
    let t = TestApp::production(&format!(
        "[providers.apple]\nclient_id = \"{CLIENT}\"\nteam_id = \"{TEAM}\"\nkey_id = \"{KEY_ID}\"\n\
         private_key = \"\"\"\n{file}\"\"\"\ncallbacks = [\"https://app.example.com/signin\"]\n\
         accept_tokens = true\naudiences = [\"{BUNDLE}\"]\ntoken_endpoint = \"{}\"\njwks_uri = \"{}\"\n",
        vendor.at("/auth/token"),
        vendor.at("/auth/keys"),
    ))
    .await;
    World { t, vendor, apple, key }
}

impl World {
    fn apple(&self) -> std::sync::MutexGuard<'_, Apple> {
        self.apple.lock().unwrap()
    }

    async fn sign_in(&self, user: Option<&str>) -> Result<Person, Refusal> {
        let begun = self.t.begin("apple").await?;
        let asked = asked(&begun);
        self.apple().flow = (asked["code_challenge"].clone(), asked["nonce"].clone());
        self.apple().used = false;
        self.t.finish("apple", &begun.memory, "c68eafb.0.mxzs.code", user).await
    }
}

#[tokio::test]
async fn seed_m24_apple_posts_its_answer_to_the_server_itself() {
    let w = world().await;
    assert!(w.t.app.accounts.providers.get("apple").unwrap().posts());
    let begun = w.t.begin("apple").await.unwrap();
    assert!(begun.url.as_str().starts_with("https://appleid.apple.com/auth/authorize?"), "{}", begun.url);
    let asked = asked(&begun);
    assert_eq!((asked["response_mode"].as_str(), asked["redirect_uri"].as_str()), ("form_post", CALLBACK));
    assert_eq!((asked["response_type"].as_str(), asked["scope"].as_str()), ("code", "openid email name"));
    assert_eq!((asked.get("prompt"), asked.get("ui_locales")), (None, None), "Apple knows neither parameter");
}

#[tokio::test]
async fn seed_m40_a_code_of_apple_becomes_a_person_with_a_signed_client_secret() {
    let w = world().await;
    let user = r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"victim@example.com"}"#;
    let person = w.sign_in(Some(user)).await.unwrap();
    assert_eq!((person.issuer.as_str(), person.subject.as_str()), ("https://appleid.apple.com", SUB));
    assert_eq!(
        person.email.as_deref(),
        Some("x7k2@privaterelay.appleid.com"),
        "the posted address is not trusted"
    );
    assert!(person.vouched, "Apple sends the flag as text");
    assert_eq!(
        (person.name.as_deref(), person.profile.given_name.as_deref()),
        (Some("Ada Lovelace"), Some("Ada"))
    );
    assert_eq!(w.vendor.lines(), ["POST /auth/token", "GET /auth/keys"]);
}

#[tokio::test]
async fn a_missing_or_malformed_name_from_apple_does_not_stop_a_sign_in() {
    let w = world().await;
    assert_eq!(w.sign_in(None).await.unwrap().name, None);
    let long = format!(r#"{{"name":{{"firstName":"{}"}}}}"#, "x".repeat(5000));
    let control = r#"{"name":{"firstName":"A\u0000","lastName":["x"]}}"#;
    for user in ["", "null", "{", r#"{"name":7}"#, r#"{"sub":"1","name":{}}"#, control, &long] {
        let person = w.sign_in(Some(user)).await.unwrap();
        assert_eq!((person.name, person.subject.as_str()), (None, SUB), "{user}");
    }
    let half = w.sign_in(Some(r#"{"name":{"lastName":"Lovelace"}}"#)).await.unwrap();
    assert_eq!(half.name.as_deref(), Some("Lovelace"));
}

#[tokio::test]
async fn sec_a02_email_verified_of_apple_counts_only_if_true_as_text_or_flag() {
    let w = world().await;
    for (verified, vouched) in [
        (json!("true"), true),
        (json!(true), true),
        (json!("false"), false),
        (json!(false), false),
        (Value::Null, false),
    ] {
        w.apple().claims["email_verified"] = verified.clone();
        assert_eq!(w.sign_in(None).await.unwrap().vouched, vouched, "{verified}");
    }
}

#[tokio::test]
async fn sec_o06_a_code_of_apple_works_once() {
    let w = world().await;
    w.sign_in(None).await.unwrap();
    let begun = w.t.begin("apple").await.unwrap();
    let again = w.t.finish("apple", &begun.memory, "c68eafb.0.mxzs.code", None).await;
    assert!(matches!(again, Err(Refusal::Reused)), "{again:?}");
}

#[tokio::test]
async fn sec_o05_a_token_of_a_phone_app_is_accepted_if_the_app_is_listed() {
    let w = world().await;
    let sign = |claims: &Value| w.key.sign(&json!({ "kid": "W6WcOKB", "alg": "RS256" }), claims);
    let mut token = claims();
    token["aud"] = BUNDLE.into();
    w.t.bring("apple", &sign(&token)).await.unwrap();
    token["aud"] = "com.evil.app".into();
    assert!(matches!(w.t.bring("apple", &sign(&token)).await, Err(Refusal::Untrusted(_))));
    token = claims();
    token["iss"] = "https://appleid.apple.com.evil.example".into();
    assert!(matches!(w.t.bring("apple", &sign(&token)).await, Err(Refusal::Untrusted(_))));
}

#[tokio::test]
async fn seed_m40_over_http_apples_posted_answer_becomes_an_account_with_its_name() {
    let w = world().await;
    let browser = Browser::new(&w.t);
    let begun = browser.begin("apple").await;
    let query: std::collections::HashMap<String, String> = begun.url.query_pairs().into_owned().collect();
    w.apple().flow = (query["code_challenge"].clone(), query["nonce"].clone());
    let form = Serializer::new(String::new())
        .append_pair("state", &begun.state)
        .append_pair("code", "c68eafb.0.mxzs.code")
        .append_pair(
            "user",
            r#"{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"x7k2@privaterelay.appleid.com"}"#,
        )
        .finish();
    let call =
        w.t.send(axum::http::Method::POST, "/v1/callback/apple", "application/x-www-form-urlencoded", form);
    let answer = call.header("origin", "https://appleid.apple.com").await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    let here = Url::parse(answer.header("location")).unwrap();
    assert!(here.as_str().starts_with(&format!("{PAGE}?oauthKey=")), "{here}");
    let offered = browser.login("apple", &begun, &here).await.ok();
    assert_eq!((&offered["data"]["id"], &offered["data"]["name"]), (&json!(SUB), &json!("Ada Lovelace")));
    let made = browser.register("apple", &offered, json!({})).await.ok();
    assert_eq!(made["data"]["email"], "x7k2@privaterelay.appleid.com");
    assert_eq!((&made["data"]["given_name"], &made["data"]["email_verified"]), (&json!("Ada"), &json!(true)));
}
