//! Completed requests with an idempotency key, and the data of their answers.

use doorward_core::clock::Millis;
use sqlx::Row;

use crate::{StoreError, Tx};

/// A completed request.
#[derive(Clone, Debug)]
pub struct Done {
    /// The MAC of the request.
    pub request: Vec<u8>,
    /// The data that the answer is built from, as JSON.
    pub answer: String,
}

/// The request with this key, if it was completed after `since`.
pub async fn find(db: &mut Tx, key: &str, since: Millis) -> Result<Option<Done>, StoreError> {
    let row = sqlx::query("select request, answer from idempotency where key = $1 and created_at > $2")
        .bind(key)
        .bind(since)
        .fetch_optional(db)
        .await?;
    row.map(|row| Ok(Done { request: row.try_get("request")?, answer: row.try_get("answer")? })).transpose()
}

/// Claims the key for a request. Returns the earlier request if one has the key. The unique row makes
/// concurrent requests wait for each other.
pub async fn claim(
    tx: &mut Tx,
    key: &str,
    request: &[u8],
    now: Millis,
    since: Millis,
) -> Result<Option<Done>, StoreError> {
    sqlx::query("delete from idempotency where key = $1 and created_at <= $2")
        .bind(key)
        .bind(since)
        .execute(&mut *tx)
        .await?;
    let done = sqlx::query(
        "insert into idempotency (key, request, answer, created_at) values ($1, $2, '', $3)
        on conflict (key) do nothing",
    )
    .bind(key)
    .bind(request)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() > 0 { Ok(None) } else { find(tx, key, since).await }
}

/// Stores the data that the answer is built from.
pub async fn answer(tx: &mut Tx, key: &str, answer: &str) -> Result<(), StoreError> {
    sqlx::query("update idempotency set answer = $2 where key = $1")
        .bind(key)
        .bind(answer)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes at most `limit` keys that are not newer than `before`.
pub async fn prune(tx: &mut Tx, before: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "delete from idempotency where key in (select key from idempotency where created_at <= $1 limit $2)",
    )
    .bind(before)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}
