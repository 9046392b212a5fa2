//! The session of a request.

use std::sync::Arc;

use doorward_core::clock::Millis;
use doorward_credentials::dpop::{self, Proof};
use doorward_credentials::tokens::Claims;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_request::event::Principal;
use doorward_request::platform::Platform;
use doorward_store::accounts::{self, Account};
use doorward_store::{Tx, sessions};

/// The session of a request with an access token. The session has not ended: a revocation takes effect at once
/// (D-5). If the session is bound to a key, the request has proven the key.
///
/// A handler that writes calls [`CurrentSession::confirm`] first in its transaction. A handler that only reads
/// needs no other check.
#[derive(Clone, Debug)]
pub struct CurrentSession {
    /// The account of the session.
    pub account: Account,
    /// The id of the session.
    pub id: String,
    /// The time of the sign-in.
    pub authenticated_at: Millis,
    /// The claims of the access token.
    pub claims: Arc<Claims>,
    /// The proof of the session's key, if the session is bound to one.
    pub proof: Option<Proof>,
}

impl CurrentSession {
    /// Checks that the session has not ended meanwhile, and uses up its proof. Call this in the transaction of
    /// every write.
    pub async fn confirm(&self, tx: &mut Tx, now: Millis) -> Result<(), ApiError> {
        dpop::spend(tx, self.proof.as_ref()).await?;
        accounts::lock(tx, &self.account.id).await?;
        sessions::lock(tx, &self.id).await?;
        let alive = sessions::live_account(tx, &self.id, now).await?;
        alive.map(drop).ok_or_else(|| ErrorCode::SessionRequired.into())
    }
}

impl CurrentSession {
    /// Returns `REAUTH_REQUIRED` unless the user signed in within `session.fresh`. Changes that could lock the
    /// owner out or let another user in require this (D-9).
    pub fn fresh(&self, platform: &Platform) -> Result<(), ApiError> {
        let age = platform.world.now() - self.authenticated_at;
        if age > platform.config.session.fresh.millis() {
            Err(ErrorCode::ReauthRequired.into())
        } else {
            Ok(())
        }
    }
}

impl From<&CurrentSession> for Principal {
    fn from(session: &CurrentSession) -> Principal {
        Principal { user_id: session.account.id.clone(), session_id: session.id.clone() }
    }
}

/// The account and session of a request that may have none.
pub fn principal(session: Option<&CurrentSession>) -> Principal {
    session.map(Principal::from).unwrap_or_default()
}
