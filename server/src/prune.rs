//! Deletes what is over (D-35): a little at a time, so that nobody waits for it.

use std::time::Duration;

use crate::idempotency::KEPT;
use crate::state::{App, AppState};
use crate::store::{StoreError, audit, challenges, idempotency, outbox, proofs, sessions};

/// Rows in one go.
const LIMIT: i64 = 500;

/// Looks from time to time, for ever.
pub async fn run(app: AppState) {
    let every = Duration::from(app.config.prune.every).max(Duration::from_secs(1));
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = all(&app).await {
            tracing::warn!(cause = %error, "what is over could not be deleted");
        }
    }
}

/// Deletes everything that is over now; answers how many rows.
pub async fn all(app: &App) -> Result<u64, StoreError> {
    let now = app.world.now();
    let unused_since = now - app.config.session.idle.millis();
    let audit = now - app.config.prune.audit.millis();
    let old_challenges = now - app.config.prune.challenges.millis();
    let dead = now - app.config.prune.dead_letters.millis();
    let mut rows = 0;
    loop {
        let some = app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let sessions = sessions::prune(tx, now, unused_since, LIMIT).await?;
                    let audit = audit::prune(tx, audit, LIMIT).await?;
                    let requests = idempotency::prune(tx, now - KEPT.millis(), LIMIT).await?;
                    let challenges = challenges::prune(tx, old_challenges, LIMIT).await?;
                    let proofs = proofs::prune(tx, now, LIMIT).await?;
                    let mails = outbox::prune(tx, dead, LIMIT).await?;
                    Ok::<_, StoreError>(sessions + audit + requests + challenges + proofs + mails)
                })
            })
            .await?;
        rows += some;
        if some < LIMIT.unsigned_abs() {
            return Ok(rows);
        }
    }
}
