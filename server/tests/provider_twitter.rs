//! A stand-in for Twitter/X, as it documents itself: OAuth 2 with `/2/users/me`, and OAuth 1.0a with signatures that
//! are checked here.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::clock::Clock;
use doorward_providers::{Begun, Person, ProviderAnswer, Refusal};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::support::browser::{Browser, back_at, page_of};
use crate::support::proof::hash;
use crate::support::stand_in::{Said, StandIn, Taken, asked, json as answer};
use crate::support::{NEW_YEAR, TestApp};

const CLIENT: &str = "V1ROclFTMTRiVWhwTWw4M2FVNWFkVGQyTldNNk1UcGphUQ";
const KEY: &str = "cChZNFj6T5R0TigYB9yd1w";
const SECRET: &str = "L8qq9PZyRg6ieKGEKhZolGC0vJWLw8iEJ88DRdyOg";
const CALLBACK: &str = "https://app.example.com/signin";
const ID: &str = "2244994945";
const VERIFIER: &str = "uw7NjWHT6OJ1MpJOXsHfNxoAhPKpgI8BlYDhxEjIBY";

struct Twitter {
    port: u16,
    /// In seconds.
    now: i64,
    challenge: String,
    email: Option<&'static str>,
    /// Other answers of endpoints, by request line.
    instead: HashMap<&'static str, Said>,
    /// The used nonces of OAuth 1.0a.
    seen: BTreeSet<String>,
    used: bool,
}

struct World {
    t: TestApp,
    vendor: StandIn,
    twitter: Arc<Mutex<Twitter>>,
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

impl Twitter {
    /// Returns the parameters of a signed request. Panics if the signature is wrong.
    fn signed(&mut self, taken: &Taken, token_secret: &str) -> HashMap<String, String> {
        let header = taken.header("authorization").strip_prefix("OAuth ").unwrap();
        let mut own = HashMap::new();
        for pair in header.split(", ") {
            let (name, value) = pair.split_once('=').unwrap();
            let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap();
            let value = percent_decode_str(value).decode_utf8().unwrap().into_owned();
            assert_eq!(own.insert(name.to_owned(), value), None, "{name} occurs twice");
        }
        assert_eq!((own["oauth_consumer_key"].as_str(), own["oauth_version"].as_str()), (KEY, "1.0"));
        assert_eq!(own["oauth_signature_method"], "HMAC-SHA1");
        assert_eq!(own["oauth_timestamp"], self.now.to_string());
        assert!(self.seen.insert(own["oauth_nonce"].clone()), "a nonce is used once");
        let signature = own.remove("oauth_signature").unwrap();
        let mut pairs: Vec<String> = [&own, &taken.query, &taken.form]
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        pairs.sort();
        let (method, path) = taken.line.split_once(' ').unwrap();
        let address = format!("http://127.0.0.1:{}{path}", self.port);
        let base = format!("{method}&{}&{}", encode(&address), encode(&pairs.join("&")));
        let key = format!("{SECRET}&{token_secret}");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        assert_eq!(signature, STANDARD.encode(hmac::sign(&key, base.as_bytes())), "{base}");
        own
    }

    fn say(&mut self, taken: &Taken) -> Said {
        if let Some(said) = self.instead.get(taken.line.as_str()) {
            return said.clone();
        }
        match taken.line.as_str() {
            "POST /2/oauth2/token" => {
                let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
                assert_eq!(taken.header("authorization"), basic, "a confidential client");
                let form = &taken.form;
                assert_eq!(
                    (form["grant_type"].as_str(), form["redirect_uri"].as_str()),
                    ("authorization_code", CALLBACK)
                );
                if std::mem::replace(&mut self.used, true) || hash(&form["code_verifier"]) != self.challenge {
                    let said = "Value passed for the authorization code was invalid.";
                    return answer(400, json!({ "error": "invalid_request", "error_description": said }));
                }
                answer(
                    200,
                    json!({ "token_type": "bearer", "expires_in": 7200, "access_token": "bearer of ada",
                    "scope": "users.email users.read tweet.read" }),
                )
            }
            "GET /2/users/me" => {
                assert_eq!(taken.header("authorization"), "Bearer bearer of ada");
                assert!(taken.query["user.fields"].split(',').any(|field| field == "confirmed_email"));
                let mut data = json!({ "id": ID, "name": "Ada Lovelace", "username": "ada",
                    "profile_image_url": "https://pbs.twimg.com/profile_images/1/ada_normal.jpg" });
                if let Some(email) = self.email {
                    data["confirmed_email"] = email.into();
                }
                answer(200, json!({ "data": data }))
            }
            "POST /oauth/request_token" => {
                let own = self.signed(taken, "");
                assert!(own["oauth_callback"].starts_with(CALLBACK));
                let said = format!(
                    "oauth_token=NPcudxy0yU5T3tBzho7iCotZ3cnetKwcTIRlX0iwRl{}\
                     &oauth_token_secret=veNRnAWe6inFuo8o2u8SLLZLjolYDmDP7SzL0YfYI&oauth_callback_confirmed=true",
                    self.seen.len()
                );
                (200, said)
            }
            "POST /oauth/access_token" => {
                let own = self.signed(taken, "veNRnAWe6inFuo8o2u8SLLZLjolYDmDP7SzL0YfYI");
                assert!(own["oauth_token"].starts_with("NPcudxy0yU5T3tBzho7iCotZ3cnetKwcTIRlX0iwRl"));
                assert_eq!(taken.form["oauth_verifier"], VERIFIER);
                if std::mem::replace(&mut self.used, true) {
                    return (401, "Invalid request token.".into());
                }
                let said = format!(
                    "oauth_token={ID}-abc&oauth_token_secret=PbKfYqSryyeKDWz4ebtY3o5ogNLG11WJuZBc9fQrQo\
                                    &user_id={ID}&screen_name=ada"
                );
                (200, said)
            }
            "GET /1.1/account/verify_credentials.json" => {
                let own = self.signed(taken, "PbKfYqSryyeKDWz4ebtY3o5ogNLG11WJuZBc9fQrQo");
                assert_eq!(own["oauth_token"], format!("{ID}-abc"));
                assert_eq!(taken.query["include_email"], "true");
                let mut user = json!({ "id": 2_244_994_945_u64, "id_str": ID, "name": "Ada Lovelace", "screen_name": "ada",
                    "profile_image_url_https": "https://pbs.twimg.com/profile_images/1/ada_normal.jpg" });
                user["email"] = self.email.map_or(Value::Null, Value::from);
                answer(200, user)
            }
            other => panic!("Twitter has no {other}"),
        }
    }
}

/// The section of a provider in the settings.
fn section(name: &str, kind: &str, vendor: &StandIn) -> String {
    let (id, paths) = match kind {
        "twitter" => (CLIENT, ["", "/2/oauth2/token", "/2/users/me"]),
        _ => (KEY, ["/oauth/request_token", "/oauth/access_token", "/1.1/account/verify_credentials.json"]),
    };
    let mut text = format!(
        "[providers.{name}]\nkind = \"{kind}\"\nclient_id = \"{id}\"\nclient_secret = \"{SECRET}\"\n\
         callbacks = [\"{}\"]\n",
        page_of(name)
    );
    for (key, path) in
        ["request_token", "token", "userinfo"].into_iter().zip(paths).filter(|(_, path)| !path.is_empty())
    {
        text += &format!("{key}_endpoint = \"{}\"\n", vendor.at(path));
    }
    text
}

async fn world(more: &str) -> World {
    let twitter = Twitter {
        port: 0,
        now: NEW_YEAR / 1000,
        challenge: String::new(),
        email: Some("ada@example.com"),
        instead: HashMap::new(),
        seen: BTreeSet::new(),
        used: false,
    };
    let twitter = Arc::new(Mutex::new(twitter));
    let vendor = {
        let twitter = twitter.clone();
        StandIn::start(move |taken| twitter.lock().unwrap().say(taken)).await
    };
    twitter.lock().unwrap().port = vendor.port;
    let (two, one) =
        (section("twitter", "twitter", &vendor), section("twitter_oauth1", "twitter_oauth1", &vendor));
    let t = TestApp::production(&format!("{two}{more}\n{one}{more}")).await;
    World { t, vendor, twitter }
}

impl World {
    fn twitter(&self) -> std::sync::MutexGuard<'_, Twitter> {
        self.twitter.lock().unwrap()
    }

    /// Signs in by OAuth 2.
    async fn sign_in(&self) -> Result<Person, Refusal> {
        let begun = self.t.begin("twitter").await?;
        self.twitter().challenge = asked(&begun)["code_challenge"].clone();
        self.twitter().used = false;
        self.t.finish("twitter", &begun.memory, "code", None).await
    }

    /// Signs in by OAuth 1.0a.
    async fn sign_in_1(&self) -> Result<Person, Refusal> {
        let begun = self.t.begin("twitter_oauth1").await?;
        self.twitter().used = false;
        self.verify(&begun, &begun.handle).await
    }

    async fn verify(&self, begun: &Begun, token: &str) -> Result<Person, Refusal> {
        let answer = ProviderAnswer::Verifier { token, verifier: VERIFIER };
        let provider = self.t.app.accounts.providers.get("twitter_oauth1").unwrap();
        provider.finish(&self.t.app.platform.world, &begun.memory, &answer).await
    }
}

#[tokio::test]
async fn seed_m62_a_code_of_twitter_becomes_a_person() {
    let w = world("").await;
    let begun = w.t.begin("twitter").await.unwrap();
    assert!(begun.url.as_str().starts_with("https://x.com/i/oauth2/authorize?"), "{}", begun.url);
    let asked = asked(&begun);
    assert_eq!(
        (asked["scope"].as_str(), asked["code_challenge_method"].as_str()),
        ("users.read tweet.read users.email", "S256")
    );
    assert_eq!((asked["redirect_uri"].as_str(), asked["state"].as_str()), (CALLBACK, begun.handle.as_str()));
    let person = w.sign_in().await.unwrap();
    assert_eq!((person.subject.as_str(), person.email.as_deref()), (ID, Some("ada@example.com")));
    assert!(!person.vouched, "only if the operator trusts X about addresses");
    assert_eq!(person.profile.preferred_username.as_deref(), Some("ada"));
    assert_eq!(w.vendor.lines(), ["POST /2/oauth2/token", "GET /2/users/me"], "sec_H04");
}

#[tokio::test]
async fn seed_m62_oauth_2_and_oauth_1_identify_the_same_person() {
    let w = world("trust_email = true").await;
    let (one, other) = (w.sign_in().await.unwrap(), w.sign_in_1().await.unwrap());
    assert_eq!((&one.issuer, &one.subject), (&other.issuer, &other.subject));
    assert_eq!((&one.email, &one.name, one.vouched), (&other.email, &other.name, other.vouched));
    assert!(one.vouched, "X sends only confirmed addresses");
    w.twitter().email = None;
    for person in [w.sign_in().await.unwrap(), w.sign_in_1().await.unwrap()] {
        assert_eq!((person.email, person.vouched), (None, false), "E-mail may be absent");
    }
}

#[tokio::test]
async fn seed_m39_a_verifier_of_twitter_becomes_a_person_by_three_signed_requests() {
    let w = world("").await;
    let begun = w.t.begin("twitter_oauth1").await.unwrap();
    assert!(begun.url.as_str().starts_with("https://api.x.com/oauth/authenticate?"), "{}", begun.url);
    let asked = asked(&begun);
    assert_eq!(
        (asked["oauth_token"].as_str(), asked["force_login"].as_str()),
        (begun.handle.as_str(), "true")
    );
    let person = w.verify(&begun, &begun.handle).await.unwrap();
    assert_eq!((person.issuer.as_str(), person.subject.as_str()), ("https://x.com", ID));
    let lines =
        ["POST /oauth/request_token", "POST /oauth/access_token", "GET /1.1/account/verify_credentials.json"];
    assert_eq!(w.vendor.lines(), lines);
    assert!(matches!(w.verify(&begun, &begun.handle).await, Err(Refusal::Reused)), "seed_M49");
    let other = w.verify(&begun, "another request token").await;
    assert!(matches!(other, Err(Refusal::Mismatch(_))), "{other:?}");
    let code = w.t.finish("twitter_oauth1", &begun.memory, "code", None).await;
    assert!(matches!(code, Err(Refusal::Mismatch(_))), "no answer of OAuth 2 ends a flow of OAuth 1.0a");
}

#[tokio::test]
async fn seed_m50_a_code_of_twitter_works_once() {
    let w = world("").await;
    w.sign_in().await.unwrap();
    let begun = w.t.begin("twitter").await.unwrap();
    assert!(matches!(w.t.finish("twitter", &begun.memory, "code", None).await, Err(Refusal::Reused)));
}

#[tokio::test]
async fn errors_of_twitter_are_mapped_by_their_cause() {
    let w = world("").await;
    let not_confirmed = "oauth_token=a&oauth_token_secret=b&oauth_callback_confirmed=false";
    let code = |code: u32| json!({ "errors": [{ "code": code, "message": "<b>" }] }).to_string();
    for (line, status, body, ours) in [
        ("POST /oauth/request_token", 401, code(32), "Setup"),
        ("POST /oauth/request_token", 403, code(415), "Setup"),
        ("POST /oauth/request_token", 200, not_confirmed.to_owned(), "Setup"),
        ("POST /oauth/request_token", 200, String::new(), "Setup"),
        ("POST /oauth/request_token", 503, String::new(), "Unreachable"),
        ("POST /oauth/access_token", 401, code(32), "Setup"),
        ("POST /oauth/access_token", 401, "Request token missing".to_owned(), "Reused"),
        ("POST /oauth/access_token", 429, String::new(), "Unreachable"),
        ("GET /1.1/account/verify_credentials.json", 200, json!({ "id_str": "1" }).to_string(), "Untrusted"),
        ("GET /1.1/account/verify_credentials.json", 500, String::new(), "Unreachable"),
    ] {
        w.twitter().instead = HashMap::from([(line, (status, body))]);
        let answer = format!("{:?}", w.sign_in_1().await.unwrap_err());
        assert!(answer.starts_with(ours) && !answer.contains('<'), "{line} {status}: {answer}");
    }
    for (line, status, body, ours) in [
        ("POST /2/oauth2/token", 401, json!({ "error": "unauthorized_client" }), "Setup"),
        ("POST /2/oauth2/token", 503, json!({}), "Unreachable"),
        ("GET /2/users/me", 200, json!({ "errors": [] }), "Untrusted"),
        ("GET /2/users/me", 200, json!({ "data": { "id": "../1" } }), "Untrusted"),
        ("GET /2/users/me", 429, json!({}), "Unreachable"),
    ] {
        w.twitter().instead = HashMap::from([(line, answer(status, body))]);
        let answer = format!("{:?}", w.sign_in().await.unwrap_err());
        assert!(answer.starts_with(ours), "{line} {status}: {answer}");
    }
}

#[tokio::test]
async fn sec_o05_a_twitter_token_sent_by_an_app_is_refused() {
    let w = world("").await;
    for name in ["twitter", "twitter_oauth1"] {
        assert!(!w.t.app.accounts.providers.get(name).unwrap().takes_tokens());
        assert!(matches!(w.t.bring(name, "bearer of ada").await, Err(Refusal::Untrusted(_))));
    }
    assert!(w.vendor.lines().is_empty());
}

/// A whole sign-in over HTTP, by OAuth 1.0a.
async fn come(browser: &Browser<'_>, provider: &str) -> crate::support::Answer {
    let begun = browser.begin(provider).await;
    let back = back_at(provider, &[("oauth_token", &begun.state), ("oauth_verifier", VERIFIER)]);
    browser.login(provider, &begun, &back).await
}

#[tokio::test]
async fn seed_m39_m49_over_http_a_verifier_works_once_and_a_denial_is_reported() {
    let w = world("").await;
    let browser = Browser::new(&w.t);
    let offered = come(&browser, "twitter_oauth1").await.ok();
    assert_eq!((&offered["type"], &offered["data"]["id"]), (&json!("LoginOAuth"), &json!(ID)));
    come(&browser, "twitter_oauth1").await.refused(400, "OAUTH_REUSED");
    let begun = browser.begin("twitter_oauth1").await;
    let denied = back_at("twitter_oauth1", &[("denied", &begun.state)]);
    browser.login("twitter_oauth1", &begun, &denied).await.refused(403, "OAUTH_DENIED");
}

#[tokio::test]
async fn seed_m62_over_http_accounts_are_found_after_a_change_of_the_providers_kind() {
    let World { t, vendor, twitter } = world("").await;
    let t = t
        .restart_with(&format!(
            "public_url = \"https://auth.example.com\"\n{}",
            section("twitter", "twitter_oauth1", &vendor)
        ))
        .await;
    twitter.lock().unwrap().now = t.clock.now() / 1000;
    let browser = Browser::new(&t);
    let offered = come(&browser, "twitter").await.ok();
    let made = browser.register("twitter", &offered, json!({ "email": "ada@example.com" })).await.ok();

    let t = t
        .restart_with(&format!(
            "public_url = \"https://auth.example.com\"\n{}",
            section("twitter", "twitter", &vendor)
        ))
        .await;
    let browser = Browser::new(&t);
    let begun = browser.begin("twitter").await;
    let query: HashMap<String, String> = begun.url.query_pairs().into_owned().collect();
    twitter.lock().unwrap().challenge = query["code_challenge"].clone();
    twitter.lock().unwrap().used = false;
    let back = back_at("twitter", &[("state", &begun.state), ("code", "code")]);
    let known = browser.login("twitter", &begun, &back).await.ok();
    assert_eq!(known["session"]["user"]["user_id"], made["data"]["user_id"]);
}
