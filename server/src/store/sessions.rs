//! Sessions: one row each, from sign-in to sign-out. Nothing grows while one is used.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::accounts::{Account, account, select_account};
use super::{StoreError, Tx};
use crate::clock::Millis;

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// UUID.
    pub id: String,
    /// Whose it is.
    pub account: String,
    /// Goes into the MAC of its refresh tokens.
    pub salt: Vec<u8>,
    /// Which refresh token is the newest: rises by one with each rotation.
    pub generation: i64,
    /// When it last rose; the moment of the sign-in before the first rotation.
    pub rotated_at: Millis,
    /// How the person signed in.
    pub method: String,
    /// When the person signed in.
    pub authenticated_at: Millis,
    /// When it ends, however much it is used.
    pub expires_at: Millis,
    /// When it was last refreshed.
    pub used_at: Millis,
}

fn session(row: &AnyRow) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.try_get("session")?,
        account: row.try_get("account")?,
        salt: row.try_get("salt")?,
        generation: row.try_get("generation")?,
        rotated_at: row.try_get("rotated_at")?,
        method: row.try_get("method")?,
        authenticated_at: row.try_get("authenticated_at")?,
        expires_at: row.try_get("expires_at")?,
        used_at: row.try_get("used_at")?,
    })
}

/// Adds a session.
pub async fn insert(tx: &mut Tx, session: &Session) -> Result<(), StoreError> {
    sqlx::query(
        "insert into sessions
            (id, account, salt, generation, rotated_at, method, authenticated_at, expires_at, used_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&session.id)
    .bind(&session.account)
    .bind(session.salt.as_slice())
    .bind(session.generation)
    .bind(session.rotated_at)
    .bind(&session.method)
    .bind(session.authenticated_at)
    .bind(session.expires_at)
    .bind(session.used_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// A session and the roles of its account, for a refresh; none when the account is disabled.
pub async fn find(db: &mut Tx, id: &str) -> Result<Option<(Session, Vec<String>)>, StoreError> {
    let row = sqlx::query(
        "select s.id as session, s.account, s.salt, s.generation, s.rotated_at, s.method, s.authenticated_at,
            s.expires_at, s.used_at, a.roles
        from sessions s
        join accounts a on a.id = s.account
        where s.id = $1 and a.disabled = 0",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let roles = serde_json::from_str(row.try_get("roles")?)
            .map_err(|error| StoreError::Internal(format!("stored roles are not JSON: {error}")))?;
        Ok((session(&row)?, roles))
    })
    .transpose()
}

/// The account of a session that has not ended, for a request with an access token.
pub async fn live_account(db: &mut Tx, id: &str, now: Millis) -> Result<Option<Account>, StoreError> {
    let sql = select_account!(
        "from sessions s
        join accounts a on a.id = s.account
        left join identities e on e.account = a.id and e.kind = 'email'
        where s.id = $1 and s.expires_at > $2 and a.disabled = 0"
    );
    sqlx::query(sql).bind(id).bind(now).fetch_optional(db).await?.as_ref().map(account).transpose()
}

/// Moves the generation on, if nobody else has: one compare-and-swap. False when it was not `from` any more,
/// or the session has ended.
pub async fn rotate(tx: &mut Tx, id: &str, from: i64, to: i64, now: Millis) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update sessions set generation = $3, rotated_at = $4, used_at = $4
        where id = $1 and generation = $2",
    )
    .bind(id)
    .bind(from)
    .bind(to)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a session; answers whose it was, `None` when it had ended already.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("delete from sessions where id = $1 returning account")
        .bind(id)
        .fetch_optional(tx)
        .await?;
    Ok(row.map(|row| row.try_get("account")).transpose()?)
}

/// Ends all sessions of an account; answers how many.
pub async fn delete_all(tx: &mut Tx, account: &str) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from sessions where account = $1").bind(account).execute(tx).await?;
    Ok(done.rows_affected())
}

/// Deletes sessions that are over, at most so many at a time.
pub async fn prune(tx: &mut Tx, now: Millis, unused_since: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "delete from sessions where id in (
            select id from sessions where expires_at <= $1
            union select id from sessions where used_at <= $2
            limit $3)",
    )
    .bind(now)
    .bind(unused_since)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}
