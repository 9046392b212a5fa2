//! The sessions of an account: listing and ending them.

use doorward_core::clock::rfc3339;
use doorward_protocol::admin::AdminSession;
use doorward_protocol::error::ErrorCode;
use doorward_request::audit::{Event, Record};
use doorward_request::error::ApiError;
use doorward_store::sessions::{self, Session};
use doorward_store::{accounts, transaction};

use super::{Operator, locked, unknown_user};

/// Maximum number of sessions in a list.
const LISTED: i64 = 1000;

impl Operator {
    /// The sessions that have not ended, last used first.
    pub async fn sessions(&self, id: &str) -> Result<Vec<AdminSession>, ApiError> {
        let now = self.world.now();
        let mut db = self.store.read().await?;
        accounts::by_id(&mut db, id).await?.ok_or_else(unknown_user)?;
        let all = sessions::list(&mut db, id, now, now - self.idle, LISTED).await?;
        Ok(all.into_iter().map(shown).collect())
    }

    /// Ends all sessions of an account. Returns their number.
    pub async fn end_sessions(&self, id: &str) -> Result<u64, ApiError> {
        let (operator, id) = (self.clone(), id.to_owned());
        self.store
            .write(transaction!(|tx| {
                locked(tx, &id).await?;
                let ended = sessions::delete_all(tx, &id).await?;
                let record = Record::of(Event::SessionRevoked).account(&id);
                let now = operator.world.now();
                operator.record(tx, record, &format!("{ended} sessions ended"), now).await?;
                Ok(ended)
            }))
            .await
    }

    /// Ends one session of an account.
    pub async fn end_session(&self, id: &str, session: &str) -> Result<(), ApiError> {
        let (operator, id, session) = (self.clone(), id.to_owned(), session.to_owned());
        self.store
            .write(transaction!(|tx| {
                locked(tx, &id).await?;
                if !sessions::delete_of(tx, &id, &session).await? {
                    let detail = "The account has no such session.";
                    return Err(ApiError { detail: Some(detail.into()), ..ErrorCode::NotFound.into() });
                }
                let record = Record::of(Event::SessionRevoked).account(&id).session(&session);
                Ok(operator.record(tx, record, "", operator.world.now()).await?)
            }))
            .await
    }
}

fn shown(session: Session) -> AdminSession {
    AdminSession {
        id: session.id,
        method: session.method,
        created_at: rfc3339(session.authenticated_at),
        last_seen_at: rfc3339(session.used_at),
        expires_at: rfc3339(session.expires_at),
        bound: session.key.is_some(),
        ip: session.ip,
        user_agent: session.user_agent,
    }
}
