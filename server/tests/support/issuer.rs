//! A small OpenID provider on loopback. It checks each request, and a test can change its answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use url::Url;

use super::NEW_YEAR;
use super::browser::page_of;
use super::proof::hash;

pub const CLIENT: &str = "our client";
pub const SECRET: &str = "s3cret & more";

/// A provider. Its tokens are issued at [`NEW_YEAR`] and live for ten years.
#[derive(Clone)]
pub struct Issuer {
    pub port: u16,
    down: Arc<AtomicBool>,
    drops: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

type Bend = Arc<dyn Fn(&mut Value, &mut Value) + Send + Sync>;
type Change = Arc<dyn Fn(Value) -> Value + Send + Sync>;

#[derive(Default)]
struct State {
    issuer: String,
    keys: Vec<Key>,
    made: usize,
    people: HashMap<String, Value>,
    grants: HashMap<String, Grant>,
    access: HashMap<String, String>,
    exchanges: usize,
    calls: HashMap<String, usize>,
    bend: Option<Bend>,
    bend_token: Option<Arc<dyn Fn(String) -> String + Send + Sync>>,
    answers: HashMap<String, Change>,
    hold: Option<(String, Arc<Notify>)>,
    only_post: bool,
}

/// A signing key.
pub struct Key {
    pub id: String,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(&'static RsaKeyPair),
}

/// An authorization code and the parameters of its request.
struct Grant {
    sub: String,
    client: String,
    redirect_uri: String,
    challenge: String,
    nonce: String,
    used: bool,
}

/// Drops connections while the provider is down.
struct Door {
    listener: TcpListener,
    down: Arc<AtomicBool>,
    drops: Arc<AtomicUsize>,
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (TcpStream, std::net::SocketAddr) {
        loop {
            let (stream, from) = self.listener.accept().await.unwrap();
            let one_less = |drops: usize| drops.checked_sub(1);
            let dropped = self.drops.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
            if !dropped && !self.down.load(Ordering::SeqCst) {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }
}

fn new_rsa() -> RsaKeyPair {
    RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap()
}

impl Key {
    pub fn ec(id: &str) -> Key {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Key { id: id.into(), pair: Pair::Ec(pair) }
    }

    /// The same key in each test, because generating one takes long.
    pub fn rsa(id: &str) -> Key {
        static PAIR: LazyLock<RsaKeyPair> = LazyLock::new(new_rsa);
        Key { id: id.into(), pair: Pair::Rsa(&PAIR) }
    }

    /// A second key.
    pub fn other_rsa(id: &str) -> Key {
        static PAIR: LazyLock<RsaKeyPair> = LazyLock::new(new_rsa);
        Key { id: id.into(), pair: Pair::Rsa(&PAIR) }
    }

    pub fn alg(&self) -> &'static str {
        match self.pair {
            Pair::Ec(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// The public key.
    pub fn jwk(&self) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
                        "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
            Pair::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id,
                        "n": encode(n.big_endian_without_leading_zero()),
                        "e": encode(e.big_endian_without_leading_zero()) })
            }
        }
    }

    /// A JWS with this header and these claims.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

impl Issuer {
    /// A provider that signs with ES256.
    pub async fn start() -> Issuer {
        Issuer::with(Key::ec("key 0")).await
    }

    /// A provider that signs with this key.
    pub async fn with(key: Key) -> Issuer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let issuer = format!("http://127.0.0.1:{port}");
        let state = State { issuer, keys: vec![key], ..State::default() };
        let issuer =
            Issuer { port, down: Arc::default(), drops: Arc::default(), state: Arc::new(Mutex::new(state)) };
        let router = Router::new().fallback(answer).with_state(issuer.clone());
        let door = Door { listener, down: issuer.down.clone(), drops: issuer.drops.clone() };
        tokio::spawn(async move { axum::serve(door, router).await });
        issuer
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The issuer identifier.
    pub fn issuer(&self) -> String {
        self.state().issuer.clone()
    }

    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The provider's section of the settings. More lines may follow it.
    pub fn settings(&self, name: &str) -> String {
        format!(
            "[providers.{name}]\nkind = \"oidc\"\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\n\
             client_secret = \"{SECRET}\"\ncallbacks = [\"{}\"]\n",
            self.issuer(),
            page_of(name)
        )
    }

    /// Adds a person with an account at the provider, and the claims about them.
    pub fn person(&self, sub: &str, claims: Value) {
        self.state().people.insert(sub.into(), claims);
    }

    /// The person consents. Returns the URL to which the browser is sent.
    pub fn consent(&self, url: &Url, sub: &str) -> Url {
        let asked = self.asked(url);
        assert!(self.state().people.contains_key(sub), "there is no person {sub}");
        let mut state = self.state();
        state.made += 1;
        let code = format!("code-{}-{}", self.port, state.made);
        let grant = Grant {
            sub: sub.into(),
            client: asked["client_id"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
            challenge: asked["code_challenge"].clone(),
            nonce: asked["nonce"].clone(),
            used: false,
        };
        let mut back = Url::parse(&grant.redirect_uri).unwrap();
        state.grants.insert(code.clone(), grant);
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .append_pair("iss", &state.issuer);
        back
    }

    /// The person does not consent.
    pub fn deny(&self, url: &Url) -> Url {
        let asked = self.asked(url);
        let mut back = Url::parse(&asked["redirect_uri"]).unwrap();
        back.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("state", &asked["state"])
            .append_pair("iss", &self.issuer());
        back
    }

    /// Checks the authorization request and returns its parameters.
    pub fn asked(&self, url: &Url) -> HashMap<String, String> {
        assert!(url.as_str().starts_with(&self.at("/authorize?")), "{url}");
        let mut asked = HashMap::new();
        for (name, value) in url.query_pairs().into_owned() {
            assert_eq!(asked.insert(name.clone(), value), None, "{name} is repeated");
        }
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT);
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"), "{asked:?}");
        assert_eq!((asked["code_challenge_method"].as_str(), asked["code_challenge"].len()), ("S256", 43));
        for name in ["state", "nonce", "redirect_uri"] {
            assert!(!asked[name].is_empty(), "{name} is missing");
        }
        asked
    }

    /// The number of codes that were exchanged for tokens.
    pub fn exchanges(&self) -> usize {
        self.state().exchanges
    }

    /// The number of calls to a path.
    pub fn calls(&self, path: &str) -> usize {
        self.state().calls.get(path).copied().unwrap_or_default()
    }

    /// Changes claims and header of each ID token before it is signed.
    pub fn bend(&self, bend: impl Fn(&mut Value, &mut Value) + Send + Sync + 'static) {
        self.state().bend = Some(Arc::new(bend));
    }

    /// Changes each ID token after it was signed.
    pub fn bend_token(&self, bend: impl Fn(String) -> String + Send + Sync + 'static) {
        self.state().bend_token = Some(Arc::new(bend));
    }

    /// Changes the answer of a path: `/.well-known/openid-configuration`, `/keys`, `/token`, `/userinfo`.
    pub fn bend_answer(&self, path: &str, change: impl Fn(Value) -> Value + Send + Sync + 'static) {
        self.state().answers.insert(path.into(), Arc::new(change));
    }

    /// Removes all changes.
    pub fn straighten(&self) {
        let mut state = self.state();
        (state.bend, state.bend_token) = (None, None);
        state.answers.clear();
    }

    /// Accepts the client secret in the form only, and announces that.
    pub fn takes_only_post(&self) {
        self.state().only_post = true;
    }

    /// Signs with a new key and forgets the old one.
    pub fn rotate_keys(&self) {
        let mut state = self.state();
        let id = format!("key {}", state.made + 1000);
        state.made += 1;
        state.keys = vec![Key::ec(&id)];
    }

    /// Adds a key to the key set. The first key signs.
    pub fn add_key(&self, key: Key) {
        self.state().keys.push(key);
    }

    /// Drops all connections while `down` is true.
    pub fn is_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Drops this number of connections.
    pub fn drops(&self, connections: usize) {
        self.drops.store(connections, Ordering::SeqCst);
    }

    /// From now on the token endpoint waits for `notify` before it answers.
    pub fn answer_slowly_until(&self, notify: Arc<Notify>) {
        self.hold("/token", notify);
    }

    /// The same for another path.
    pub fn hold(&self, path: &str, notify: Arc<Notify>) {
        self.state().hold = Some((path.into(), notify));
    }

    /// An ID token about a person, as an app may get one.
    pub fn id_token(&self, sub: &str, nonce: Option<&str>) -> String {
        self.state().id_token(sub, CLIENT, nonce, None)
    }
}

impl State {
    fn id_token(&self, sub: &str, client: &str, nonce: Option<&str>, access: Option<&str>) -> String {
        let key = &self.keys[0];
        let begin = NEW_YEAR / 1000;
        let mut claims = json!({ "iss": self.issuer, "sub": sub, "aud": client, "iat": begin });
        claims["exp"] = (begin + 10 * 365 * 24 * 3600).into();
        if let Some(nonce) = nonce {
            claims["nonce"] = nonce.into();
        }
        if let Some(access) = access {
            let whole = URL_SAFE_NO_PAD.decode(hash(access)).unwrap();
            claims["at_hash"] = URL_SAFE_NO_PAD.encode(&whole[..16]).into();
        }
        let about = self.people.get(sub).and_then(Value::as_object).cloned().unwrap_or_default();
        claims.as_object_mut().unwrap().extend(about);
        let mut header = json!({ "typ": "JWT", "alg": key.alg(), "kid": key.id });
        if let Some(bend) = &self.bend {
            bend(&mut claims, &mut header);
        }
        let token = key.sign(&header, &claims);
        match &self.bend_token {
            Some(bend) => bend(token),
            None => token,
        }
    }

    fn discovery(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let methods = if self.only_post {
            json!(["client_secret_post"])
        } else {
            json!(["client_secret_basic", "client_secret_post"])
        };
        json!({
            "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"), "jwks_uri": at("/keys"),
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self.keys[0].alg()],
            "token_endpoint_auth_methods_supported": methods,
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// The token endpoint. It refuses requests as RFC 6749 §5.2 describes.
    fn token(&mut self, authorization: Option<&str>, form: &HashMap<String, String>) -> (u16, Value) {
        let no = |status: u16, word: &str| (status, json!({ "error": word, "error_description": "<no>" }));
        let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let basic = format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(CLIENT), encode(SECRET))));
        let in_form = form.get("client_secret").map(String::as_str);
        let known = match authorization {
            Some(given) => !self.only_post && given == basic && in_form.is_none(),
            None => form.get("client_id").map(String::as_str) == Some(CLIENT) && in_form == Some(SECRET),
        };
        if !known {
            return no(401, "invalid_client");
        }
        assert_eq!(form["grant_type"], "authorization_code");
        let Some(grant) = self.grants.get_mut(&form["code"]) else { return no(400, "invalid_grant") };
        let fits = grant.challenge == hash(&form["code_verifier"])
            && grant.redirect_uri == form["redirect_uri"]
            && grant.client == CLIENT;
        if grant.used || !fits {
            return no(400, "invalid_grant");
        }
        grant.used = true;
        self.exchanges += 1;
        let access = format!("access {}", self.exchanges);
        let (sub, nonce) = (grant.sub.clone(), grant.nonce.clone());
        let id_token = self.id_token(&sub, CLIENT, Some(&nonce), Some(&access));
        self.access.insert(access.clone(), sub);
        let answer = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 600, "id_token": id_token });
        (200, answer)
    }

    fn userinfo(&self, authorization: Option<&str>) -> (u16, Value) {
        let token = authorization.and_then(|text| text.strip_prefix("Bearer ")).unwrap_or_default();
        let Some(sub) = self.access.get(token) else { return (401, Value::Null) };
        let mut claims = self.people[sub].clone();
        claims["sub"] = sub.as_str().into();
        (200, claims)
    }
}

async fn answer(Shared(issuer): Shared<Issuer>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let authorization = parts.headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap());
    let path = parts.uri.path().to_owned();
    *issuer.state().calls.entry(path.clone()).or_default() += 1;
    let hold = issuer.state().hold.clone().filter(|(held, _)| *held == path);
    let (status, json, change) = {
        let mut state = issuer.state();
        let (status, json) = match (&parts.method, path.as_str()) {
            (&Method::GET, "/.well-known/openid-configuration") => (200, state.discovery()),
            (&Method::GET, "/keys") => {
                (200, json!({ "keys": state.keys.iter().map(Key::jwk).collect::<Vec<_>>() }))
            }
            (&Method::POST, "/token") => state.token(authorization, &form),
            (&Method::GET, "/userinfo") => state.userinfo(authorization),
            other => panic!("unexpected call: {other:?}"),
        };
        (status, json, state.answers.get(&path).cloned())
    };
    if let Some((_, hold)) = hold {
        hold.notified().await;
    }
    let json = change.map_or_else(|| json.clone(), |change| change(json.clone()));
    // A JSON string is sent as it is.
    let body = match json {
        Value::String(text) => Body::from(text).into_response(),
        json => Json(json).into_response(),
    };
    // The next call must open a new connection, which [`Door`] can drop.
    (StatusCode::from_u16(status).unwrap(), [(header::CONNECTION, "close")], body).into_response()
}
