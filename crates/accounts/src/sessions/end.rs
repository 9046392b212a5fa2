//! The sessions of an account: listing and ending them. The row of an ended session is deleted, so this server
//! rejects all its tokens from that moment on.

use std::sync::Arc;

use doorward_core::clock::rfc3339;
use doorward_credentials::signing::TokenIssuer;
use doorward_credentials::tokens::{RefreshToken, RevokeToken};
use doorward_protocol::session::{RevokeScope, SessionInfo};
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::sessions::{self, Session};
use doorward_store::{StoreError, Tx, transaction};

use crate::sessions::current::CurrentSession;

/// Maximum number of sessions in a list.
const LISTED: i64 = 100;

/// The session that a revoke-only value names. Does not check that the session exists.
pub fn of_revoke_token(platform: &Platform, value: &str) -> Option<String> {
    RevokeToken::read(&platform.secret_keys, value)
}

/// The session of a refresh token or an access token. `None` for an old copy of a refresh token, which must end
/// nothing (D-1).
pub async fn of_token(issuer: &TokenIssuer, token: &str) -> Result<Option<String>, ApiError> {
    if let Some(token) = RefreshToken::read(token) {
        let found = sessions::find(&mut *issuer.platform.store.read().await?, &token.session()).await?;
        let genuine = found.filter(|(session, _)| {
            token.is_genuine(&issuer.platform.secret_keys, &session.salt)
                && token.generation >= session.generation - 1
        });
        return Ok(genuine.map(|(session, _)| session.id));
    }
    let claims = issuer.access_tokens.verify(&issuer.signing_keys, token, issuer.platform.world.now());
    Ok(claims.map(|claims| claims.sid.clone()))
}

/// Ends a session, if it has not ended. After the response, this server rejects all its tokens.
pub async fn sign_out(platform: &Platform, caller: &Caller, id: String) -> Result<(), ApiError> {
    let (world, caller) = (platform.world.clone(), caller.clone());
    platform
        .store
        .write(transaction!(|tx| {
            if let Some(account) = sessions::delete(tx, &id).await? {
                let record = Record::of(Event::SignedOut).account(&account).session(&id);
                record.write(tx, &world, &caller, world.now()).await?;
            }
            Ok::<(), ApiError>(())
        }))
        .await
}

/// The sessions of the user's account.
pub async fn list(platform: &Platform, asking: &CurrentSession) -> Result<Vec<SessionInfo>, ApiError> {
    let now = platform.world.now();
    let unused_since = now - platform.config.session.idle.millis();
    let mut db = platform.store.read().await?;
    let all = sessions::list(&mut db, &asking.account.id, now, unused_since, LISTED).await?;
    let info = |session: Session| SessionInfo {
        current: session.id == asking.id,
        id: session.id,
        created_at: rfc3339(session.authenticated_at),
        last_seen_at: rfc3339(session.used_at),
        ip: session.ip,
        user_agent: session.user_agent,
    };
    Ok(all.into_iter().map(info).collect())
}

/// Ends one session of the user's account, possibly the present one. Returns `false` if the account has no such
/// session.
pub async fn end(
    platform: &Arc<Platform>,
    caller: Caller,
    asking: CurrentSession,
    id: String,
) -> Result<bool, ApiError> {
    let world = platform.world.clone();
    platform
        .store
        .write(transaction!(|tx| {
            let (now, account) = (world.now(), &asking.account.id);
            asking.confirm(tx, now).await?;
            let ended = sessions::delete_of(tx, account, &id).await?;
            if ended {
                let record = Record::of(Event::SessionRevoked).account(account).session(&id);
                record.write(tx, &world, &caller, now).await?;
            }
            Ok(ended)
        }))
        .await
}

/// Ends several sessions of the user's account.
pub async fn end_several(
    platform: &Arc<Platform>,
    caller: Caller,
    asking: CurrentSession,
    scope: RevokeScope,
) -> Result<(), ApiError> {
    let world = platform.world.clone();
    platform
        .store
        .write(transaction!(|tx| {
            let (now, account) = (world.now(), &asking.account.id);
            asking.confirm(tx, now).await?;
            let (which, ended) = match scope {
                RevokeScope::Others => ("others", sessions::delete_others(tx, account, &asking.id).await?),
                RevokeScope::Global => ("global", end_all(tx, account).await?),
            };
            let detail = format!("{which}: {ended}");
            let record = Record::of(Event::SessionRevoked).account(account).session(&asking.id);
            let record = record.detail(&detail);
            Ok(record.write(tx, &world, &caller, now).await?)
        }))
        .await
}

/// Ends all sessions of an account, in the caller's transaction. Returns their number.
pub async fn end_all(tx: &mut Tx, account: &str) -> Result<u64, StoreError> {
    sessions::delete_all(tx, account).await
}
