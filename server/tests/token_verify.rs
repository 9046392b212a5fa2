//! Access tokens: how other services verify them, and the forgeries that the server refuses (RFC 9068, RFC 8725).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::support::{MINUTE, NEW_YEAR, SECOND, TestApp};

fn parts(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default()).unwrap_or(Value::Null)
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

#[tokio::test]
async fn sec_t02_any_jwt_library_verifies_our_tokens_with_the_published_keys() {
    let app = TestApp::production("[roles]\ndefault = [\"user\", \"beta\"]").await;
    let tokens = app.somebody().await;
    let token = tokens["access_token"].as_str().unwrap();
    let answer = app.get("/.well-known/jwks.json").header("origin", "https://anybody.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://anybody.example");
    assert_eq!(answer.json["keys"][0].get("d"), None, "sec_L05: public halves only");
    let keys: JwkSet = serde_json::from_value(answer.ok()).unwrap();
    let header = decode_header(token).unwrap();
    assert_eq!((header.typ.as_deref(), header.alg), (Some("at+jwt"), Algorithm::ES256));
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&["https://auth.example.com"]);
    validation.set_audience(&["https://auth.example.com"]);
    validation.validate_exp = false;
    let claims = decode::<Value>(token, &key, &validation).unwrap().claims;
    assert_eq!(claims["sub"], tokens["user"]["user_id"]);
    assert_eq!(claims["client_id"], "doorward");
    assert_eq!(claims["roles"], json!(["user", "beta"]));
    assert_eq!((&claims["iat"], &claims["auth_time"]), (&json!(NEW_YEAR / 1000), &json!(NEW_YEAR / 1000)));
    assert_eq!(claims["exp"], NEW_YEAR / 1000 + 600);
    assert!(claims["jti"].is_string() && claims["sid"].is_string());
}

#[tokio::test]
async fn sec_t01_a_token_lives_ten_minutes_and_says_so() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    app.advance(10 * MINUTE - SECOND);
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
    app.advance(SECOND);
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.refused(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn the_audience_is_a_setting() {
    let app = TestApp::with("[token]\naudience = \"https://api.example.com\"\nlifetime = \"1m\"").await;
    let tokens = app.somebody().await;
    let (_, claims) = parts(tokens["access_token"].as_str().unwrap());
    assert_eq!(
        (&claims["aud"], &claims["iss"]),
        (&json!("https://api.example.com"), &json!("http://localhost:8787"))
    );
    assert_eq!(tokens["expires_in"], 60);
    app.get("/v1/profile").bearer(&tokens["access_token"]).await.ok();
}

/// Signs with the server's own key, read from its database, so that forged tokens have a valid signature.
struct Forger {
    pair: EcdsaKeyPair,
    header: Value,
    claims: Value,
}

impl Forger {
    async fn of(app: &TestApp, token: &str) -> Forger {
        let keys = {
            let mut db = app.app.platform.store.read().await.unwrap();
            doorward_store::signing_keys::list(&mut db, 0).await.unwrap()
        };
        let context = format!("signing key {}", keys[0].id);
        let private = app.app.platform.secret_keys.open(&context, &keys[0].sealed).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private).unwrap();
        let (header, claims) = parts(token);
        Forger { pair, header, claims }
    }

    fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

#[tokio::test]
async fn sec_t02_sec_t04_a_token_with_a_wrong_claim_is_refused_despite_a_valid_signature() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let forger = Forger::of(&app, tokens["access_token"].as_str().unwrap()).await;
    let kid = forger.header["kid"].as_str().unwrap();
    let header = format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#);
    let good = json!(forger.sign(&header, &forger.claims.to_string()));
    app.get("/v1/profile").bearer(&good).await.ok();
    let later = NEW_YEAR / 1000 + 600;
    for (claim, values) in [
        ("iss", vec![json!("https://evil.example"), json!("http://localhost:8787/"), json!(null), json!([])]),
        ("aud", vec![json!("https://evil.example"), json!(["http://localhost:8787"]), json!(null)]),
        ("sub", vec![json!("00000000-0000-0000-0000-000000000000"), json!(1), json!(null)]),
        ("sid", vec![json!("00000000-0000-0000-0000-000000000000"), json!("' or 1=1 --"), json!(null)]),
        ("client_id", vec![json!("other"), json!(null)]),
        (
            "exp",
            vec![
                json!("never"),
                json!(later.to_string()),
                json!(null),
                json!(-1),
                json!(0),
                json!(later as f64 + 0.5),
                json!(i64::MIN),
                json!(i64::MAX),
                json!(u64::MAX),
                json!([later]),
                json!(true),
            ],
        ),
        ("iat", vec![json!("0"), json!(null), json!(1.5)]),
        ("jti", vec![json!(1), json!(null)]),
        ("roles", vec![json!("admin"), json!(null)]),
    ] {
        for value in values {
            let mut claims = forger.claims.clone();
            if value.is_null() {
                claims.as_object_mut().unwrap().remove(claim);
            } else {
                claims[claim] = value.clone();
            }
            let forged = json!(forger.sign(&header, &claims.to_string()));
            let answer = app.get("/v1/profile").bearer(&forged).await;
            assert_eq!(answer.status, 401, "{claim}: {value}");
        }
    }
    let text = forger.claims.to_string();
    for payload in [
        text.replace(&format!("\"exp\":{later}"), "\"exp\":1e400"),
        text.replacen('{', "{\"exp\":1,", 1),
        "{}".into(),
        String::new(),
    ] {
        let forged = json!(forger.sign(&header, &payload));
        app.get("/v1/profile").bearer(&forged).await.refused(401, "SESSION_REQUIRED");
    }
}

#[tokio::test]
async fn sec_t02_sec_t03_a_token_with_another_header_is_refused_despite_a_valid_signature() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let forger = Forger::of(&app, tokens["access_token"].as_str().unwrap()).await;
    let kid = forger.header["kid"].as_str().unwrap();
    let claims = forger.claims.to_string();
    for header in [
        format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"none","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{kid}"}}"#),
        r#"{"typ":"at+jwt","alg":"ES256","kid":"other"}"#.to_owned(),
        r#"{"typ":"at+jwt","alg":"ES256"}"#.to_owned(),
        format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}","crit":["x"],"x":1}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}","jku":"http://127.0.0.1:1/"}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}","jwk":{{"kty":"EC"}}}}"#),
        format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}","b64":false}}"#),
        format!(r#" {{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}"#),
    ] {
        let forged = json!(forger.sign(&header, &claims));
        let answer = app.get("/v1/profile").bearer(&forged).await;
        assert_eq!(answer.status, 401, "{header}");
    }
}

#[tokio::test]
async fn sec_t03_sec_t05_a_token_has_one_spelling_and_one_signature() {
    let app = TestApp::new().await;
    let tokens = app.somebody().await;
    let token = tokens["access_token"].as_str().unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (header, payload) = message.split_once('.').unwrap();
    let last = signature.chars().next_back().unwrap();
    // A signature of 64 bytes leaves four unused bits in its last letter. The twin has the same two used bits.
    let twin = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = twin.find(last).unwrap() ^ 1;
    let twin = format!("{message}.{}{}", &signature[..signature.len() - 1], &twin[at..=at]);
    let zero = URL_SAFE_NO_PAD.encode([0; 64]);
    for wrong in [
        twin,
        format!("{token}="),
        format!("{token}."),
        format!("{message}."),
        message.to_owned(),
        format!("{message}.{zero}"),
        format!("{header}.{payload}A.{signature}"),
        format!("{header}.{payload} .{signature}"),
        format!("{header}..{signature}"),
        format!("{token}.{token}"),
        "a".repeat(10_000),
        tokens["refresh_token"].as_str().unwrap().to_owned(),
        tokens["revoke_token"].as_str().unwrap().to_owned(),
    ] {
        let answer = app.get("/v1/profile").bearer(&json!(wrong)).await;
        assert_eq!(answer.status, 401, "{wrong}");
    }
    let other = TestApp::with("public_url = \"http://localhost:8787\"").await;
    let stranger = other.somebody().await;
    app.get("/v1/profile").bearer(&stranger["access_token"]).await.refused(401, "SESSION_REQUIRED");
}
