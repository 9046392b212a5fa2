//! What hooks are still to be told: put in with what it tells of, taken under a lease.

use super::{StoreError, Tx};
use crate::clock::Millis;

/// Something to tell.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Id of the row; whoever is told the same twice knows it by that.
    pub id: &'a str,
    /// Name of the hook, like `post_signup`.
    pub event: &'a str,
    /// Who is told: `script`, or the name of a webhook.
    pub target: &'a str,
    /// A [`crate::hooks::Report`] as JSON.
    pub payload: &'a str,
    /// The request that caused it.
    pub request: &'a str,
}

/// Puts one in; it is due at once. One that is there is replaced, or left as it is.
pub async fn put(tx: &mut Tx, delivery: Delivery<'_>, now: Millis, replace: bool) -> Result<(), StoreError> {
    sqlx::query(
        "insert into hook_deliveries (id, event, target, payload, request, attempts, due_at, created_at)
        values ($1, $2, $3, $4, $5, 0, $6, $6)
        on conflict (id) do update set payload = excluded.payload where $7 = 1 and hook_deliveries.attempts = 0",
    )
    .bind(delivery.id)
    .bind(delivery.event)
    .bind(delivery.target)
    .bind(delivery.payload)
    .bind(delivery.request)
    .bind(now)
    .bind(i64::from(replace))
    .execute(tx)
    .await?;
    Ok(())
}
