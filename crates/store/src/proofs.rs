//! Proofs that were used.

use doorward_core::clock::Millis;

use crate::{StoreError, Tx};

/// Writes one down; false when it stands there already. The unique row makes two at once wait for each other.
pub async fn insert(tx: &mut Tx, id: &[u8], expires_at: Millis) -> Result<bool, StoreError> {
    let done = sqlx::query("insert into proofs (expires_at, id) values ($1, $2) on conflict do nothing")
        .bind(expires_at)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// A node whose clock is behind, by this much at most, takes a nonce for longer.
const LEEWAY: Millis = 120_000;

/// Forgets those whose nonce is good no more, on any node; at most so many at a time.
pub async fn prune(tx: &mut Tx, now: Millis, limit: i64) -> Result<u64, StoreError> {
    let done = sqlx::query(
        "delete from proofs where (expires_at, id) in (
            select expires_at, id from proofs where expires_at <= $1 limit $2)",
    )
    .bind(now - LEEWAY)
    .bind(limit)
    .execute(tx)
    .await?;
    Ok(done.rows_affected())
}
