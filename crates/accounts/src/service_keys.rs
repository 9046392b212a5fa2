//! Service keys: what the operator's own programs show instead of a sign-in. Each is made on the command line, shown
//! once, stored as a hash, and good for its scopes alone.

use std::net::IpAddr;

use doorward_core::clock::Millis;
use doorward_core::secret::same;
use doorward_core::service_key::{PlainKey, Scope, Scopes};
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::{service_keys, transaction};

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

/// A program of the operator's says whom it asks for (`client_ip`, seed A08): from there on that is who asks, for limits,
/// hooks and the audit log. Nobody else may say so, or limits would be what each caller wants them to be.
pub async fn speaks_for(
    platform: &Platform,
    caller: Caller,
    client_ip: Option<&str>,
) -> Result<Caller, ApiError> {
    let Some(given) = client_ip else { return Ok(caller) };
    let refused = |said| ApiError::field("options.client_ip", said);
    let key =
        caller.service_key.as_ref().ok_or_else(|| refused("Only with a service key can this be said."))?;
    recognise(platform, key.expose()).await?.require(Scope::Trusted)?;
    let ip: IpAddr = given.parse().map_err(|_| refused("This is no IP address."))?;
    Ok(Caller { ip: Some(ip.to_canonical()), ..caller })
}

/// The refusal of a call without a key, or with a wrong one.
pub fn required() -> ApiError {
    let detail = "A service key is needed: the header Authorization: Bearer dw_sk_… with one that is in use.";
    ApiError { detail: Some(detail.into()), ..ErrorCode::SessionRequired.into() }
}

/// Unknown, wrong and revoked are one answer.
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

/// A use is noted to the minute: finer would cost every request a write.
fn minute(now: Millis) -> Millis {
    now - now.rem_euclid(60_000)
}
