//! Deletes expired rows (D-35). One node does this for all nodes, in small transactions, so that no request waits
//! long.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::clock::Millis;
use doorward_request::idempotency::KEPT;
use doorward_request::platform::Platform;
use doorward_store::{
    StoreError, audit, budgets, challenges, deliveries, flows, idempotency, leases, outbox, proofs, sessions,
    transaction,
};

/// Maximum number of rows that one transaction deletes from each table.
const LIMIT: i64 = 500;

/// Time in milliseconds for which delivered events are kept, so that they can be sent again.
const DELIVERED_KEPT: Millis = 24 * 60 * 60_000;

/// Time in milliseconds for which a lease lasts beyond its next renewal.
const LEASE_MARGIN: Millis = 60_000;

/// Deletes expired rows at the interval `prune.every`, forever.
pub async fn run(platform: Arc<Platform>) {
    let every = Duration::from(platform.config.prune.every).max(Duration::from_secs(1));
    let node = platform.world.id();
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = turn(&platform, &node).await {
            tracing::warn!(cause = %error, "expired rows could not be deleted");
        }
    }
}

/// Deletes expired rows if this node holds the lease. A node keeps the lease by renewing it here. If it stops,
/// another node takes the lease. Returns the number of deleted rows, or `None` if another node holds the lease.
pub async fn turn(platform: &Platform, node: &str) -> Result<Option<u64>, StoreError> {
    let (node, now) = (node.to_owned(), platform.world.now());
    let until = now + platform.config.prune.every.millis() + LEASE_MARGIN;
    let ours =
        platform.store.write(transaction!(|tx| leases::take(tx, "prune", &node, now, until).await)).await?;
    if ours { all(platform).await.map(Some) } else { Ok(None) }
}

/// Deletes all expired rows. Returns their number.
pub async fn all(platform: &Platform) -> Result<u64, StoreError> {
    let now = platform.world.now();
    let unused_since = now - platform.config.session.idle.millis();
    let audit = now - platform.config.prune.audit.millis();
    let old_challenges = now - platform.config.prune.challenges.millis();
    let dead = now - platform.config.prune.dead_letters.millis();
    // Clients may ask for the outcome of a flow, or use its offer, after the flow has expired.
    let old_flows = now - 4 * platform.config.flows.lifetime.millis() - platform.config.flows.grace.millis();
    let mut rows = 0;
    loop {
        let deleted = platform
            .store
            .write(transaction!(|tx| {
                let sessions = sessions::prune(tx, now, unused_since, LIMIT).await?;
                let audit = audit::prune(tx, audit, LIMIT).await?;
                let requests = idempotency::prune(tx, now - KEPT.millis(), LIMIT).await?;
                let challenges = challenges::prune(tx, old_challenges, LIMIT).await?;
                let proofs = proofs::prune(tx, now, LIMIT).await?;
                let flows = flows::prune(tx, old_flows, LIMIT).await?;
                let mails = outbox::prune(tx, dead, LIMIT).await?;
                let events = deliveries::prune(tx, now - DELIVERED_KEPT, dead, LIMIT).await?;
                let budgets = budgets::prune(tx, now, LIMIT).await?;
                let rest = proofs + flows + mails + events + budgets;
                Ok::<_, StoreError>(sessions + audit + requests + challenges + rest)
            }))
            .await?;
        rows += deleted;
        if deleted < LIMIT.unsigned_abs() {
            return Ok(rows);
        }
    }
}
