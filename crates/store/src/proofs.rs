//! Used DPoP proofs.

use doorward_core::clock::Millis;

use crate::{StoreError, Tx};

/// Records a proof. Returns false if it was used before. The unique row makes concurrent requests with the
/// same proof wait for each other.
pub async fn insert(tx: &mut Tx, id: &[u8], expires_at: Millis) -> Result<bool, StoreError> {
    let done = sqlx::query("insert into proofs (expires_at, id) values ($1, $2) on conflict do nothing")
        .bind(expires_at)
        .bind(id)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// The tolerated clock difference between nodes: a node whose clock is behind accepts a nonce for longer.
const LEEWAY: Millis = 120_000;

/// Deletes at most `limit` proofs whose nonce has expired on every node.
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
