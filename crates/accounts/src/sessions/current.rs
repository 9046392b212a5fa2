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

/// A request with the access token of a session that has not ended: revoking one works at once (D-5). If the session
/// is bound to a key, it came with a proof of that.
///
/// A handler that writes calls [`CurrentSession::confirm`] first in its transaction; for one that reads all is done.
#[derive(Clone, Debug)]
pub struct CurrentSession {
    /// Whose session it is.
    pub account: Account,
    /// Id of the session.
    pub id: String,
    /// When the person signed in.
    pub authenticated_at: Millis,
    /// What the access token says.
    pub claims: Arc<Claims>,
    /// The proof of its key, where it is bound to one.
    pub proof: Option<Proof>,
}

impl CurrentSession {
    /// Has it not ended meanwhile, and is its proof used for the first time? Asked in the transaction of every write.
    pub async fn confirm(&self, tx: &mut Tx, now: Millis) -> Result<(), ApiError> {
        dpop::spend(tx, self.proof.as_ref()).await?;
        accounts::lock(tx, &self.account.id).await?;
        sessions::lock(tx, &self.id).await?;
        let alive = sessions::live_account(tx, &self.id, now).await?;
        alive.map(drop).ok_or_else(|| ErrorCode::SessionRequired.into())
    }
}

impl CurrentSession {
    /// Refuses with `REAUTH_REQUIRED` unless the person signed in within `session.fresh`. Changes that could lock the owner
    /// out or let another person in ask for this (D-9).
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

/// The account and session of a call that needs none.
pub fn principal(session: Option<&CurrentSession>) -> Principal {
    session.map(Principal::from).unwrap_or_default()
}
