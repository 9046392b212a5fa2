//! OpenID Connect providers: the requests to them, and the checks of their answers.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_providers::{Begun, FlowParameters, Memory, Person, Provider, ProviderAnswer, Refusal};
use serde_json::{Value, json};
use tokio::sync::Notify;
use url::Url;

use crate::post::service::Service;
use crate::support::issuer::{CLIENT, Issuer, Key};
use crate::support::{MINUTE, SECOND, TestApp};

const ADA: &str = "ada@example.com";

/// A server with one provider, `acme`, where Ada has an account.
struct Acme {
    t: TestApp,
    op: Issuer,
}

impl Acme {
    async fn new() -> Acme {
        Acme::with("").await
    }

    async fn with(settings: &str) -> Acme {
        let op = Issuer::start().await;
        Acme::of(op, settings).await
    }

    async fn of(op: Issuer, settings: &str) -> Acme {
        op.person("sub-1", json!({ "email": "Ada@Example.com", "email_verified": true, "name": "Ada" }));
        let t = TestApp::production(&format!("{}{settings}", op.settings("acme"))).await;
        Acme { t, op }
    }

    fn provider(&self) -> &Provider {
        self.t.app.accounts.providers.get("acme").unwrap()
    }

    async fn begin(&self) -> Result<Begun, Refusal> {
        let callback = Url::parse("https://app.example.com/signin").unwrap();
        let asked = FlowParameters { callback: &callback, again: false, locale: None };
        self.provider().begin(&self.t.app.platform.world, &asked).await
    }

    /// Finishes a flow with the address to which the browser came back.
    async fn finish(&self, memory: &Memory, back: &Url) -> Result<Person, Refusal> {
        let of =
            |name: &str| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let (code, iss) = (of("code").unwrap(), of("iss"));
        let answer = ProviderAnswer::Code { code: &code, iss: iss.as_deref(), user: None };
        self.provider().finish(&self.t.app.platform.world, memory, &answer).await
    }

    /// A whole flow, for Ada.
    async fn sign_in(&self) -> Result<Person, Refusal> {
        let begun = self.begin().await?;
        let back = self.op.consent(&begun.url, "sub-1");
        self.finish(&begun.memory, &back).await
    }

    async fn bring(&self, token: &str) -> Result<Person, Refusal> {
        self.provider().of_token(&self.t.app.platform.world, token, None).await
    }
}

#[track_caller]
fn untrusted(answer: Result<Person, Refusal>, why: &str) {
    match answer {
        Err(Refusal::Untrusted(said)) => assert!(said.contains(why), "{said}"),
        other => panic!("{other:?}, not {why}"),
    }
}

#[tokio::test]
async fn sec_h04_a_picture_at_an_internal_address_is_not_fetched() {
    let (acme, inside) = (Acme::new().await, Service::start().await);
    for picture in [inside.url("/me.png"), format!("https://127.0.0.1:{}/me.png", inside.port)] {
        let claims = json!({ "email": ADA, "email_verified": true, "picture": picture });
        acme.op.person("sub-1", claims);
        acme.sign_in().await.unwrap();
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn seed_x14_a_flow_has_state_pkce_and_nonce_and_asks_for_the_account() {
    let acme = Acme::with("parameters = { access_type = \"offline\" }").await;
    let (one, other) = (acme.begin().await.unwrap(), acme.begin().await.unwrap());
    let asked = acme.op.asked(&one.url);
    assert_eq!(asked["redirect_uri"], "https://app.example.com/signin");
    assert_eq!(
        (asked["scope"].as_str(), asked["state"].as_str()),
        ("openid email profile", one.handle.as_str())
    );
    assert_eq!(
        (asked["prompt"].as_str(), asked["access_type"].as_str()),
        ("select_account", "offline"),
        "sec_O09"
    );
    let again = acme.op.asked(&other.url);
    for name in ["state", "nonce", "code_challenge"] {
        assert_ne!(asked[name], again[name], "sec_O01: {name} is new in each flow");
    }
    assert_eq!(format!("{:?}", one.memory), "Memory");
}

#[tokio::test]
async fn a_flow_right_after_a_signup_does_not_ask_for_the_account_again() {
    let acme = Acme::new().await;
    let callback = Url::parse("https://app.example.com/signin").unwrap();
    let asked = FlowParameters { callback: &callback, again: true, locale: Some("de") };
    let begun = acme.provider().begin(&acme.t.app.platform.world, &asked).await.unwrap();
    let asked = acme.op.asked(&begun.url);
    assert_eq!((asked.get("prompt"), asked["ui_locales"].as_str()), (None, "de"));
}

#[tokio::test]
async fn a_provider_that_does_not_know_select_account_asks_for_a_sign_in_instead() {
    let acme = Acme::new().await;
    acme.op.bend_answer("/.well-known/openid-configuration", |mut document| {
        document["prompt_values_supported"] = json!(["none", "login", "consent"]);
        document
    });
    assert_eq!(acme.op.asked(&acme.begin().await.unwrap().url)["prompt"], "login");
    let acme = Acme::with("parameters = { prompt = \"\" }").await;
    assert_eq!(
        acme.op.asked(&acme.begin().await.unwrap().url).get("prompt"),
        None,
        "an empty prompt is left out"
    );
}

#[tokio::test]
async fn a_code_becomes_a_person() {
    for (op, trust) in [(Issuer::start().await, false), (Issuer::with(Key::rsa("r")).await, true)] {
        let acme = Acme::of(op, &format!("trust_email = {trust}")).await;
        let person = acme.sign_in().await.unwrap();
        assert_eq!((person.issuer, person.subject.as_str()), (acme.op.issuer(), "sub-1"));
        assert_eq!((person.email.as_deref(), person.name.as_deref()), (Some(ADA), Some("Ada")));
        assert_eq!(person.vouched, trust, "sec_A02");
        assert_eq!(
            (acme.op.exchanges(), acme.op.calls("/userinfo")),
            (1, 0),
            "the ID token has all claims, so userinfo is not called"
        );
    }
}

#[tokio::test]
async fn sec_h04_a_picture_is_stored_as_an_address_and_not_fetched() {
    let acme = Acme::new().await;
    let picture = acme.op.at("/picture");
    let told = picture.clone();
    acme.op.bend(move |claims, _| claims["picture"] = told.clone().into());
    assert_eq!(acme.sign_in().await.unwrap().profile.picture, Some(picture));
    assert_eq!(acme.op.calls("/picture"), 0);
}

#[tokio::test]
async fn the_client_secret_is_sent_in_the_form_if_the_provider_needs_it() {
    let op = Issuer::start().await;
    op.takes_only_post();
    Acme::of(op, "").await.sign_in().await.unwrap();
    let acme = Acme::with("client_auth = \"post\"").await;
    acme.sign_in().await.unwrap();
}

#[tokio::test]
async fn sec_o04_userinfo_adds_missing_claims_only_for_the_same_subject() {
    let acme = Acme::new().await;
    let lean = |claims: &mut Value, _: &mut Value| {
        for name in ["email", "email_verified", "name"] {
            claims.as_object_mut().unwrap().remove(name);
        }
    };
    acme.op.bend(lean);
    let person = acme.sign_in().await.unwrap();
    assert_eq!((person.email.as_deref(), person.name.as_deref()), (Some(ADA), Some("Ada")));
    acme.op.bend_answer("/userinfo", |mut claims| {
        claims["sub"] = "sub-2".into();
        claims
    });
    untrusted(acme.sign_in().await, "about another user");
    acme.op.bend_answer("/userinfo", |_| json!({ "email": ADA }));
    untrusted(acme.sign_in().await, "about another user");
    // The ID token identifies the person, so a failure of userinfo does not stop the sign-in.
    acme.op.bend_answer("/userinfo", |_| "x".repeat(64 * 1024 + 1).into());
    let person = acme.sign_in().await.unwrap();
    assert_eq!((person.subject.as_str(), person.email), ("sub-1", None));
}

#[tokio::test]
async fn sec_a02_email_verified_does_not_count_for_another_address() {
    let acme = Acme::with("trust_email = true").await;
    acme.op.bend(|claims, _| {
        claims.as_object_mut().unwrap().remove("name");
        claims["email"] = "victim@example.com".into();
        claims.as_object_mut().unwrap().remove("email_verified");
    });
    let person = acme.sign_in().await.unwrap();
    assert_eq!((person.email.as_deref(), person.vouched), (Some("victim@example.com"), false));
    for said in [json!(false), json!("yes"), json!(null), json!(0)] {
        acme.op.bend(move |claims, _| claims["email_verified"] = said.clone());
        assert!(!acme.sign_in().await.unwrap().vouched);
    }
    acme.op.bend(|claims, _| claims["email"] = "ada@example.com,eve@example.com".into());
    let person = acme.sign_in().await.unwrap();
    assert_eq!((person.email, person.vouched), (None, false), "sec_A06");
}

#[tokio::test]
async fn sec_o03_an_answer_of_another_issuer_is_refused_before_its_code_is_sent() {
    let acme = Acme::new().await;
    let begun = acme.begin().await.unwrap();
    let back = acme.op.consent(&begun.url, "sub-1");
    for iss in ["&iss=https%3A%2F%2Fevil.example", "&iss=", ""] {
        let mut bent = back.clone();
        let query = bent.query().unwrap().split("&iss=").next().unwrap().to_owned() + iss;
        bent.set_query(Some(&query));
        let answer = acme.finish(&begun.memory, &bent).await;
        let Err(Refusal::Mismatch(why)) = answer else { panic!("{iss}: {answer:?}") };
        assert_eq!(why.contains("must contain the parameter iss"), iss.is_empty(), "{why}");
    }
    assert_eq!(acme.op.calls("/token"), 0);
    acme.finish(&begun.memory, &back).await.unwrap();
}

#[tokio::test]
async fn sec_o06_a_code_works_once_and_only_with_its_own_flow() {
    let acme = Acme::new().await;
    let (one, other) = (acme.begin().await.unwrap(), acme.begin().await.unwrap());
    let back = acme.op.consent(&one.url, "sub-1");
    assert!(
        matches!(acme.finish(&other.memory, &back).await, Err(Refusal::Reused)),
        "sec_O01: the verifier of the other flow"
    );
    acme.finish(&one.memory, &back).await.unwrap();
    assert!(matches!(acme.finish(&one.memory, &back).await, Err(Refusal::Reused)), "seed_M50");
    assert_eq!(acme.op.exchanges(), 1);
}

/// Changes claims and header.
type Bend = fn(&mut Value, &mut Value);

/// Bad claims and headers: those of the OpenID conformance suite for clients, and more.
fn bad_tokens() -> Vec<(&'static str, &'static str, Bend)> {
    vec![
        ("another issuer", "iss", |claims, _| claims["iss"] = "https://evil.example".into()),
        ("no issuer", "iss", |claims, _| claims["iss"] = Value::Null),
        ("two issuers", "iss", |claims, _| claims["iss"] = json!([claims["iss"], "https://evil.example"])),
        ("another audience", "aud", |claims, _| claims["aud"] = "somebody else".into()),
        ("no audience", "aud", |claims, _| claims["aud"] = json!([])),
        ("a further audience", "aud", |claims, _| {
            claims["aud"] = json!([CLIENT, "somebody else"]);
            claims["azp"] = CLIENT.into();
        }),
        ("another party", "azp", |claims, _| claims["azp"] = "somebody else".into()),
        ("expired", "exp", |claims, _| claims["exp"] = (claims["iat"].as_i64().unwrap() - 61).into()),
        ("no end", "exp", |claims, _| claims["exp"] = Value::Null),
        ("an end that is text", "exp", |claims, _| claims["exp"] = "9999999999".into()),
        ("from the future", "iat", |claims, _| claims["iat"] = (claims["iat"].as_i64().unwrap() + 61).into()),
        ("no beginning", "iat", |claims, _| {
            claims.as_object_mut().unwrap().remove("iat");
        }),
        ("not good yet", "nbf", |claims, _| claims["nbf"] = (claims["iat"].as_i64().unwrap() + 61).into()),
        ("no subject", "sub", |claims, _| {
            claims.as_object_mut().unwrap().remove("sub");
        }),
        ("an empty subject", "sub", |claims, _| claims["sub"] = "".into()),
        ("a subject that is a number", "sub", |claims, _| claims["sub"] = 1.into()),
        ("a long subject", "sub", |claims, _| claims["sub"] = "x".repeat(256).into()),
        ("another access token's hash", "at_hash", |claims, _| claims["at_hash"] = "x".repeat(22).into()),
        ("another type", "typ", |_, header| header["typ"] = "at+jwt".into()),
        ("something critical", "crit", |_, header| header["crit"] = json!(["b64"])),
        ("no algorithm", "alg", |_, header| header["alg"] = "none".into()),
        ("another algorithm", "alg", |_, header| header["alg"] = "RS256".into()),
        ("an unknown key", "kid", |_, header| header["kid"] = "nobody's".into()),
    ]
}

#[tokio::test]
async fn sec_o04_a_bad_id_token_is_refused() {
    let acme = Acme::with("accept_tokens = true").await;
    acme.sign_in().await.unwrap();
    for (what, claim, bend) in bad_tokens() {
        acme.op.bend(bend);
        let answer = acme.sign_in().await;
        assert!(matches!(answer, Err(Refusal::Untrusted(_))), "{what}: {answer:?}");
        // An app sends no access token with its ID token, so `at_hash` is not checked.
        if claim != "at_hash" {
            let answer = acme.bring(&acme.op.id_token("sub-1", None)).await;
            assert!(matches!(answer, Err(Refusal::Untrusted(_))), "{what}: {answer:?}");
        }
        acme.op.straighten();
    }
    for nonce in [json!("another"), json!(""), Value::Null, json!(7)] {
        acme.op.bend(move |claims, _| claims["nonce"] = nonce.clone());
        assert!(matches!(acme.sign_in().await, Err(Refusal::Mismatch(_))));
    }
    acme.op.straighten();
    acme.sign_in().await.unwrap();
}

#[tokio::test]
async fn sec_o04_a_token_without_a_good_signature_is_refused() {
    // With RSA the public key could serve as the secret of an HMAC.
    let key = Key::rsa("r");
    let public = key.jwk();
    let acme = Acme::of(Issuer::with(key).await, "").await;
    acme.sign_in().await.unwrap();
    let part = |token: &str, at: usize| token.split('.').nth(at).unwrap().to_owned();
    let header = |alg: &str| URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "kid": "r" }).to_string());
    acme.op.bend_token(move |token| format!("{}.{}.", header("none"), part(&token, 1)));
    untrusted(acme.sign_in().await, "algorithm is not known");
    for secret in [public["n"].as_str().unwrap().to_owned(), public.to_string()] {
        acme.op.bend_token(move |token| {
            let message = format!("{}.{}", header("HS256"), part(&token, 1));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), message.as_bytes());
            format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
        });
        untrusted(acme.sign_in().await, "algorithm that is not accepted");
    }
    acme.op.bend_token(|token| {
        let flipped = if token.ends_with('A') { "g" } else { "A" };
        format!("{}{flipped}", &token[..token.len() - 1])
    });
    untrusted(acme.sign_in().await, "signature");
    let stranger = Arc::new(Key::other_rsa("r"));
    acme.op.bend_token(move |token| {
        let claims = URL_SAFE_NO_PAD.decode(part(&token, 1)).unwrap();
        let header = json!({ "alg": "RS256", "kid": "r", "jwk": stranger.jwk() });
        stranger.sign(&header, &serde_json::from_slice(&claims).unwrap())
    });
    untrusted(acme.sign_in().await, "signature");
    for text in ["", "a.b.c", "e30.e30.", "not a token"] {
        acme.op.bend_token(move |_| text.to_owned());
        assert!(matches!(acme.sign_in().await, Err(Refusal::Untrusted(_))), "{text}");
    }
    acme.op.bend_token(move |token| {
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(part(&token, 1)).unwrap()).unwrap();
        let twice = claims.replacen('{', "{\"sub\":\"sub-2\",", 1);
        format!("{}.{}.{}", part(&token, 0), URL_SAFE_NO_PAD.encode(twice), part(&token, 2))
    });
    untrusted(acme.sign_in().await, "not a signed JWT");
    acme.op.straighten();
    acme.sign_in().await.unwrap();
}

#[tokio::test]
async fn sec_o04_a_token_without_kid_is_accepted_only_if_one_key_fits() {
    let acme = Acme::new().await;
    acme.op.bend(|_, header| {
        header.as_object_mut().unwrap().remove("kid");
    });
    acme.sign_in().await.unwrap();
    acme.t.advance(2 * 60 * MINUTE);
    acme.op.add_key(Key::ec("another"));
    untrusted(acme.sign_in().await, "which of the provider's keys");
}

#[tokio::test]
async fn a_changed_key_is_fetched_at_once() {
    let acme = Acme::new().await;
    acme.sign_in().await.unwrap();
    acme.sign_in().await.unwrap();
    assert_eq!((acme.op.calls("/keys"), acme.op.calls("/.well-known/openid-configuration")), (1, 1));
    acme.op.rotate_keys();
    acme.sign_in().await.unwrap();
    assert_eq!(acme.op.calls("/keys"), 2);
}

#[tokio::test]
async fn sec_o10_a_thousand_tokens_with_unknown_keys_cost_the_provider_two_fetches_a_minute() {
    let acme = Acme::with("accept_tokens = true").await;
    for count in 0..1000 {
        acme.op.bend(move |_, header| header["kid"] = format!("key of chance {count}").into());
        untrusted(acme.bring(&acme.op.id_token("sub-1", None)).await, "does not have");
    }
    assert_eq!(acme.op.calls("/keys"), 2);
    acme.t.advance(MINUTE + SECOND);
    untrusted(acme.bring(&acme.op.id_token("sub-1", None)).await, "does not have");
    assert_eq!(acme.op.calls("/keys"), 3);
    acme.op.straighten();
    acme.bring(&acme.op.id_token("sub-1", None)).await.unwrap();
}

/// ZITADEL adds the client's project to `aud`, and a mapper of Keycloak adds any configured client (OpenID Connect Core
/// §3.1.3.7).
#[tokio::test]
async fn an_id_token_for_several_audiences_is_accepted_if_all_others_are_listed() {
    let acme = Acme::with("accept_tokens = true\naudiences = [\"project\", \"api\"]").await;
    let ours = json!(CLIENT);
    for (aud, azp, good) in [
        (json!([CLIENT, "project"]), &ours, true),
        (json!(["project", CLIENT, "api"]), &ours, true),
        (json!([CLIENT]), &Value::Null, true),
        (json!([CLIENT, CLIENT]), &ours, true),
        (json!([CLIENT, "project", "unlisted"]), &ours, false),
        (json!([CLIENT, "project"]), &json!("project"), false),
        (json!([CLIENT, "project"]), &json!("unlisted"), false),
        (json!([CLIENT, "project"]), &json!([CLIENT]), false),
        (json!([CLIENT, "project"]), &Value::Null, false),
        (json!(CLIENT), &json!("project"), false),
        (json!(["project"]), &ours, false),
        (json!("project"), &ours, false),
        (json!([CLIENT, 7]), &ours, false),
        (json!([]), &ours, false),
    ] {
        let (said, party) = (aud.clone(), azp.clone());
        acme.op.bend(move |claims, _| {
            claims["aud"] = said.clone();
            if !party.is_null() {
                claims["azp"] = party.clone();
            }
        });
        let answer = acme.sign_in().await;
        assert_eq!(answer.is_ok(), good, "{aud} {azp}: {answer:?}");
        assert!(good || matches!(answer, Err(Refusal::Untrusted(_))), "{aud} {azp}: {answer:?}");
        if good {
            acme.bring(&acme.op.id_token("sub-1", None)).await.unwrap();
        }
    }
    // The `azp` of a token may be a phone app that got the token for doorward's client.
    acme.op.bend(|claims, _| (claims["aud"], claims["azp"]) = (json!([CLIENT, "project"]), "api".into()));
    acme.bring(&acme.op.id_token("sub-1", None)).await.unwrap();
    acme.op.bend(|claims, _| (claims["aud"], claims["azp"]) = (json!([CLIENT, "unlisted"]), "api".into()));
    untrusted(acme.bring(&acme.op.id_token("sub-1", None)).await, "another audience");
}

#[tokio::test]
async fn sec_o05_a_token_sent_by_an_app_must_be_for_us_or_a_listed_audience() {
    let acme = Acme::with("accept_tokens = true\naudiences = [\"our phone app\"]").await;
    assert!(acme.provider().takes_tokens());
    acme.bring(&acme.op.id_token("sub-1", Some("unasked"))).await.unwrap();
    let token = acme.op.id_token("sub-1", Some("n"));
    let world = &acme.t.app.platform.world;
    acme.provider().of_token(world, &token, Some("n")).await.unwrap();
    let answer = acme.provider().of_token(world, &token, Some("m")).await;
    assert!(matches!(answer, Err(Refusal::Mismatch(_))), "{answer:?}");
    acme.op.bend(|claims, _| claims["aud"] = "our phone app".into());
    acme.bring(&acme.op.id_token("sub-1", None)).await.unwrap();
    untrusted(acme.sign_in().await, "another audience");
    acme.op.bend(|claims, _| claims["aud"] = "a stranger's app".into());
    untrusted(acme.bring(&acme.op.id_token("sub-1", None)).await, "another audience");
    acme.op.straighten();
    let stranger = Issuer::start().await;
    stranger.person("sub-1", json!({}));
    untrusted(acme.bring(&stranger.id_token("sub-1", None)).await, "another issuer");
    assert_eq!(stranger.calls("/keys"), 0);
    assert!(!Acme::new().await.provider().takes_tokens(), "off by default");
}

#[tokio::test]
async fn an_unreachable_or_broken_provider_is_reported_as_such() {
    let acme = Acme::new().await;
    acme.op.is_down(true);
    assert!(matches!(acme.begin().await, Err(Refusal::Unreachable(_))));
    acme.op.is_down(false);
    let begun = acme.begin().await.unwrap();
    let back = acme.op.consent(&begun.url, "sub-1");
    acme.op.is_down(true);
    assert!(matches!(acme.finish(&begun.memory, &back).await, Err(Refusal::Unreachable(_))));
    acme.op.is_down(false);
    acme.finish(&begun.memory, &back).await.unwrap();
    for answer in
        [json!("<html>"), json!([]), json!({ "error": "Hi <b>there</b>" }), json!("x".repeat(70_000))]
    {
        acme.op.bend_answer("/token", move |_| answer.clone());
        let said = acme.sign_in().await;
        assert!(matches!(said, Err(Refusal::Unreachable(_))), "{said:?}");
    }
    acme.op.bend_answer("/token", |_| json!({ "access_token": "x" }));
    assert!(matches!(acme.sign_in().await, Err(Refusal::Setup(_))), "no ID token");
}

#[tokio::test]
async fn discovery_is_retried_once_and_a_code_exchange_is_not_retried() {
    let acme = Acme::new().await;
    acme.op.drops(1);
    let begun = acme.begin().await.unwrap();
    let back = acme.op.consent(&begun.url, "sub-1");
    acme.op.drops(1);
    assert!(matches!(acme.finish(&begun.memory, &back).await, Err(Refusal::Unreachable(_))));
    assert_eq!(acme.op.calls("/token"), 0);
    let acme = Acme::new().await;
    acme.op.drops(2);
    assert!(matches!(acme.begin().await, Err(Refusal::Unreachable(_))), "only one retry");
}

#[tokio::test]
async fn a_key_set_may_be_long_but_has_a_size_limit() {
    for (bytes, fits) in [(200 * 1024, true), (257 * 1024, false)] {
        let acme = Acme::new().await;
        acme.op.bend_answer("/keys", move |mut keys| {
            keys["x5c"] = "x".repeat(bytes).into();
            keys
        });
        assert_eq!(acme.sign_in().await.is_ok(), fits, "{bytes}");
    }
}

#[tokio::test]
async fn simultaneous_requests_share_one_wait_for_a_provider_that_is_down() {
    let acme = Arc::new(Acme::with("timeout = \"1s\"").await);
    acme.op.hold("/.well-known/openid-configuration", Arc::new(Notify::new()));
    let begun = std::time::Instant::now();
    let waiting = (0..20).map(|_| {
        let acme = acme.clone();
        tokio::spawn(async move { acme.begin().await.is_err() })
    });
    for refused in futures_util::future::join_all(waiting).await {
        assert!(refused.unwrap());
    }
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    assert_eq!(acme.op.calls("/.well-known/openid-configuration"), 1);
}

#[tokio::test]
async fn an_old_key_set_is_used_for_a_day_while_the_provider_is_down() {
    let acme = Acme::with("accept_tokens = true").await;
    let token = acme.op.id_token("sub-1", None);
    acme.bring(&token).await.unwrap();
    acme.op.is_down(true);
    acme.t.advance(23 * 60 * MINUTE);
    acme.bring(&token).await.unwrap();
    acme.t.advance(2 * 60 * MINUTE);
    assert!(matches!(acme.bring(&token).await, Err(Refusal::Unreachable(_))));
    acme.op.is_down(false);
    acme.bring(&token).await.unwrap();
}

#[tokio::test]
async fn a_slow_provider_is_waited_for_only_until_the_timeout() {
    let acme = Acme::with("timeout = \"1s\"").await;
    let begun = acme.begin().await.unwrap();
    let back = acme.op.consent(&begun.url, "sub-1");
    acme.op.answer_slowly_until(Arc::new(Notify::new()));
    assert!(matches!(acme.finish(&begun.memory, &back).await, Err(Refusal::Unreachable(_))));
    assert_eq!(acme.op.calls("/token"), 1, "a code is never sent twice");
}

#[tokio::test]
async fn a_wrong_client_secret_is_reported_as_a_setup_error() {
    let op = Issuer::start().await;
    op.person("sub-1", json!({}));
    let settings = op.settings("acme").replace("s3cret", "stale");
    let acme = Acme { t: TestApp::production(&settings).await, op };
    match acme.sign_in().await {
        Err(Refusal::Setup(said)) => assert!(said.ends_with("invalid_client"), "{said}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sec_o10_a_discovery_document_of_another_issuer_is_refused() {
    let acme = Acme::new().await;
    acme.op.bend_answer("/.well-known/openid-configuration", |mut document| {
        document["issuer"] = "https://evil.example".into();
        document
    });
    assert!(matches!(acme.begin().await, Err(Refusal::Setup(_))));
    let elsewhere = Issuer::start().await;
    let there = elsewhere.at("/token");
    acme.op.bend_answer("/.well-known/openid-configuration", move |mut document| {
        document["token_endpoint"] = there.clone().into();
        document
    });
    assert!(matches!(acme.begin().await, Err(Refusal::Setup(_))), "sec_H01");
    acme.op.straighten();
    acme.sign_in().await.unwrap();
}

#[tokio::test]
async fn sec_o07_only_a_callback_on_the_list_is_admitted() {
    let acme = Acme::new().await;
    let admits = |text: &str| Url::parse(text).is_ok_and(|url| acme.provider().admits(&url));
    assert!(admits("https://app.example.com/signin") && admits("HTTPS://APP.example.com:443/./signin"));
    for text in [
        "",
        "/",
        "/signin",
        "//app.example.com/signin",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example/signin",
        "https:\\\\evil.example",
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/signin/",
        "https://app.example.com//signin",
        "https://app.example.com/signin//",
        "https://app.example.com/signin?",
        "https://app.example.com/signin?x",
        "https://app.example.com/signin?next=https://evil.example",
        "https://app.example.com/signin#",
        "https://app.example.com/signin#x",
        "https://app.example.com/signin;x",
        "https://app.example.com/signin/..;/",
        "https://app.example.com/Signin",
        "https://app.example.com/SIGNIN",
        "https://app.example.com/signin/..",
        "https://app.example.com/signin/../evil",
        "https://app.example.com/signin/%2e%2e/evil",
        "https://app.example.com/signin/%2E%2E/",
        "https://app.example.com/%2f%2e%2e",
        "https://app.example.com/signin%2f",
        "https://app.example.com/signin%00",
        "https://app.example.com/signin%0d%0aLocation:%20https://evil.example",
        "https://app.example.com/signin%20",
        "https://app.example.com/%73ignin",
        "https://app.example.com/sign%69n",
        "https://app.example.com:444/signin",
        "https://app.example.com:80/signin",
        "https://app.example.com:8443/signin",
        "https://app.example.com./signin",
        "http://app.example.com/signin",
        "http://app.example.com:443/signin",
        "wss://app.example.com/signin",
        "ftp://app.example.com/signin",
        "https://u@app.example.com/signin",
        "https://u:p@app.example.com/signin",
        "https://:p@app.example.com/signin",
        "https://app.example.com@evil.example/signin",
        "https://app.example.com:443@evil.example/signin",
        "https://app.example.com@evil.example@app.example.com/signin",
        "https://app.example.com%40evil.example/signin",
        "https://app.example.com\\@evil.example/signin",
        "https://evil.example\\@app.example.com/signin",
        "https://evil.example/https://app.example.com/signin",
        "https://evil.example/?https://app.example.com/signin",
        "https://evil.example/#https://app.example.com/signin",
        "https://app.example.com.evil.example/signin",
        "https://evil-app.example.com/signin",
        "https://xapp.example.com/signin",
        "https://example.com/signin",
        "https://x.app.example.com/signin",
        "https://app.examp1e.com/signin",
        "https://\u{430}pp.example.com/signin",
        "https://app.example.com\u{2024}evil.example/signin",
        "https://app\u{3002}example\u{3002}com.evil.example/signin",
        "https://evil.example/signin",
        "https://2130706433/signin",
        "https://127.0.0.1/signin",
        "https://[::1]/signin",
        "https://[::ffff:127.0.0.1]/signin",
        "https://0x7f.1/signin",
        "http://localhost/signin",
        "http://localhost:3000/signin",
        "javascript:alert(1)",
        "javascript://app.example.com/signin%0aalert(1)",
        "java\tscript:alert(1)",
        "data:text/html,x",
        "file:///signin",
        "blob:https://app.example.com/signin",
        "about:blank",
        "com.example.app:/signin",
    ] {
        assert!(!admits(text), "{text}");
    }
    let t = TestApp::with(&acme.op.settings("acme")).await;
    let provider = t.app.accounts.providers.get("acme").unwrap();
    let admits = |text: &str| provider.admits(&Url::parse(text).unwrap());
    assert!(admits("http://localhost:3000/anywhere") && !admits("http://localhost.evil.example/"), "--dev");
}
