//! Checks the access token of a request, and the proof of the key that the token is bound to (RFC 9068, RFC 9449).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::http::{HeaderMap, Method, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{JwkSet, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Seconds for which a proof is valid.
const PROOF_AGE: u64 = 60;
/// Seconds by which clocks may differ.
const LEEWAY: u64 = 30;
/// Shortest time between two fetches of the keys, so that tokens with unknown keys cause no flood of requests.
const FETCH_PAUSE: Duration = Duration::from_secs(1);

/// Claims of an access token.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// Id of the user.
    pub sub: String,
    /// Roles of the user.
    pub roles: Vec<String>,
    cnf: Option<Confirmation>,
}

#[derive(Debug, Deserialize)]
struct Confirmation {
    jkt: String,
}

#[derive(Debug, Deserialize)]
struct Proof {
    htm: String,
    htu: String,
    iat: u64,
    jti: String,
    ath: String,
}

/// Error code for `WWW-Authenticate`. After a 401 the SDK refreshes the token and repeats the request once.
#[derive(Debug)]
pub struct Refused(pub &'static str);

/// Checks requests.
pub struct Checker {
    /// The server's `public_url`.
    pub issuer: String,
    /// Its setting `token.audience`.
    pub audience: String,
    /// Origin of this API as browsers see it.
    pub origin: String,
    /// How long fetched keys are kept.
    pub keys_kept: Duration,
    /// The keys and the time of their arrival.
    pub keys: Mutex<Option<(Instant, Arc<JwkSet>)>>,
    /// Ids of used proofs and when they expire. With several processes, keep them in Redis.
    pub seen: Mutex<HashMap<String, Instant>>,
}

impl Checker {
    /// Returns the claims of the request's token. Fails with the error code of RFC 6750 or RFC 9449.
    pub async fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Claims, Refused> {
        let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, token) = authorization.and_then(|text| text.split_once(' ')).unwrap_or_default();
        let claims = self.claims(token).await.ok_or(Refused("invalid_token"))?;
        // A token that is bound to a key and has no valid proof was copied.
        if claims.cnf.is_some() || !scheme.eq_ignore_ascii_case("bearer") {
            let key = claims.cnf.as_ref().map_or("", |cnf| &cnf.jkt);
            let proven = scheme.eq_ignore_ascii_case("dpop")
                && self.is_proven(method, uri, headers, token, key).unwrap_or(false);
            if !proven {
                return Err(Refused("invalid_dpop_proof"));
            }
        }
        Ok(claims)
    }

    async fn claims(&self, token: &str) -> Option<Claims> {
        let header = decode_header(token).ok().filter(|header| header.typ.as_deref() == Some("at+jwt"))?;
        let key = self.key(&header.kid?).await?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        validation.leeway = LEEWAY;
        decode(token, &key, &validation).ok().map(|token| token.claims)
    }

    fn is_proven(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        token: &str,
        key: &str,
    ) -> Option<bool> {
        let mut proofs = headers.get_all("dpop").iter();
        let (Some(proof), None) = (proofs.next(), proofs.next()) else { return None };
        let proof = proof.to_str().ok()?;
        let header = decode_header(proof).ok().filter(|header| header.typ.as_deref() == Some("dpop+jwt"))?;
        let jwk = header.jwk?;
        let mut validation = Validation::new(Algorithm::ES256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims: Proof = decode(proof, &DecodingKey::from_jwk(&jwk).ok()?, &validation).ok()?.claims;
        let now = SystemTime::UNIX_EPOCH.elapsed().ok()?.as_secs();
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(token));
        let right = claims.htm == method.as_str()
            && claims.htu == format!("{}{}", self.origin, uri.path())
            && claims.iat <= now + LEEWAY
            && now <= claims.iat.saturating_add(PROOF_AGE + LEEWAY)
            && claims.ath == hash
            && jwk.thumbprint(ThumbprintHash::SHA256).ok()? == key;
        Some(right && self.is_first(claims.jti))
    }

    fn is_first(&self, proof: String) -> bool {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, until| *until > now);
        let until = now + Duration::from_secs(PROOF_AGE + 2 * LEEWAY);
        proof.len() <= 128 && seen.insert(proof, until).is_none()
    }

    async fn key(&self, id: &str) -> Option<DecodingKey> {
        let kept = self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let keys = match kept {
            Some((at, keys)) if at.elapsed() < self.keys_kept && keys.find(id).is_some() => keys,
            Some((at, keys)) if at.elapsed() < FETCH_PAUSE => keys,
            _ => self.fetch().await?,
        };
        DecodingKey::from_jwk(keys.find(id)?).ok()
    }

    async fn fetch(&self) -> Option<Arc<JwkSet>> {
        let url = format!("{}/.well-known/jwks.json", self.issuer);
        let text = tokio::task::spawn_blocking(move || ureq::get(&url).call()?.body_mut().read_to_string());
        let keys: Arc<JwkSet> = Arc::new(serde_json::from_str(&text.await.ok()?.ok()?).ok()?);
        let kept = Some((Instant::now(), keys.clone()));
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        Some(keys)
    }
}
