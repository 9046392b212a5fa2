//! The browser's side of DPoP (RFC 9449): keys, and valid and invalid proofs.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::clock::Clock;
use serde_json::{Value, json};

use super::{Answer, Call, TestApp};

/// A key pair, as a browser has one.
#[derive(Debug)]
pub struct ProofKey(EcdsaKeyPair);

impl ProofKey {
    pub fn new() -> ProofKey {
        ProofKey(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// The public key.
    pub fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
    }

    pub fn thumbprint(&self) -> String {
        let jwk = self.jwk();
        hash(&format!(r#"{{"crv":"P-256","kty":"EC","x":{},"y":{}}}"#, jwk["x"], jwk["y"]))
    }

    /// A valid header.
    pub fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk() })
    }

    /// A JWS of any two texts.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A valid proof for a request, with a `jti` of its own.
    pub fn proof(&self, method: &str, address: &str, nonce: &str, access_token: Option<&str>) -> String {
        let claims = claims(method, address, nonce, access_token);
        self.sign(&self.header().to_string(), &claims.to_string())
    }
}

/// Valid claims, with a `jti` of their own.
pub fn claims(method: &str, address: &str, nonce: &str, access_token: Option<&str>) -> Value {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let id = format!("proof {}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut claims = json!({ "jti": id, "htm": method, "htu": address, "iat": 0, "nonce": nonce });
    if let Some(token) = access_token {
        claims["ath"] = hash(token).into();
    }
    claims
}

/// SHA-256 in base64url.
pub fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

impl TestApp {
    /// The current nonce, without a request.
    pub fn nonce(&self) -> String {
        doorward_credentials::dpop::nonce(&self.app.platform.secret_keys, self.clock.now()).unwrap()
    }

    /// Creates an account and signs in with this key.
    pub async fn somebody_with(&self, key: &ProofKey) -> Value {
        self.signup("ada@example.com", "correct horse").await;
        self.login_with(key).await
    }

    /// Signs in to the same account with this key.
    pub async fn login_with(&self, key: &ProofKey) -> Value {
        let body = json!({ "email": "ada@example.com", "password": "correct horse" });
        self.post("/v1/login", body).proven(key, self).await.ok()
    }

    /// Signs in with this device and this key.
    pub async fn device_with(&self, key: &ProofKey, id: &str) -> Value {
        self.post("/v1/login/device", json!({ "device_id": hash(id) })).proven(key, self).await.ok()
    }

    /// `POST /v1/token` with a fresh proof.
    pub async fn refresh_with(&self, key: &ProofKey, token: &Value) -> Answer {
        self.refresh(token.as_str().unwrap()).proven(key, self).await
    }
}

impl Call {
    /// Adds this proof.
    pub fn dpop(self, proof: &str) -> Call {
        self.header("dpop", proof)
    }

    /// Adds a fresh proof without an access token.
    pub fn proven(self, key: &ProofKey, app: &TestApp) -> Call {
        let proof = key.proof(self.method(), &self.address(app), &app.nonce(), None);
        self.dpop(&proof)
    }

    /// Adds a bound access token and a fresh proof for it.
    pub fn bound(self, key: &ProofKey, app: &TestApp, token: &Value) -> Call {
        let token = token.as_str().unwrap();
        let proof = key.proof(self.method(), &self.address(app), &app.nonce(), Some(token));
        self.header("authorization", &format!("DPoP {token}")).dpop(&proof)
    }

    fn method(&self) -> &str {
        self.request.method().as_str()
    }

    fn address(&self, app: &TestApp) -> String {
        format!("{}{}", app.app.platform.config.public_url, self.request.uri().path())
    }
}
