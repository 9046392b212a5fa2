//! Deletes what is over (D-35): a little at a time, so that nobody waits for it, and on one node for all of them.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::clock::Millis;
use doorward_request::idempotency::KEPT;
use doorward_request::platform::Platform;
use doorward_store::{
    StoreError, audit, budgets, challenges, deliveries, flows, idempotency, leases, outbox, proofs, sessions,
    transaction,
};

/// Rows in one go.
const LIMIT: i64 = 500;

/// What a hook was told can be sent again for so long.
const TOLD: Millis = 24 * 60 * 60_000;

/// What a lease has over the time until its holder looks again.
const LEASE_MARGIN: Millis = 60_000;

/// Looks from time to time, for ever.
pub async fn run(platform: Arc<Platform>) {
    let every = Duration::from(platform.config.prune.every).max(Duration::from_secs(1));
    let node = platform.world.id();
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = turn(&platform, &node).await {
            tracing::warn!(cause = %error, "what is over could not be deleted");
        }
    }
}

/// Deletes what is over, if that is this node's work: it is for as long as it keeps coming, else it becomes
/// another's. Answers how many rows; `None` when another node does it.
pub async fn turn(platform: &Platform, node: &str) -> Result<Option<u64>, StoreError> {
    let (node, now) = (node.to_owned(), platform.world.now());
    let until = now + platform.config.prune.every.millis() + LEASE_MARGIN;
    let ours =
        platform.store.write(transaction!(|tx| leases::take(tx, "prune", &node, now, until).await)).await?;
    if ours { all(platform).await.map(Some) } else { Ok(None) }
}

/// Deletes everything that is over now; answers how many rows.
pub async fn all(platform: &Platform) -> Result<u64, StoreError> {
    let now = platform.world.now();
    let unused_since = now - platform.config.session.idle.millis();
    let audit = now - platform.config.prune.audit.millis();
    let old_challenges = now - platform.config.prune.challenges.millis();
    let dead = now - platform.config.prune.dead_letters.millis();
    // What a flow ended with is asked for in its last minutes.
    let old_flows = now - 4 * platform.config.flows.lifetime.millis() - platform.config.flows.grace.millis();
    let mut rows = 0;
    loop {
        let some = platform
            .store
            .write(transaction!(|tx| {
                let sessions = sessions::prune(tx, now, unused_since, LIMIT).await?;
                let audit = audit::prune(tx, audit, LIMIT).await?;
                let requests = idempotency::prune(tx, now - KEPT.millis(), LIMIT).await?;
                let challenges = challenges::prune(tx, old_challenges, LIMIT).await?;
                let proofs = proofs::prune(tx, now, LIMIT).await?;
                let flows = flows::prune(tx, old_flows, LIMIT).await?;
                let mails = outbox::prune(tx, dead, LIMIT).await?;
                let told = deliveries::prune(tx, now - TOLD, dead, LIMIT).await?;
                let budgets = budgets::prune(tx, now, LIMIT).await?;
                let rest = proofs + flows + mails + told + budgets;
                Ok::<_, StoreError>(sessions + audit + requests + challenges + rest)
            }))
            .await?;
        rows += some;
        if some < LIMIT.unsigned_abs() {
            return Ok(rows);
        }
    }
}
