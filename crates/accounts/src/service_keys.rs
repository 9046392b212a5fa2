//! Service keys: the credentials of the operator's own programs. A key is created on the command line, shown
//! once, stored as a hash, and valid only for its scopes.

use std::net::IpAddr;

use doorward_core::clock::Millis;
use doorward_core::secret::same;
use doorward_core::service_key::{PlainKey, Scope, Scopes};
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::{service_keys, transaction};

/// The valid service key of a request with `Authorization: Bearer dw_sk_…`. [`ServiceKey::require`] checks its
/// scopes.
///
/// `Option<ServiceKey>` is `None` without such a header. A wrong key is rejected.
#[derive(Clone, Debug)]
pub struct ServiceKey {
    /// The id of the key, for the audit log.
    pub id: String,
    scopes: Scopes,
}

impl ServiceKey {
    /// Rejects the request if the key does not have this scope.
    pub fn require(&self, scope: Scope) -> Result<(), ApiError> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        let detail = format!("This service key does not have the scope {}.", scope.as_str());
        Err(ApiError { detail: Some(detail.into()), ..ErrorCode::Forbidden.into() })
    }
}

/// Replaces the address of the caller with `client_ip`: the end user's address, sent by a program of the
/// operator (seed A08). Limits, hooks and the audit log then use it. Requires a service key with the scope
/// `trusted`, because any other client could evade its limits this way.
pub async fn speaks_for(
    platform: &Platform,
    caller: Caller,
    client_ip: Option<&str>,
) -> Result<Caller, ApiError> {
    let Some(given) = client_ip else { return Ok(caller) };
    let refused = |detail| ApiError::field("options.client_ip", detail);
    let key = caller.service_key.as_ref().ok_or_else(|| refused("This option requires a service key."))?;
    recognise(platform, key.expose()).await?.require(Scope::Trusted)?;
    let ip: IpAddr = given.parse().map_err(|_| refused("This is not an IP address."))?;
    Ok(Caller { ip: Some(ip.to_canonical()), ..caller })
}

/// The error for a request without a valid service key.
pub fn required() -> ApiError {
    let detail = "This call requires a valid service key in the header Authorization: Bearer dw_sk_….";
    ApiError { detail: Some(detail.into()), ..ErrorCode::SessionRequired.into() }
}

/// Looks up a service key. An unknown, a wrong and a revoked key get the same error.
pub async fn recognise(platform: &Platform, text: &str) -> Result<ServiceKey, ApiError> {
    let plain = PlainKey::read(text).ok_or_else(required)?;
    let found = service_keys::find(&mut *platform.store.read().await?, &plain.id()).await?;
    let stored = found
        .filter(|stored| same(stored.secret_hash.as_bytes(), plain.hash().as_bytes()))
        .filter(|stored| stored.revoked_at.is_none())
        .ok_or_else(required)?;
    let minute = minute(platform.world.now());
    if stored.last_used_at.is_none_or(|last| last < minute) {
        let id = stored.id.clone();
        platform.store.write(transaction!(|tx| service_keys::touch(tx, &id, minute).await)).await?;
    }
    Ok(ServiceKey { id: stored.id, scopes: stored.scopes })
}

/// Rounds down to the minute. With a finer `last_used_at`, every request would cost a write.
fn minute(now: Millis) -> Millis {
    now - now.rem_euclid(60_000)
}
