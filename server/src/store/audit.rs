//! The audit log: written in the transaction of what it records.

use super::{StoreError, Tx};
use crate::clock::Millis;

/// One line of the log.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// UUID.
    pub id: String,
    /// When.
    pub at: Millis,
    /// What.
    pub event: &'static str,
    /// About whose account.
    pub account: Option<&'a str>,
    /// About which session.
    pub session: Option<&'a str>,
    /// From which address.
    pub ip: Option<String>,
    /// In which request.
    pub request: Option<&'a str>,
    /// What else there is to say; never a secret.
    pub detail: Option<&'a str>,
}

/// Adds a line.
pub async fn insert(tx: &mut Tx, entry: &Entry<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "insert into audit (id, at, event, account, session, ip, request, detail)
        values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(entry.id.as_str())
    .bind(entry.at)
    .bind(entry.event)
    .bind(entry.account)
    .bind(entry.session)
    .bind(entry.ip.as_deref())
    .bind(entry.request)
    .bind(entry.detail)
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes lines that were kept long enough, at most so many at a time.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from audit where id in (select id from audit where at <= $1 limit $2)")
        .bind(before)
        .bind(limit)
        .execute(tx)
        .await?;
    Ok(done.rows_affected())
}
