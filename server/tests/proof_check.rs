//! DPoP proofs (RFC 9449 §4.3): a correct proof is accepted, a proof with one fault is refused.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};

use crate::support::hooks::Log;
use crate::support::proof::{ProofKey, claims, hash};
use crate::support::{Answer, DAY, MINUTE, SECOND, TestApp};

const PROFILE: &str = "http://localhost:8787/v1/profile";

/// `GET /v1/profile` with a bound access token and this proof.
async fn profile(app: &TestApp, token: &str, proof: &str) -> Answer {
    app.get("/v1/profile").header("authorization", &format!("DPoP {token}")).dpop(proof).await
}

#[track_caller]
fn bad_proof(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.json["code"].as_str()), (401, Some("INVALID_PROOF")), "{what}");
    assert_eq!(answer.header("www-authenticate"), "DPoP error=\"invalid_dpop_proof\", algs=\"ES256\"");
    assert!(!answer.header("dpop-nonce").is_empty(), "{what}");
}

#[tokio::test]
async fn sec_d01_sec_d02_a_proof_with_one_fault_is_refused() {
    let app = TestApp::new().await;
    let (key, stranger) = (ProofKey::new(), ProofKey::new());
    let tokens = app.somebody_with(&key).await;
    let token = tokens["access_token"].as_str().unwrap();
    let nonce = app.nonce();
    let good = || claims("GET", PROFILE, &nonce, Some(token));
    let header = key.header();
    let sign = |header: &Value, claims: &Value| key.sign(&header.to_string(), &claims.to_string());
    profile(&app, token, &sign(&header, &good())).await.ok();
    let without = |object: &Value, name: &str| {
        let mut object = object.clone();
        object.as_object_mut().unwrap().remove(name);
        object
    };
    let with = |object: &Value, name: &str, value: Value| {
        let mut object = object.clone();
        object[name] = value;
        object
    };
    let jwk = |name: &str, value: Value| with(&header, "jwk", with(&key.jwk(), name, value));
    let off_the_curve = URL_SAFE_NO_PAD.encode([7; 32]);
    for (what, header) in [
        ("no typ", without(&header, "typ")),
        ("another typ", with(&header, "typ", json!("JWT"))),
        ("typ of an access token", with(&header, "typ", json!("at+jwt"))),
        ("typ that is no text", with(&header, "typ", json!(["dpop+jwt"]))),
        ("no alg", without(&header, "alg")),
        ("alg none", with(&header, "alg", json!("none"))),
        ("symmetric alg", with(&header, "alg", json!("HS256"))),
        ("another alg", with(&header, "alg", json!("ES384"))),
        ("alg of another case", with(&header, "alg", json!("es256"))),
        ("no jwk", without(&header, "jwk")),
        ("jwk that is text", with(&header, "jwk", json!(key.jwk().to_string()))),
        ("private jwk", jwk("d", json!(off_the_curve))),
        ("symmetric jwk", with(&header, "jwk", json!({ "kty": "oct", "k": "AAAA" }))),
        ("RSA jwk", with(&header, "jwk", json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }))),
        ("another curve", jwk("crv", json!("P-384"))),
        ("no y", with(&header, "jwk", without(&key.jwk(), "y"))),
        ("a point off the curve", jwk("y", json!(off_the_curve))),
        ("a coordinate that is too short", jwk("x", json!("AAAA"))),
        ("a padded coordinate", jwk("x", json!(format!("{}=", key.jwk()["x"].as_str().unwrap())))),
        ("another key's jwk", with(&header, "jwk", stranger.jwk())),
        ("something critical", with(&with(&header, "crit", json!(["x"])), "x", json!(1))),
    ] {
        bad_proof(&profile(&app, token, &sign(&header, &good())).await, what);
    }
    for (what, claims) in [
        ("no jti", without(&good(), "jti")),
        ("empty jti", with(&good(), "jti", json!(""))),
        ("jti that is a number", with(&good(), "jti", json!(1))),
        ("a long jti", with(&good(), "jti", json!("j".repeat(129)))),
        ("a jti of 1 MB", with(&good(), "jti", json!("j".repeat(1 << 20)))),
        ("no iat", without(&good(), "iat")),
        ("iat that is text", with(&good(), "iat", json!("0"))),
        ("no htm", without(&good(), "htm")),
        ("another htm", with(&good(), "htm", json!("POST"))),
        ("htm of another case", with(&good(), "htm", json!("get"))),
        ("htm that is no text", with(&good(), "htm", json!(["GET"]))),
        ("no htu", without(&good(), "htu")),
        ("another path", with(&good(), "htu", json!("http://localhost:8787/v1/token"))),
        ("another host", with(&good(), "htu", json!("http://evil.example/v1/profile"))),
        ("a path alone", with(&good(), "htu", json!("/v1/profile"))),
        ("htu that is no text", with(&good(), "htu", json!([PROFILE]))),
        ("no ath", without(&good(), "ath")),
        ("ath of another token", with(&good(), "ath", json!(hash("other")))),
        ("the token as ath", with(&good(), "ath", json!(token))),
        ("nonce that is no text", with(&good(), "nonce", json!(1))),
    ] {
        bad_proof(&profile(&app, token, &sign(&header, &claims)).await, what);
    }
    let proof = sign(&header, &good());
    let [first, second, third] = proof.split('.').collect::<Vec<_>>()[..] else { unreachable!() };
    let zero = URL_SAFE_NO_PAD.encode([0; 64]);
    let twice = good().to_string().replacen('{', "{\"htm\":\"GET\",", 1);
    let other = sign(&header, &good());
    for (what, proof) in [
        ("nothing", String::new()),
        ("no JWS", "proof".into()),
        ("no signature", format!("{first}.{second}.")),
        ("two parts", format!("{first}.{second}")),
        ("four parts", format!("{proof}.{third}")),
        ("a signature of zeros", format!("{first}.{second}.{zero}")),
        ("the signature of another proof", format!("{first}.{second}.{}", other.rsplit_once('.').unwrap().1)),
        ("padding", format!("{proof}=")),
        ("a space", format!("{first}. {second}.{third}")),
        ("a header that is no object", key.sign("[]", &good().to_string())),
        ("a payload that is no object", key.sign(&header.to_string(), "1")),
        ("a payload that is no JSON", key.sign(&header.to_string(), "{")),
        ("a name twice", key.sign(&header.to_string(), &twice)),
        (
            "an infinite number",
            key.sign(&header.to_string(), &good().to_string().replace("\"iat\":0", "\"iat\":1e400")),
        ),
        ("signed by another key", stranger.sign(&header.to_string(), &good().to_string())),
        ("a right proof of another key", stranger.proof("GET", PROFILE, &nonce, Some(token))),
    ] {
        bad_proof(&profile(&app, token, &proof).await, what);
    }
    let two = app.get("/v1/profile").header("authorization", &format!("DPoP {token}"));
    let two = two.dpop(&sign(&header, &good())).dpop(&sign(&header, &good())).await;
    bad_proof(&two, "two headers");
    profile(&app, token, &sign(&header, &good())).await.ok();
}

/// The page may be behind a dev server's proxy (Vite's `server.proxy`), or be opened as `http://127.0.0.1:8787`.
#[tokio::test]
async fn in_development_a_proof_may_name_any_loopback_host_and_port() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["access_token"].as_str().unwrap();
    let nonce = app.nonce();
    let ask = async |htu: &str| profile(&app, token, &key.proof("GET", htu, &nonce, Some(token))).await;
    for origin in [
        "http://localhost:5173",
        "http://127.0.0.1:8787",
        "http://[::1]:3000",
        "https://localhost",
        "http://app.localhost:4200",
    ] {
        ask(&format!("{origin}/v1/profile")).await.ok();
    }
    for elsewhere in [
        "http://localhost:5173/v1/token",
        "http://localhost:5173/api/v1/profile",
        "http://localhost.evil.example/v1/profile",
        "http://192.168.0.7:8787/v1/profile",
        "http://user@localhost:5173/v1/profile",
        "ws://localhost:5173/v1/profile",
    ] {
        bad_proof(&ask(elsewhere).await, elsewhere);
    }
}

#[tokio::test]
async fn in_development_a_proof_may_name_a_proxy_if_public_url_has_a_path() {
    let app = TestApp::with("public_url = \"http://localhost:8787/auth\"").await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["access_token"].as_str().unwrap();
    let nonce = app.nonce();
    let ask = async |htu: &str| profile(&app, token, &key.proof("GET", htu, &nonce, Some(token))).await;
    ask("http://localhost:5173/auth/v1/profile").await.ok();
    bad_proof(&ask("http://localhost:5173/v1/profile").await, "without the path");
}

#[tokio::test]
async fn a_proof_for_another_address_is_refused_with_public_url_and_the_sent_htu() {
    let log = Log::listen();
    let app = TestApp::production("").await;
    let nonce = app.nonce();
    let key = ProofKey::new();
    let ask = async |htu: Value| {
        let claims = json!({ "jti": "1", "htm": "POST", "htu": htu, "iat": 0, "nonce": nonce });
        let proof = key.sign(&key.header().to_string(), &claims.to_string());
        app.post("/v1/login", json!({ "email": "a@b.example", "password": "x" })).dpop(&proof).await
    };
    for htu in [
        "http://auth.example.com/v1/login",
        "https://localhost:5173/v1/login",
        "https://auth.example.com:8443/v1/login",
        "/v1/login",
        "",
    ] {
        let answer = ask(json!(htu)).await;
        bad_proof(&answer, htu);
        let said = answer.json["detail"].as_str().unwrap().to_owned();
        assert!(
            said.contains("public_url, https://auth.example.com") && said.contains(&format!("\"{htu}\"")),
            "{said}"
        );
        assert!(log.text().contains("public_url, https://auth.example.com"), "{}", log.text());
    }
    ask(json!("https://elsewhere.example/v1/login?token=secret#secret")).await;
    assert!(log.text().contains("https://elsewhere.example/v1/login") && !log.text().contains("secret"));
    let said =
        ask(json!(format!("\u{1b}[2J\r\n\u{202e}{}", "x".repeat(2_000)))).await.json["detail"].to_string();
    assert!(
        said.len() < 600 && said.contains("u{1b}") && !said.contains("\\u001b") && !said.contains('\u{202e}'),
        "{said}"
    );
    for htu in [Value::Null, json!(7)] {
        let answer = ask(htu).await;
        assert_eq!(answer.json["detail"], "htu must be text: the address of the request.");
    }
}

#[tokio::test]
async fn sec_t05_sec_d01_a_proof_has_one_spelling() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["access_token"].as_str().unwrap();
    let proof = key.proof("GET", PROFILE, &app.nonce(), Some(token));
    for (at, letter) in proof.char_indices() {
        // The next letter of the alphabet. As the last letter of a part it can have the same used bits.
        let other = match letter {
            '.' => 'A',
            '_' => '-',
            'Z' => 'a',
            'z' => '0',
            '9' => '-',
            letter => char::from(letter as u8 + 1),
        };
        let mut bent = proof.clone();
        bent.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
        assert_eq!(profile(&app, token, &bent).await.status, 401, "letter {at}");
        assert_eq!(profile(&app, token, &proof[..at]).await.status, 401, "{at} letters");
    }
    profile(&app, token, &proof).await.ok();
}

#[tokio::test]
async fn sec_d06_the_clients_clock_does_not_matter() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["access_token"].as_str().unwrap();
    for iat in [json!(0), json!(-1), json!(1.5), json!(4_102_444_800_i64), json!(u64::MAX)] {
        let mut claims = claims("GET", PROFILE, &app.nonce(), Some(token));
        claims["iat"] = iat;
        profile(&app, token, &key.sign(&key.header().to_string(), &claims.to_string())).await.ok();
    }
}

#[tokio::test]
async fn sec_d01_query_and_fragment_and_spelling_of_the_address_do_not_matter() {
    let app = TestApp::production("").await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["access_token"].as_str().unwrap();
    for address in [
        "https://auth.example.com/v1/profile",
        "https://auth.example.com/v1/profile?x=1#y",
        "HTTPS://Auth.Example.com:443/v1/%70rofile",
    ] {
        let call = app.get("/v1/profile?page=2").header("authorization", &format!("DPoP {token}"));
        call.header("host", "10.0.0.1:8787")
            .dpop(&key.proof("GET", address, &app.nonce(), Some(token)))
            .await
            .ok();
    }
}

#[tokio::test]
async fn a_nonce_can_be_asked_for_before_the_first_proof() {
    let app = TestApp::new().await;
    let answer = app.get("/v1/nonce").header("origin", "http://localhost:3000").await;
    assert!(answer.header("access-control-expose-headers").contains("dpop-nonce"));
    assert_eq!(answer.header("cache-control"), "no-store");
    let nonce = answer.header("dpop-nonce").to_owned();
    app.signup("ada@example.com", "correct horse").await;
    let body = json!({ "email": "ada@example.com", "password": "correct horse" });
    let proof = ProofKey::new().proof("POST", "http://localhost:8787/v1/login", &nonce, None);
    let tokens = app.post("/v1/login", body).dpop(&proof).await.ok();
    assert_eq!(tokens["token_type"], "DPoP");
}

#[tokio::test]
async fn sec_d07_a_proof_without_a_valid_nonce_is_answered_with_a_nonce() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let body = json!({ "email": "ada@example.com", "password": "correct horse" });
    app.signup("ada@example.com", "correct horse").await;
    let login = |nonce: Option<&str>| {
        let mut claims = claims("POST", "http://localhost:8787/v1/login", "", None);
        match nonce {
            Some(nonce) => claims["nonce"] = nonce.into(),
            None => drop(claims.as_object_mut().unwrap().remove("nonce")),
        }
        let call = app.post("/v1/login", body.clone()).header("origin", "http://localhost:3000");
        call.dpop(&key.sign(&key.header().to_string(), &claims.to_string()))
    };
    for bad in [None, Some(""), Some("AAAA"), Some("a nonce of another server")] {
        let answer = login(bad).await;
        let nonce = answer.header("dpop-nonce").to_owned();
        assert_eq!(answer.header("www-authenticate"), "DPoP error=\"use_dpop_nonce\", algs=\"ES256\"");
        assert!(answer.header("access-control-expose-headers").contains("dpop-nonce"));
        answer.refused(401, "USE_DPOP_NONCE");
        let answer = login(Some(&nonce)).await;
        assert_eq!(answer.header("dpop-nonce"), nonce, "every answer has a nonce");
        answer.ok();
    }
    // A refusal counts no try and writes nothing (D-6).
    assert_eq!(app.sql("select count(*) from audit where event = 'sign_in_failed'").await, "0");
    let nonce = app.nonce();
    app.advance(MINUTE);
    login(Some(&nonce)).await.ok();
    assert_ne!(app.nonce(), nonce);
    app.advance(MINUTE);
    login(Some(&nonce)).await.refused(401, "USE_DPOP_NONCE");
    let plain = app.post("/v1/login", body.clone()).await;
    assert_eq!(plain.header("dpop-nonce"), "", "a request without a proof needs no nonce");
}

#[tokio::test]
async fn sec_d07_the_token_endpoint_reports_a_bad_proof_as_an_oauth_error() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let proof = |nonce: &str| key.proof("POST", "http://localhost:8787/v1/token", nonce, None);
    let answer = app.refresh(token).dpop(&proof("old")).await;
    let nonce = answer.header("dpop-nonce").to_owned();
    answer.oauth_error("use_dpop_nonce");
    app.refresh(token)
        .dpop(&key.proof("POST", PROFILE, &nonce, None))
        .await
        .oauth_error("invalid_dpop_proof");
    app.refresh(token).dpop("?").await.oauth_error("invalid_dpop_proof");
    // Errors of the form are reported before errors of the proof.
    let form =
        app.send(Method::POST, "/v1/token", "application/x-www-form-urlencoded", "grant_type=password");
    form.dpop(&proof("old")).await.oauth_error("unsupported_grant_type");
    app.refresh(token).dpop(&proof(&nonce)).await.ok();
}

#[tokio::test]
async fn sec_d07_a_nonce_is_valid_on_every_node_with_the_same_keys() {
    let one = TestApp::production("").await;
    let file = one.folder.path().join("secret_keys");
    let other = TestApp::production(&format!("secret_keys = {:?}", file.to_str().unwrap())).await;
    let stranger = TestApp::production("").await;
    let key = ProofKey::new();
    for (app, status) in [(&one, 401), (&other, 401), (&stranger, 401)] {
        let address = "https://auth.example.com/v1/login";
        let body = json!({ "email": "nobody@example.com", "password": "correct horse" });
        let answer = app.post("/v1/login", body).dpop(&key.proof("POST", address, &one.nonce(), None)).await;
        assert_eq!(answer.status, status);
        let known = answer.json["code"] == "INCORRECT_USERNAME_OR_PASSWORD";
        assert_eq!(known, !std::ptr::eq(app, &stranger), "{}", answer.text);
    }
}

#[tokio::test]
async fn sec_d03_a_bound_token_is_useless_without_its_key() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    assert_eq!(tokens["token_type"], "DPoP");
    let token = &tokens["access_token"];
    let text = token.as_str().unwrap();
    let claims: Value = {
        let payload = text.split('.').nth(1).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
    };
    assert_eq!(claims["cnf"], json!({ "jkt": key.thumbprint() }));
    assert_eq!(app.sql("select key_thumbprint from sessions").await, key.thumbprint());
    let bearer = app.get("/v1/profile").bearer(token).await;
    let challenges: Vec<_> =
        bearer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(challenges.contains(&"DPoP error=\"invalid_token\", algs=\"ES256\""), "{challenges:?}");
    bearer.refused(401, "SESSION_REQUIRED");
    let proof = || key.proof("GET", PROFILE, &app.nonce(), Some(text));
    app.get("/v1/profile").bearer(token).dpop(&proof()).await.refused(401, "SESSION_REQUIRED");
    let naked = app.get("/v1/profile").header("authorization", &format!("DPoP {text}")).await;
    naked.refused(401, "SESSION_REQUIRED");
    app.get("/v1/profile").dpop(&proof()).await.refused(401, "SESSION_REQUIRED");
    for scheme in ["DPoP", "dpop", "DPOP"] {
        let call = app.get("/v1/profile").header("authorization", &format!("{scheme} {text}"));
        call.dpop(&proof()).await.ok();
    }
    let bearer = app.login("ada@example.com", "correct horse").await;
    assert_eq!(bearer["token_type"], "Bearer");
    app.get("/v1/profile").bound(&key, &app, &bearer["access_token"]).await.refused(401, "SESSION_REQUIRED");
}

#[tokio::test]
async fn a_signup_that_signs_in_is_bound_and_its_repetition_needs_the_same_key() {
    let app = TestApp::new().await;
    let (key, other) = (ProofKey::new(), ProofKey::new());
    let body = json!({
        "email": "ada@example.com", "password": "correct horse", "options": { "login": true },
    });
    let signup = |key: &ProofKey| {
        let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
        app.post("/v1/signup", body.clone()).header("idempotency-key", id).proven(key, &app)
    };
    let answer = signup(&key).await.ok();
    assert_eq!(answer["session"]["token_type"], "DPoP");
    let token = &answer["session"]["access_token"];
    app.get("/v1/profile").bound(&key, &app, token).await.ok();
    let again = signup(&key).await.ok();
    assert_eq!(again["session"]["refresh_token"], answer["session"]["refresh_token"]);
    assert_eq!(signup(&other).await.ok().get("session"), None);
    let bare = app.post("/v1/signup", body.clone());
    let bare = bare.header("idempotency-key", "7c9e6679-7425-40de-944b-e07fc1f90ae7").await.ok();
    assert_eq!(bare.get("session"), None);
    assert_eq!(app.sql("select count(*) from sessions").await, "1");
}

#[tokio::test]
async fn with_require_proof_every_sign_in_needs_a_proof() {
    let app = TestApp::with("[session]\nrequire_proof = true").await;
    app.signup("ada@example.com", "correct horse").await;
    let body = json!({ "email": "ada@example.com", "password": "correct horse" });
    app.post("/v1/login", body.clone()).await.refused(401, "INVALID_PROOF");
    let eve =
        json!({ "email": "eve@example.com", "password": "correct horse", "options": { "login": true } });
    app.post("/v1/signup", eve).await.refused(401, "INVALID_PROOF");
    assert_eq!(app.sql("select count(*) from accounts").await, "1");
    assert_eq!(app.sql("select count(*) from audit where event = 'sign_in_failed'").await, "0");
    app.post("/v1/login", body).proven(&ProofKey::new(), &app).await.ok();
}

/// Another library signs a proof that the server accepts, and it verifies a proof of `ProofKey`.
#[tokio::test]
async fn sec_d01_proofs_of_another_library_are_accepted() {
    let app = TestApp::new().await;
    let pair =
        aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING)
            .unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    let signer = EncodingKey::from_ec_der(der.as_ref());
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("dpop+jwt".into());
    header.jwk = Some(Jwk::from_encoding_key(&signer, Algorithm::ES256).unwrap());
    let claims = claims("POST", "http://localhost:8787/v1/login", &app.nonce(), None);
    let proof = encode(&header, &claims, &signer).unwrap();
    app.signup("ada@example.com", "correct horse").await;
    let body = json!({ "email": "ada@example.com", "password": "correct horse" });
    assert_eq!(app.post("/v1/login", body).dpop(&proof).await.ok()["token_type"], "DPoP");
    let key = ProofKey::new();
    let ours = key.proof("GET", PROFILE, "n", None);
    let jwk: Jwk = serde_json::from_value(key.jwk()).unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    let read = decode::<Value>(&ours, &DecodingKey::from_jwk(&jwk).unwrap(), &validation).unwrap();
    assert_eq!(read.claims["htu"], PROFILE);
    assert_eq!(jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(), key.thumbprint());
}

#[tokio::test]
async fn a_bound_access_token_ends_when_a_bearer_token_would() {
    let app = TestApp::new().await;
    let key = ProofKey::new();
    let tokens = app.somebody_with(&key).await;
    app.advance(10 * MINUTE - SECOND);
    app.get("/v1/profile").bound(&key, &app, &tokens["access_token"]).await.ok();
    app.advance(SECOND);
    let late = app.get("/v1/profile").bound(&key, &app, &tokens["access_token"]).await;
    late.refused(401, "SESSION_REQUIRED");
    app.advance(DAY);
    app.refresh_with(&key, &tokens["refresh_token"]).await.ok();
}
