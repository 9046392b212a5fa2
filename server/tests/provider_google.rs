//! A stand-in for Google, as Google documents it: the code flow, and ID tokens and access tokens that an app sends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use doorward_providers::{Person, Refusal};
use serde_json::{Value, json};
use url::Url;

use crate::post;
use crate::post::sink::Sink;
use crate::support::browser::{Browser, PAGE};
use crate::support::issuer::Key;
use crate::support::proof::hash;
use crate::support::stand_in::{Said, StandIn, Taken, asked, json as answer};
use crate::support::{HOUR, NEW_YEAR, TestApp, claims_of};

const CLIENT: &str = "1234.apps.googleusercontent.com";
const ANDROID: &str = "5678.apps.googleusercontent.com";
const SUB: &str = "110169484474386276334";

/// The answers of the stand-in.
#[derive(Default)]
struct Google {
    /// The challenge and the nonce of the flow with the code `4/0code`.
    flow: (String, String),
    claims: Value,
    /// The answer of tokeninfo for each access token.
    tokens: HashMap<String, Value>,
    userinfo: Value,
}

struct World {
    t: TestApp,
    vendor: StandIn,
    google: Arc<Mutex<Google>>,
    key: Arc<Key>,
}

fn claims() -> Value {
    json!({
        "iss": "https://accounts.google.com", "azp": CLIENT, "aud": CLIENT, "sub": SUB,
        "email": "Ada@gmail.com", "email_verified": true, "name": "Ada Lovelace", "given_name": "Ada",
        "family_name": "Lovelace", "picture": "https://lh3.googleusercontent.com/a/ada=s96-c",
        "iat": NEW_YEAR / 1000, "exp": NEW_YEAR / 1000 + 3600,
    })
}

/// An answer of tokeninfo, which has numbers as text.
fn tokeninfo() -> Value {
    json!({
        "azp": CLIENT, "aud": CLIENT, "sub": SUB, "scope": "openid https://www.googleapis.com/auth/userinfo.email",
        "exp": (NEW_YEAR / 1000 + 3600).to_string(), "expires_in": "3599", "email": "ada@gmail.com",
        "email_verified": "true", "access_type": "online",
    })
}

fn sign(key: &Key, claims: &Value) -> String {
    key.sign(&json!({ "alg": "RS256", "kid": "g1", "typ": "JWT" }), claims)
}

fn say(google: &Mutex<Google>, key: &Key, taken: &Taken) -> Said {
    let google = google.lock().unwrap();
    match taken.line.as_str() {
        "POST /token" => {
            let form = &taken.form;
            assert_eq!(taken.header("authorization"), "", "the secret is in the form");
            assert_eq!(
                (form["client_id"].as_str(), form["client_secret"].as_str()),
                (CLIENT, "GOCSPX-secret")
            );
            assert_eq!(form["grant_type"], "authorization_code");
            assert_eq!(form["redirect_uri"], "https://app.example.com/signin");
            if form["code"] != "4/0code" || hash(&form["code_verifier"]) != google.flow.0 {
                return answer(400, json!({ "error": "invalid_grant", "error_description": "Bad Request" }));
            }
            let mut claims = google.claims.clone();
            claims["nonce"] = google.flow.1.as_str().into();
            let token = json!({
                "access_token": "ya29.a0code", "expires_in": 3599, "scope": "openid", "token_type": "Bearer",
                "id_token": sign(key, &claims),
            });
            answer(200, token)
        }
        "GET /certs" => answer(200, json!({ "keys": [key.jwk(), Key::other_rsa("g2").jwk()] })),
        "GET /tokeninfo" => match google.tokens.get(&taken.query["access_token"]) {
            Some(info) => answer(200, info.clone()),
            None => {
                let error = json!({ "error": "invalid_token", "error_description": "Invalid Value" });
                answer(400, error)
            }
        },
        "GET /userinfo" => {
            assert!(taken.header("authorization").starts_with("Bearer ya29."));
            answer(200, google.userinfo.clone())
        }
        other => panic!("Google has no {other}"),
    }
}

async fn world(more: &str) -> World {
    let key = Arc::new(Key::rsa("g1"));
    let google = Google { claims: claims(), userinfo: claims(), ..Google::default() };
    let google = Arc::new(Mutex::new(google));
    let vendor = {
        let (google, key) = (google.clone(), key.clone());
        StandIn::start(move |taken| say(&google, &key, taken)).await
    };
    let t = TestApp::production(&format!(
        "[providers.google]\nclient_id = \"{CLIENT}\"\nclient_secret = \"GOCSPX-secret\"\n\
         callbacks = [\"https://app.example.com/signin\"]\naccept_tokens = true\naudiences = [\"{ANDROID}\"]\n\
         token_endpoint = \"{}\"\njwks_uri = \"{}\"\ntokeninfo_endpoint = \"{}\"\nuserinfo_endpoint = \"{}\"\n{more}",
        vendor.at("/token"),
        vendor.at("/certs"),
        vendor.at("/tokeninfo"),
        vendor.at("/userinfo"),
    ))
    .await;
    World { t, vendor, google, key }
}

impl World {
    fn google(&self) -> std::sync::MutexGuard<'_, Google> {
        self.google.lock().unwrap()
    }

    async fn sign_in(&self) -> Result<Person, Refusal> {
        let begun = self.t.begin("google").await?;
        let asked = asked(&begun);
        self.google().flow = (asked["code_challenge"].clone(), asked["nonce"].clone());
        self.t.finish("google", &begun.memory, "4/0code", None).await
    }

    async fn bring_claims(&self, claims: &Value) -> Result<Person, Refusal> {
        self.t.bring("google", &sign(&self.key, claims)).await
    }
}

#[track_caller]
fn untrusted(answer: Result<Person, Refusal>, why: &str) {
    assert!(matches!(&answer, Err(Refusal::Untrusted(said)) if said.contains(why)), "{answer:?}");
}

#[tokio::test]
async fn seed_m34_the_authorization_request_has_every_parameter_of_google() {
    let w = world("parameters = { access_type = \"offline\" }").await;
    let begun = w.t.begin("google").await.unwrap();
    assert!(begun.url.as_str().starts_with("https://accounts.google.com/o/oauth2/v2/auth?"), "{}", begun.url);
    let asked = asked(&begun);
    for (name, value) in [
        ("client_id", CLIENT),
        ("redirect_uri", "https://app.example.com/signin"),
        ("response_type", "code"),
        ("scope", "openid email profile"),
        ("access_type", "offline"),
        ("prompt", "select_account"),
        ("code_challenge_method", "S256"),
        ("hl", "de"),
        ("state", begun.handle.as_str()),
    ] {
        assert_eq!(asked[name], value, "{name}");
    }
}

#[tokio::test]
async fn seed_m38_a_code_of_google_becomes_a_person() {
    let w = world("").await;
    let person = w.sign_in().await.unwrap();
    assert_eq!((person.issuer.as_str(), person.subject.as_str()), ("https://accounts.google.com", SUB));
    assert_eq!((person.email.as_deref(), person.vouched), (Some("ada@gmail.com"), true));
    assert_eq!(person.profile.family_name.as_deref(), Some("Lovelace"));
    assert!(person.profile.picture.is_some());
    assert_eq!(w.vendor.lines(), ["POST /token", "GET /certs"], "sec_H04: the picture is not fetched");
    let begun = w.t.begin("google").await.unwrap();
    let again = w.t.finish("google", &begun.memory, "4/0code", None).await;
    assert!(matches!(again, Err(Refusal::Reused)), "seed_M50: {again:?}");
}

#[tokio::test]
async fn both_spellings_of_googles_issuer_are_one_issuer() {
    let w = world("").await;
    w.google().claims["iss"] = "accounts.google.com".into();
    assert_eq!(w.sign_in().await.unwrap().issuer, "https://accounts.google.com");
    w.google().claims["iss"] = "https://accounts.google.com.evil.example".into();
    untrusted(w.sign_in().await, "another issuer");
}

#[tokio::test]
async fn sec_a02_google_vouches_only_for_gmail_addresses_and_hosted_domains() {
    let w = world("").await;
    for (email, verified, hd, vouched) in [
        ("ada@gmail.com", json!(true), None, true),
        ("ada@gmail.com", json!(false), None, false),
        ("ada@gmail.com", Value::Null, None, false),
        ("ada@example.com", json!(true), None, false),
        ("ada@example.com", json!(true), Some("example.com"), true),
        ("ada@example.com", json!(false), Some("example.com"), false),
        ("ada@gmail.com.evil.example", json!(true), None, false),
    ] {
        let mut claims = claims();
        (claims["email"], claims["email_verified"]) = (email.into(), verified);
        if let Some(hd) = hd {
            claims["hd"] = hd.into();
        }
        w.google().claims = claims;
        assert_eq!(w.sign_in().await.unwrap().vouched, vouched, "{email} {hd:?}");
    }
    let w = world("trust_email = false").await;
    assert!(!w.sign_in().await.unwrap().vouched);
}

#[tokio::test]
async fn seed_r15_an_access_token_sent_by_an_app_identifies_the_person() {
    let w = world("").await;
    w.google().tokens.insert("ya29.app".into(), tokeninfo());
    let person = w.t.bring("google", "ya29.app").await.unwrap();
    assert_eq!((person.subject.as_str(), person.vouched), (SUB, true));
    assert_eq!(person.name.as_deref(), Some("Ada Lovelace"));
    assert_eq!(w.vendor.lines(), ["GET /tokeninfo", "GET /userinfo"]);
}

#[tokio::test]
async fn seed_r16_an_access_token_for_another_app_is_refused_before_it_is_used() {
    let w = world("").await;
    for (name, value, why) in [
        ("aud", json!("evil.apps.googleusercontent.com"), "another audience"),
        ("aud", Value::Null, "another audience"),
        ("azp", json!("evil.apps.googleusercontent.com"), "another audience"),
        ("exp", json!((NEW_YEAR / 1000 - 1).to_string()), "expired"),
        ("exp", Value::Null, "expired"),
        ("sub", Value::Null, "does not name a user"),
    ] {
        let mut info = tokeninfo();
        info[name] = value;
        w.google().tokens.insert("ya29.bent".into(), info);
        untrusted(w.t.bring("google", "ya29.bent").await, why);
    }
    untrusted(w.t.bring("google", "ya29.unknown").await, "does not know");
    assert!(!w.vendor.lines().contains(&"GET /userinfo".to_owned()));
    w.google().tokens.insert("ya29.app".into(), tokeninfo());
    w.google().userinfo["sub"] = "1".into();
    untrusted(w.t.bring("google", "ya29.app").await, "about another user");
    let mut info = tokeninfo();
    info["azp"] = ANDROID.into();
    w.google().tokens.insert("ya29.phone".into(), info);
    w.google().userinfo["sub"] = SUB.into();
    w.t.bring("google", "ya29.phone").await.unwrap();
}

#[tokio::test]
async fn seed_r14_an_id_token_of_a_phone_app_is_accepted_if_the_app_is_listed() {
    let w = world("").await;
    let mut token = claims();
    token["azp"] = ANDROID.into();
    w.bring_claims(&token).await.unwrap();
    token["aud"] = ANDROID.into();
    w.bring_claims(&token).await.unwrap();
    token["aud"] = "evil.apps.googleusercontent.com".into();
    untrusted(w.bring_claims(&token).await, "another audience");
    (token["aud"], token["azp"]) = (CLIENT.into(), "evil.apps.googleusercontent.com".into());
    untrusted(w.bring_claims(&token).await, "another client");
    w.t.advance(2 * HOUR);
    untrusted(w.bring_claims(&claims()).await, "expired");
}

#[tokio::test]
async fn seed_m43_over_http_a_code_of_google_registers_and_signs_in() {
    let w = world("").await;
    let browser = Browser::new(&w.t);
    let come = async || {
        let begun = browser.begin("google").await;
        let asked: HashMap<String, String> = begun.url.query_pairs().into_owned().collect();
        w.google().flow = (asked["code_challenge"].clone(), asked["nonce"].clone());
        let back =
            format!("{PAGE}?state={}&code=4%2F0code&scope=email&authuser=0&prompt=consent", begun.state);
        browser.login("google", &begun, &Url::parse(&back).unwrap()).await.ok()
    };
    let offered = come().await;
    assert_eq!((&offered["type"], &offered["data"]["id"]), (&json!("LoginOAuth"), &json!(SUB)));
    let made = browser.register("google", &offered, json!({})).await.ok();
    assert_eq!(made["message"], "You have been registered with google account");
    assert_eq!(
        (&made["data"]["email"], &made["data"]["email_verified"]),
        (&json!("ada@gmail.com"), &json!(true))
    );
    let known = come().await;
    assert_eq!(known["message"], "You have been logged in with google account");
    assert!(known["session"]["access_token"].is_string());
}

#[tokio::test]
async fn seed_r17_r21_over_http_an_access_token_creates_an_account_with_its_defaults() {
    let more = "[auto_register]\nprovider = true\n[profile.extras.player_name]\ntype = \"string\"\n\
                [profile.extras.coin]\ntype = \"number\"\n[defaults.google]\nroles = [\"player\"]\n\
                extras = { player_name = \"undefined\", coin = 500 }";
    let w = world(more).await;
    w.google().tokens.insert("ya29.app".into(), tokeninfo());
    let browser = Browser::new(&w.t);
    let bring = |token: &str| browser.post("/v1/login/provider/google", json!({ "token": token }));
    bring("ya29.unknown").await.refused(403, "OAUTH_DENIED");
    let known = bring("ya29.app").await.ok();
    assert_eq!(known["type"], "LoginExisting", "seed R17: a session at once");
    let user = &known["session"]["user"];
    assert_eq!((&user["roles"], &user["coin"]), (&json!(["player"]), &json!(500)), "seeds R21, R25");
    assert_eq!(user["player_name"], "undefined", "seed R23");
    assert_eq!(bring("ya29.app").await.ok()["session"]["user"]["user_id"], user["user_id"]);
    let mut info = tokeninfo();
    info["aud"] = "evil.apps.googleusercontent.com".into();
    w.google().tokens.insert("ya29.evil".into(), info);
    let refused = bring("ya29.evil").await.refused(403, "OAUTH_DENIED");
    assert_eq!(refused["detail"], "The token is for another audience.", "seed R16");
}

#[tokio::test]
async fn seed_r14_r15_r16_r17_the_compatible_call_returns_a_token() {
    let w = world("[compat]\nauth_v1 = true\n[auto_register]\nprovider = true\n").await;
    w.google().tokens.insert("ya29.app".into(), tokeninfo());
    let mut info = tokeninfo();
    info["aud"] = "evil.apps.googleusercontent.com".into();
    w.google().tokens.insert("ya29.evil".into(), info);
    let bring = async |token: &str| {
        w.t.post("/api/v1/auth/registerOrLogin/google", json!({ "authenToken": token })).await
    };
    let said = bring("ya29.app").await.ok();
    assert_eq!(said, json!({ "data": said["data"], "isSuccess": true }));
    w.t.get("/v1/profile").bearer(&said["data"]).await.ok();
    let evil = bring("ya29.evil").await;
    assert_eq!((evil.status, &evil.json["error"]["code"]), (403, &json!("OAUTH_DENIED")));
    let w = world("[compat]\nauth_v1 = true\n").await;
    w.google().tokens.insert("ya29.app".into(), tokeninfo());
    let said = w.t.post("/api/v1/auth/registerOrLogin/google", json!({ "authenToken": "ya29.app" })).await;
    assert_eq!((said.status, &said.json["error"]["code"]), (403, &json!("FORBIDDEN")), "D-20");
}

/// Google does not vouch for the address of the seed's sample, so the account does not get the address. The token
/// names it nevertheless.
#[tokio::test]
async fn seed_r17_r18_the_token_names_the_address_from_google() {
    let w = world("[compat]\nauth_v1 = true\n[auto_register]\nprovider = true\n").await;
    let bring = async |sub: &str, email: Value| {
        let mut info = tokeninfo();
        info["sub"] = sub.into();
        w.google().tokens.insert("ya29.app".into(), info);
        w.google().userinfo = json!({ "sub": sub, "email": email, "email_verified": true });
        let path = "/api/v1/auth/registerOrLogin/google";
        w.t.post(path, json!({ "authenToken": "ya29.app" })).await.ok()["data"].clone()
    };
    for (sub, given) in [("117", "nattapon.r@live.com"), ("118", "Ada@gmail.com")] {
        let token = bring(sub, given.into()).await;
        assert_eq!(claims_of(&token)["username"], given.to_lowercase());
        let fresh = w.t.get("/api/v1/auth/refreshToken").bearer(&token).await.ok();
        assert_eq!(claims_of(&fresh["data"])["username"], given.to_lowercase());
        let own = &w.t.get("/v1/profile").bearer(&token).await.ok()["email"];
        assert_eq!(own.is_null(), sub == "117", "the account gets only an address that Google vouches for");
    }
    let says = claims_of(&bring("119", Value::Null).await);
    assert_eq!(says["username"], says["sub"], "an account without an address is named by its id");
    let token = bring("118", "other@live.com".into()).await;
    assert_eq!(claims_of(&token)["username"], "ada@gmail.com", "the account's own address takes precedence");
}

#[tokio::test]
async fn seed_r17_r22_r36_a_local_account_signs_in_by_google_and_its_mail_stays_valid() {
    let sink = Sink::start().await;
    let more = format!("{}\n[compat]\nauth_v1 = true\n[auto_register]\nprovider = true\n", sink.settings());
    let w = world(&more).await;
    let call = |name: &str, body: Value| w.t.post(&format!("/api/v1/auth/{name}"), body);
    let registered = json!({ "email": "ada@gmail.com", "password": "correct horse" });
    call("register", registered.clone()).await.ok();
    post::send(&w.t).await;
    let mail = sink.taken().remove(0).data.replace("=\n", "").replace("=3D", "=");
    let (_, rest) = mail.split_once("token=").unwrap();
    let secret: String = rest.chars().take(43).collect();
    let bring = async |sub: &str| {
        let mut info = tokeninfo();
        info["sub"] = sub.into();
        w.google().tokens.insert("ya29.app".into(), info);
        w.google().userinfo = json!({ "sub": sub, "email": "Ada@gmail.com", "email_verified": true });
        call("registerOrLogin/google", json!({ "authenToken": "ya29.app" })).await
    };
    // Google vouches for the address. This is its first proof, which voids the password that was set before.
    assert!(bring("117").await.ok()["data"].is_string());
    let login = call("login", registered).await;
    assert_eq!(login.json["error"]["code"], "INCORRECT_USERNAME_OR_PASSWORD");
    let user = call("verifyAccount", json!({ "secret": secret })).await.ok()["data"].clone();
    assert_eq!((&user["authenTypeId"], &user["verified"]), (&json!(1), &json!(true)));
    // The message for another person at Google with the same address must not be false.
    let said = bring("118").await;
    assert_eq!((said.status, &said.json["error"]["code"]), (403, &json!("FORBIDDEN")));
    let message = said.json["error"]["message"].as_str().unwrap();
    assert_eq!(message, "No account is linked to this identity of the provider, and none was created.");
}
