//! Sessions: one row each, from sign-in to sign-out. A refresh adds no row.

use doorward_core::clock::Millis;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::accounts::{Account, account, select_account};
use crate::engine;
use crate::{StoreError, Tx};

/// A session as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// UUID.
    pub id: String,
    /// The id of the account.
    pub account: String,
    /// An input of the MAC of its refresh tokens.
    pub salt: Vec<u8>,
    /// The generation of the newest refresh token. Each refresh increments it.
    pub generation: i64,
    /// The time of the last increment, or of the sign-in before the first one.
    pub rotated_at: Millis,
    /// The sign-in method.
    pub method: String,
    /// The time of the sign-in.
    pub authenticated_at: Millis,
    /// The time at which the session ends, regardless of its use.
    pub expires_at: Millis,
    /// The time of the last refresh.
    pub used_at: Millis,
    /// The thumbprint of the key that the session is bound to (RFC 7638). `None` for a Bearer session.
    pub key: Option<String>,
    /// The newest generation whose refresh token was presented, -1 before the first. Recorded for bound
    /// sessions only.
    pub presented: i64,
    /// The IP address of the last refresh.
    pub ip: Option<String>,
    /// The `User-Agent` of the last refresh.
    pub user_agent: Option<String>,
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
        key: row.try_get("key_thumbprint")?,
        presented: row.try_get("presented")?,
        ip: row.try_get("ip")?,
        user_agent: row.try_get("user_agent")?,
    })
}

/// Adds a session.
pub async fn insert(tx: &mut Tx, session: &Session) -> Result<(), StoreError> {
    sqlx::query(
        "insert into sessions
            (id, account, salt, generation, rotated_at, method, authenticated_at, expires_at, used_at,
            key_thumbprint, presented, ip, user_agent)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
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
    .bind(session.key.as_deref())
    .bind(session.presented)
    .bind(session.ip.as_deref())
    .bind(session.user_agent.as_deref())
    .execute(tx)
    .await?;
    Ok(())
}

/// Locks a session until the end of the transaction.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<(), StoreError> {
    engine::lock(tx, "select 1 from sessions where id = $1 for update", id).await
}

/// A session and the roles of its account, for a refresh. `None` if the account is disabled.
pub async fn find(db: &mut Tx, id: &str) -> Result<Option<(Session, Vec<String>)>, StoreError> {
    let row = sqlx::query(
        "select s.id as session, s.account, s.salt, s.generation, s.rotated_at, s.method, s.authenticated_at,
            s.expires_at, s.used_at, s.key_thumbprint, s.presented, s.ip, s.user_agent, a.roles
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

/// Lists at most `limit` sessions of an account that have not ended, the last used first.
pub async fn list(
    db: &mut Tx,
    account: &str,
    now: Millis,
    unused_since: Millis,
    limit: i64,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query(
        "select id as session, account, salt, generation, rotated_at, method, authenticated_at, expires_at, used_at,
            key_thumbprint, presented, ip, user_agent
        from sessions
        where account = $1 and expires_at > $2 and used_at > $3
        order by used_at desc, id desc
        limit $4",
    )
    .bind(account)
    .bind(now)
    .bind(unused_since)
    .bind(limit)
    .fetch_all(db)
    .await?;
    rows.iter().map(session).collect()
}

/// The account of a session that has not ended, for a request with an access token.
pub async fn live_account(db: &mut Tx, id: &str, now: Millis) -> Result<Option<Account>, StoreError> {
    let sql = select_account!(
        "from sessions s
        join accounts a on a.id = s.account
        where s.id = $1 and s.expires_at > $2 and a.disabled = 0"
    );
    sqlx::query(sql).bind(id).bind(now).fetch_optional(db).await?.as_ref().map(account).transpose()
}

/// Moves the session from generation `from` to that of `next`, in one compare-and-swap. Returns false if
/// another request has moved it, or the session has ended.
pub async fn rotate(tx: &mut Tx, from: i64, next: &Session) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update sessions
        set generation = $3, rotated_at = $4, used_at = $5, presented = $6, ip = $7, user_agent = $8
        where id = $1 and generation = $2",
    )
    .bind(&next.id)
    .bind(from)
    .bind(next.generation)
    .bind(next.rotated_at)
    .bind(next.used_at)
    .bind(next.presented)
    .bind(next.ip.as_deref())
    .bind(next.user_agent.as_deref())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Records that the refresh token of a generation was presented. Returns false if the session is no longer at
/// generation `at`, or has ended.
pub async fn present(tx: &mut Tx, id: &str, at: i64, presented: i64) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update sessions set presented = case when presented < $3 then $3 else presented end
        where id = $1 and generation = $2",
    )
    .bind(id)
    .bind(at)
    .bind(presented)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends a session. Returns the id of its account, `None` if it had ended already.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("delete from sessions where id = $1 returning account")
        .bind(id)
        .fetch_optional(tx)
        .await?;
    Ok(row.map(|row| row.try_get("account")).transpose()?)
}

/// Ends a session of an account. Returns false if the account does not have it.
pub async fn delete_of(tx: &mut Tx, account: &str, id: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("delete from sessions where id = $1 and account = $2")
        .bind(id)
        .bind(account)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends all sessions of an account except one. Returns their number.
pub async fn delete_others(tx: &mut Tx, account: &str, id: &str) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from sessions where account = $1 and id <> $2")
        .bind(account)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(done.rows_affected())
}

/// Ends all sessions of an account. Returns their number.
pub async fn delete_all(tx: &mut Tx, account: &str) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from sessions where account = $1").bind(account).execute(tx).await?;
    Ok(done.rows_affected())
}

/// Deletes at most `limit` sessions that have ended.
pub async fn prune(tx: &mut Tx, now: Millis, unused_since: Millis, limit: i64) -> Result<u64, StoreError> {
    // The condition is repeated outside, so that a session that is refreshed at the same time is checked
    // again.
    let done = sqlx::query(
        "delete from sessions where id in (
            select id from sessions where expires_at <= $1
            union select id from sessions where used_at <= $2
            limit $3)
        and (expires_at <= $1 or used_at <= $2)",
    )
    .bind(now)
    .bind(unused_since)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}
