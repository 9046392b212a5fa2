//! A stand-in for Microsoft, as Microsoft documents it: Entra ID with one discovery document for all tenants, and ID
//! tokens of Azure AD B2C that an app sends.

use std::sync::{Arc, Mutex};

use doorward_providers::{Person, Refusal};
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::issuer::Key;
use crate::support::proof::hash;
use crate::support::stand_in::{Said, StandIn, Taken, asked, json as answer};
use crate::support::{HOUR, NEW_YEAR, TestApp, claims_of};

const CLIENT: &str = "4c6b5f37-92ad-4efe-87f7-faf5b6912648";
const OURS: &str = "89a75cd7-6526-4f3f-8dea-0bdce25494e8";
const OTHER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
/// The tenant of personal accounts.
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// The answers of the stand-in.
struct Microsoft {
    /// The issuer in the discovery document. `document` is the path of the document.
    issuer: String,
    document: String,
    flow: (String, String),
    claims: Value,
    /// The issuer of the key in the key set.
    key_issuer: Option<String>,
}

struct World {
    t: TestApp,
    vendor: StandIn,
    microsoft: Arc<Mutex<Microsoft>>,
    key: Arc<Key>,
}

fn sign(key: &Key, claims: &Value) -> String {
    key.sign(&json!({ "alg": "RS256", "kid": "m1", "typ": "JWT" }), claims)
}

fn say(port: u16, microsoft: &Mutex<Microsoft>, key: &Key, taken: &Taken) -> Said {
    let microsoft = microsoft.lock().unwrap();
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    match taken.line.as_str() {
        line if line == format!("GET {}", microsoft.document) => {
            let document = json!({
                "issuer": microsoft.issuer, "authorization_endpoint": at("/common/oauth2/v2.0/authorize"),
                "token_endpoint": at("/common/oauth2/v2.0/token"), "jwks_uri": at("/common/discovery/v2.0/keys"),
                "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
                "token_endpoint_auth_methods_supported":
                    ["client_secret_post", "private_key_jwt", "client_secret_basic"],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"], "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
            });
            answer(200, document)
        }
        "GET /common/discovery/v2.0/keys" => {
            let mut jwk = key.jwk();
            if let Some(issuer) = &microsoft.key_issuer {
                jwk["issuer"] = issuer.as_str().into();
            }
            // Microsoft's keys have no `alg`.
            jwk.as_object_mut().unwrap().remove("alg");
            answer(200, json!({ "keys": [jwk] }))
        }
        "POST /common/oauth2/v2.0/token" => {
            let form = &taken.form;
            assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), (CLIENT, "s~ecret"));
            assert_eq!(
                (form["code"].as_str(), form["grant_type"].as_str()),
                ("0.AXcode", "authorization_code")
            );
            assert_eq!(form["redirect_uri"], "https://app.example.com/signin");
            if hash(&form["code_verifier"]) != microsoft.flow.0 {
                let error = json!({ "error": "invalid_grant", "error_description": "AADSTS50148: …",
                    "error_codes": [50148], "timestamp": "2026-01-01 00:00:00Z", "trace_id": OTHER });
                return answer(400, error);
            }
            let mut claims = microsoft.claims.clone();
            claims["nonce"] = microsoft.flow.1.as_str().into();
            answer(
                200,
                json!({ "token_type": "Bearer", "scope": "openid", "expires_in": 3599,
                "access_token": "eyJ0eXAi", "id_token": sign(key, &claims) }),
            )
        }
        other => panic!("Microsoft has no {other}"),
    }
}

/// A server with any tenant. `issuer` is the setting, with `{port}` for the port of the stand-in.
async fn world(issuer: &str, document: &str, more: &str) -> World {
    let key = Arc::new(Key::rsa("m1"));
    let said: Arc<Mutex<Option<Arc<Mutex<Microsoft>>>>> = Arc::default();
    let vendor = {
        let (said, key) = (said.clone(), key.clone());
        StandIn::start(move |taken| {
            let microsoft = said.lock().unwrap().clone().unwrap();
            let port = taken.header("host").rsplit_once(':').unwrap().1.parse().unwrap();
            say(port, &microsoft, &key, taken)
        })
        .await
    };
    let issuer = issuer.replace("{port}", &vendor.port.to_string());
    let claims = json!({
        "iss": issuer.replace("{tenantid}", OTHER), "tid": OTHER, "ver": "2.0", "aud": CLIENT,
        "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", "oid": "00000000-0000-0000-66f3-3332eca7ea81",
        "name": "Ada Lovelace", "preferred_username": "ada@contoso.example", "email": "ada@contoso.example",
        "iat": NEW_YEAR / 1000, "nbf": NEW_YEAR / 1000, "exp": NEW_YEAR / 1000 + 3600, "rh": "0.", "uti": "x",
    });
    let microsoft = Microsoft {
        issuer: issuer.clone(),
        document: document.into(),
        flow: Default::default(),
        claims,
        key_issuer: None,
    };
    let microsoft = Arc::new(Mutex::new(microsoft));
    *said.lock().unwrap() = Some(microsoft.clone());
    let settings = format!("[providers.microsoft]\nclient_id = \"{CLIENT}\"\nissuer = \"{issuer}\"\n{more}");
    let t = TestApp::production(&settings.replace("{port}", &vendor.port.to_string())).await;
    World { t, vendor, microsoft, key }
}

async fn entra(more: &str) -> World {
    let more = format!(
        "client_secret = \"s~ecret\"\ncallbacks = [\"https://app.example.com/signin\"]\naccept_tokens = true\n{more}"
    );
    let document = "/common/v2.0/.well-known/openid-configuration";
    world("http://127.0.0.1:{port}/{tenantid}/v2.0", document, &more).await
}

/// Azure AD B2C, only for tokens that an app sends.
async fn b2c() -> World {
    b2c_with("").await
}

async fn b2c_with(more: &str) -> World {
    let document = "/contoso.onmicrosoft.com/b2c_1_bobo-pol/v2.0/.well-known/openid-configuration";
    let more = format!(
        "accept_tokens = true\npolicies = [\"B2C_1_BOBO-POL\"]\ndiscovery = \"http://127.0.0.1:{{port}}{document}\"\n{more}"
    );
    let w = world(&format!("http://127.0.0.1:{{port}}/{OURS}/v2.0/"), document, &more).await;
    let issuer = w.microsoft().issuer.clone();
    w.microsoft().claims = sample(&issuer);
    w
}

/// The claims of seed R06.
fn sample(issuer: &str) -> Value {
    json!({
        "exp": NEW_YEAR / 1000 + 3600, "nbf": NEW_YEAR / 1000, "ver": "1.0", "iss": issuer,
        "sub": "a459b3bb-3c13-483b-9fbd-3d7b61c76cf0", "aud": CLIENT, "nonce": "defaultNonce", "iat": NEW_YEAR / 1000,
        "auth_time": NEW_YEAR / 1000, "given_name": "tanarat", "family_name": "u-jaleankid", "name": "", "idp": "live.com",
        "oid": "", "emails": ["sa_leesoft@hotmail.com"], "tfp": "B2C_1_BOBO-POL",
    })
}

impl World {
    fn microsoft(&self) -> std::sync::MutexGuard<'_, Microsoft> {
        self.microsoft.lock().unwrap()
    }

    async fn sign_in(&self) -> Result<Person, Refusal> {
        let begun = self.t.begin("microsoft").await?;
        let asked = asked(&begun);
        self.microsoft().flow = (asked["code_challenge"].clone(), asked["nonce"].clone());
        self.t.finish("microsoft", &begun.memory, "0.AXcode", None).await
    }

    async fn bring(&self) -> Result<Person, Refusal> {
        let claims = self.microsoft().claims.clone();
        self.t.bring("microsoft", &sign(&self.key, &claims)).await
    }

    /// Sends a token with one changed claim.
    async fn bring_with(&self, name: &str, value: Value) -> Result<Person, Refusal> {
        let before = self.microsoft().claims[name].take();
        self.microsoft().claims[name] = value;
        let answer = self.bring().await;
        self.microsoft().claims[name] = before;
        answer
    }

    fn issuer_of(&self, tenant: &str) -> Value {
        self.microsoft().issuer.replace("{tenantid}", tenant).into()
    }
}

#[track_caller]
fn untrusted(answer: Result<Person, Refusal>, why: &str) {
    assert!(matches!(&answer, Err(Refusal::Untrusted(said)) if said.contains(why)), "{answer:?}");
}

#[tokio::test]
async fn seed_m38_a_code_of_microsoft_becomes_a_person_of_their_tenant() {
    let w = entra("").await;
    let begun = w.t.begin("microsoft").await.unwrap();
    assert!(begun.url.as_str().starts_with(&w.vendor.at("/common/oauth2/v2.0/authorize?")), "{}", begun.url);
    assert_eq!(asked(&begun)["prompt"], "select_account");
    let person = w.sign_in().await.unwrap();
    assert_eq!(json!(person.issuer), w.issuer_of(OTHER));
    assert_eq!(person.subject, "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ");
    assert_eq!((person.email.as_deref(), person.vouched), (Some("ada@contoso.example"), false));
}

#[tokio::test]
async fn sec_o05_issuer_and_tid_of_a_tenant_must_agree_and_be_on_the_list_if_set() {
    let w = entra("").await;
    w.bring().await.unwrap();
    untrusted(w.bring_with("tid", OURS.into()).await, "another issuer");
    untrusted(w.bring_with("tid", Value::Null).await, "another issuer");
    untrusted(w.bring_with("iss", w.issuer_of("common")).await, "another issuer");
    let document = format!("/{OURS}/v2.0/.well-known/openid-configuration");
    let listed = format!("tenants = [\"{OURS}\"]\naccept_tokens = true");
    let w = world("http://127.0.0.1:{port}/{tenantid}/v2.0", &document, &listed).await;
    untrusted(w.bring().await, "another issuer");
    let issuer = w.issuer_of(OURS);
    w.microsoft().claims["iss"] = issuer;
    untrusted(w.bring().await, "another issuer");
    w.bring_with("tid", OURS.into()).await.unwrap();
}

#[tokio::test]
async fn a_key_of_one_tenant_does_not_sign_for_another() {
    let w = entra("").await;
    let personal = w.issuer_of(PERSONAL);
    w.microsoft().key_issuer = Some(personal.as_str().unwrap().to_owned());
    untrusted(w.bring().await, "another tenant");
    w.microsoft().claims["iss"] = personal;
    w.bring_with("tid", PERSONAL.into()).await.unwrap();
    let w = entra("").await;
    let template = w.microsoft().issuer.clone();
    w.microsoft().key_issuer = Some(template);
    w.bring().await.unwrap();
}

#[tokio::test]
async fn sec_a02_an_address_is_vouched_for_only_if_its_domain_is_proven() {
    let w = entra("trust_email = true").await;
    assert!(!w.bring().await.unwrap().vouched, "an administrator can write any address");
    assert!(!w.bring_with("email_verified", json!(true)).await.unwrap().vouched);
    for (edov, vouched) in [(json!(true), true), (json!("1"), true), (json!(1), true), (json!(false), false)]
    {
        assert_eq!(w.bring_with("xms_edov", edov).await.unwrap().vouched, vouched);
    }
    assert!(!entra("").await.bring_with("xms_edov", json!(true)).await.unwrap().vouched, "not trusted");
}

#[tokio::test]
async fn seed_r09_a_token_of_azure_ad_b2c_becomes_a_person_though_oid_and_name_are_empty() {
    let w = b2c().await;
    let person = w.bring().await.unwrap();
    assert_eq!(person.subject, "a459b3bb-3c13-483b-9fbd-3d7b61c76cf0");
    assert_eq!((person.email.as_deref(), person.vouched), (Some("sa_leesoft@hotmail.com"), false));
    assert_eq!((person.name, person.profile.given_name.as_deref()), (None, Some("tanarat")));
    assert_eq!(w.bring_with("emails", json!([])).await.unwrap().email, None);
    assert_eq!(w.bring_with("emails", Value::Null).await.unwrap().email, None);
}

#[tokio::test]
async fn seed_r07_signature_tenant_audience_times_nonce_and_policy_are_checked() {
    let w = b2c().await;
    let second = NEW_YEAR / 1000;
    for (name, value, why) in [
        ("iss", json!(format!("https://login.microsoftonline.com/{OURS}/v2.0/")), "another issuer"),
        ("iss", w.issuer_of(OURS).as_str().unwrap().replace(OURS, OTHER).into(), "another issuer"),
        ("aud", json!(OTHER), "another audience"),
        ("exp", json!(second - 61), "expired"),
        ("nbf", json!(second + 61), "not valid yet"),
        ("tfp", json!("B2C_1_other"), "another policy"),
        ("tfp", Value::Null, "another policy"),
        ("sub", Value::Null, "does not name a user"),
    ] {
        untrusted(w.bring_with(name, value).await, why);
    }
    let older = {
        let mut claims = w.microsoft().claims.clone();
        claims.as_object_mut().unwrap().remove("tfp");
        claims["acr"] = "b2c_1_bobo-pol".into();
        sign(&w.key, &claims)
    };
    w.t.bring("microsoft", &older).await.unwrap();
    let token = sign(&w.key, &w.microsoft().claims);
    let provider = w.t.app.accounts.providers.get("microsoft").unwrap();
    provider.of_token(&w.t.app.platform.world, &token, Some("defaultNonce")).await.unwrap();
    let other = provider.of_token(&w.t.app.platform.world, &token, Some("another")).await;
    assert!(matches!(other, Err(Refusal::Mismatch(_))), "{other:?}");
    let stranger = sign(&Key::other_rsa("m1"), &w.microsoft().claims);
    untrusted(w.t.bring("microsoft", &stranger).await, "signature");
    w.t.advance(2 * HOUR);
    untrusted(w.bring().await, "expired");
}

#[tokio::test]
async fn the_placeholder_subject_of_azure_ad_b2c_identifies_no_person() {
    let w = b2c().await;
    let same = json!("Not supported currently. Use oid claim.");
    untrusted(w.bring_with("sub", same.clone()).await, "does not name a user");
    w.microsoft().claims["oid"] = OTHER.into();
    assert_eq!(w.bring_with("sub", same).await.unwrap().subject, OTHER);
}

#[tokio::test]
async fn seed_r04_r05_over_http_a_token_of_azure_ad_b2c_registers_and_later_signs_in() {
    let w = b2c().await;
    let browser = Browser::new(&w.t);
    let token = sign(&w.key, &w.microsoft().claims);
    let bring = |body: Value| browser.post("/v1/login/provider/microsoft", body);
    let offered = bring(json!({ "token": token, "nonce": "defaultNonce" })).await.ok();
    assert_eq!(offered["data"]["email"], "sa_leesoft@hotmail.com");
    let made = browser.register("microsoft", &offered, json!({})).await.ok();
    let known = bring(json!({ "token": token })).await.ok();
    assert_eq!(known["session"]["user"]["user_id"], made["data"]["user_id"], "seed R08");
    bring(json!({ "token": token, "nonce": "another" })).await.refused(400, "OAUTH_STATE_MISMATCH");
    let stranger = sign(&Key::other_rsa("m1"), &w.microsoft().claims);
    bring(json!({ "token": stranger })).await.refused(403, "OAUTH_DENIED");
    let begun = browser.post("/v1/flows/microsoft", json!({ "callback": crate::support::browser::PAGE }));
    assert_eq!(
        begun.await.refused(400, "INVALID_PARAMETER")["field"],
        "callback",
        "this provider has no callbacks, only tokens"
    );
}

const AUTH_V1: &str = "[compat]\nauth_v1 = true\n[auto_register]\nprovider = true\n\
    [defaults.microsoft]\nroles = [\"user\"]\n";

#[tokio::test]
async fn seed_r04_r05_r06_r08_the_compatible_call_returns_the_claims_and_a_session() {
    let w = b2c_with(AUTH_V1).await;
    let path = "/api/v1/auth/registerOrLogin/microsoftAD";
    let claims = w.microsoft().claims.clone();
    let token = sign(&w.key, &claims);
    let said = w.t.post(path, json!({ "JWTToken": token })).await.ok();
    assert_eq!(said["isSuccess"], true);
    let mut data = said["data"].clone();
    let session = data.as_object_mut().unwrap().remove("session").unwrap();
    assert_eq!(data, claims, "word for word as the seed documents them");
    let user = w.t.get("/v1/profile").bearer(&session).await.ok();
    assert_eq!((&user["roles"], &user["given_name"]), (&json!(["user"]), &json!("tanarat")));
    assert_eq!(claims_of(&session)["username"], "sa_leesoft@hotmail.com", "seed R18");
    let again = w.t.post(path, json!({ "JWTToken": token, "nonce": "defaultNonce" })).await.ok();
    let again = w.t.get("/v1/profile").bearer(&again["data"]["session"]).await.ok();
    assert_eq!(again["user_id"], user["user_id"]);
}

#[tokio::test]
async fn seed_r07_r09_r43_the_compatible_call_refuses_the_same_tokens() {
    let w = b2c_with(AUTH_V1).await;
    let path = "/api/v1/auth/registerOrLogin/microsoftAD";
    let bring = async |name: &str, value: Value| {
        let mut claims = w.microsoft().claims.clone();
        claims[name] = value;
        w.t.post(path, json!({ "JWTToken": sign(&w.key, &claims) })).await
    };
    let says = claims_of(&bring("emails", json!([])).await.ok()["data"]["session"]);
    assert_eq!(says["username"], says["sub"], "seed R18: never empty");
    for (name, value) in
        [("aud", json!(OTHER)), ("tfp", json!("B2C_1_other")), ("exp", json!(NEW_YEAR / 1000 - 61))]
    {
        let said = bring(name, value).await;
        assert_eq!(
            (said.status, &said.json["error"]["code"]),
            (403, &json!("OAUTH_DENIED")),
            "{}",
            said.text
        );
    }
    let other =
        w.t.post(path, json!({ "JWTToken": sign(&w.key, &w.microsoft().claims), "nonce": "another" })).await;
    assert_eq!((other.status, &other.json["error"]["code"]), (400, &json!("OAUTH_STATE_MISMATCH")));
    let missing = w.t.post(path, json!({})).await;
    assert_eq!(
        (missing.status, missing.json["error"]["message"].as_str()),
        (400, Some("JWTToken: This field is required."))
    );
}
