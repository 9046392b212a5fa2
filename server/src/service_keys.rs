//! Service keys: what the operator's own programs show instead of a sign-in. Each is made on the command line, shown
//! once, stored as a hash, and good for its scopes alone.

use std::fmt;
use std::net::IpAddr;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_protocol::error::ErrorCode;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::clock::{Millis, World};
use crate::error::ApiError;
use crate::extract::{Caller, Scheme, credentials};
use crate::secret::{Secret, same};
use crate::state::{App, AppState};
use crate::store::service_keys;
use crate::tokens::decode;

/// What a service key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything below `/v1/admin`.
    Admin,
    /// Saying who somebody is: signing in by `custom_id`, and `client_ip`.
    Trusted,
}

impl Scope {
    /// All there are.
    pub const ALL: [Scope; 2] = [Scope::Admin, Scope::Trusted];

    /// As stored, and as on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Admin => "admin",
            Scope::Trusted => "trusted",
        }
    }
}

/// The scopes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Each once, in the order of [`Scope::ALL`].
    pub fn new(given: &[Scope]) -> Scopes {
        Scopes(Scope::ALL.into_iter().filter(|scope| given.contains(scope)).collect())
    }

    /// As they are stored, with spaces between. One that a newer doorward knows is none here.
    pub fn stored(text: &str) -> Scopes {
        let named = |scope: &Scope| text.split(' ').any(|word| word == scope.as_str());
        Scopes(Scope::ALL.into_iter().filter(named).collect())
    }

    /// Is it one of them?
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|scope| scope.as_str().to_owned()).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

/// What a service key begins with: scanners for leaked secrets know one by it.
const PREFIX: &str = "dw_sk_";
/// Bytes behind it: the id and the secret.
const BYTES: usize = 16 + 32;

/// A service key as its program has it.
pub struct PlainKey {
    id: Uuid,
    secret: Zeroizing<[u8; 32]>,
}

impl PlainKey {
    /// A new one.
    pub fn mint(world: &World) -> PlainKey {
        let id = Uuid::try_parse(&world.id()).unwrap_or_default();
        PlainKey { id, secret: Zeroizing::new(world.bytes()) }
    }

    /// Reads what may be a key.
    pub fn read(text: &str) -> Option<PlainKey> {
        let bytes: Zeroizing<[u8; BYTES]> = Zeroizing::new(decode(text.strip_prefix(PREFIX)?)?);
        let (id, secret) = bytes.split_first_chunk::<16>()?;
        Some(PlainKey { id: Uuid::from_bytes(*id), secret: Zeroizing::new(secret.try_into().ok()?) })
    }

    /// For the one time that it is shown.
    pub fn write(&self) -> Secret {
        let bytes = Zeroizing::new([self.id.as_bytes().as_slice(), self.secret.as_slice()].concat());
        Secret::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    /// Names its row.
    pub fn id(&self) -> String {
        self.id.to_string()
    }

    /// What is stored of the secret. Nobody can go through 256 bits: a bare hash is enough.
    pub fn hash(&self) -> SecretHash {
        SecretHash(digest(&SHA256, self.secret.as_slice()).as_ref().to_vec())
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey")
    }
}

/// The hash of a key's secret.
#[derive(Clone)]
pub struct SecretHash(Vec<u8>);

impl SecretHash {
    /// For the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SecretHash {
    fn from(bytes: Vec<u8>) -> SecretHash {
        SecretHash(bytes)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

/// A request with `Authorization: Bearer dw_sk_…`, a key that was made here and not revoked. What it may do is asked
/// with [`ServiceKey::require`].
///
/// As an `Option`: none where the request has no such key, refused where it has a wrong one.
#[derive(Clone, Debug)]
pub struct ServiceKey {
    /// Id of the key, for the audit log.
    pub id: String,
    scopes: Scopes,
}

impl ServiceKey {
    /// Refuses a key that is not for this.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        let detail = format!("This service key has not the scope {}.", scope.as_str());
        Err(ApiError { detail: Some(detail.into()), ..ErrorCode::Forbidden.into() })
    }
}

impl FromRequestParts<AppState> for ServiceKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Some((Scheme::Bearer, text)) = credentials(&parts.headers) else { return Err(required()) };
        recognise(app, text).await
    }
}

impl OptionalFromRequestParts<AppState> for ServiceKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Option<Self>, ApiError> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        <ServiceKey as FromRequestParts<AppState>>::from_request_parts(parts, app).await.map(Some)
    }
}

/// What may be a key in the headers of any request.
pub fn presented(headers: &HeaderMap) -> Option<Secret> {
    match credentials(headers)? {
        (Scheme::Bearer, text) if text.starts_with(PREFIX) => Some(Secret::from(text.to_owned())),
        _ => None,
    }
}

/// A program of the operator's says whom it asks for (`client_ip`, seed A08): from there on that is who asks, for limits,
/// hooks and the audit log. Nobody else may say so, or limits would be what each caller wants them to be.
pub async fn speaks_for(app: &App, caller: Caller, client_ip: Option<&str>) -> Result<Caller, ApiError> {
    let Some(given) = client_ip else { return Ok(caller) };
    let refused = |said| ApiError::field("options.client_ip", said);
    let key =
        caller.service_key.as_ref().ok_or_else(|| refused("Only with a service key can this be said."))?;
    recognise(app, key.expose()).await?.require(Scope::Trusted)?;
    let ip: IpAddr = given.parse().map_err(|_| refused("This is no IP address."))?;
    Ok(Caller { ip: Some(ip.to_canonical()), ..caller })
}

fn required() -> ApiError {
    let detail = "A service key is needed: the header Authorization: Bearer dw_sk_… with one that is in use.";
    ApiError { detail: Some(detail.into()), ..ErrorCode::SessionRequired.into() }
}

/// Unknown, wrong and revoked are one answer.
async fn recognise(app: &App, text: &str) -> Result<ServiceKey, ApiError> {
    let plain = PlainKey::read(text).ok_or_else(required)?;
    let found = service_keys::find(&mut *app.store.read().await?, &plain.id()).await?;
    let stored = found
        .filter(|stored| same(stored.secret_hash.as_bytes(), plain.hash().as_bytes()))
        .filter(|stored| stored.revoked_at.is_none())
        .ok_or_else(required)?;
    let minute = minute(app.world.now());
    if stored.last_used_at.is_none_or(|last| last < minute) {
        let id = stored.id.clone();
        app.store
            .write(move |tx| Box::pin(async move { service_keys::touch(tx, &id, minute).await }))
            .await?;
    }
    Ok(ServiceKey { id: stored.id, scopes: stored.scopes })
}

/// A use is noted to the minute: finer would cost every request a write.
fn minute(now: Millis) -> Millis {
    now - now.rem_euclid(60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_in_no_other_spelling() {
        let key = PlainKey::mint(&World::default());
        let text = key.write();
        assert!(text.expose().starts_with("dw_sk_") && text.expose().len() == 6 + 64);
        let read = PlainKey::read(text.expose()).unwrap();
        assert_eq!((read.id(), read.hash().as_bytes()), (key.id(), key.hash().as_bytes()));
        for bent in [
            text.expose().replace("dw_sk_", ""),
            text.expose().replace("dw_sk_", "dw_pk_"),
            format!("{}=", text.expose()),
            format!("{}A", text.expose()),
            text.expose()[..69].to_owned(),
        ] {
            assert!(PlainKey::read(&bent).is_none(), "{bent}");
        }
        assert_ne!(PlainKey::mint(&World::default()).hash().as_bytes(), key.hash().as_bytes());
    }

    #[test]
    fn scopes_are_stored_each_once_and_what_nobody_knows_is_none() {
        let scopes = Scopes::new(&[Scope::Trusted, Scope::Admin, Scope::Trusted]);
        assert_eq!(scopes.to_string(), "admin trusted");
        assert_eq!(Scopes::stored("admin trusted"), scopes);
        let future = Scopes::stored("administrator trusted");
        assert!(future.has(Scope::Trusted) && !future.has(Scope::Admin));
    }
}
