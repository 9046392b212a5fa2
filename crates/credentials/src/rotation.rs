//! Rotates the keys that sign access tokens. The next key is published well before it signs. The previous key
//! verifies until its last token has expired. So services that keep a copy of the JWKS document are not
//! affected.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::clock::Millis;
use doorward_request::platform::Platform;
use doorward_store::signing_keys::{StoredKey, insert, list, lock, prune, retire_others};
use doorward_store::{StoreError, transaction};

use crate::signing::{TokenIssuer, generate};

/// Interval at which a node looks for keys of other nodes, and checks whether the next key is due.
const EVERY: Duration = Duration::from_secs(60);

/// Extra time in milliseconds for which a key verifies, because clocks differ.
const LEEWAY: Millis = 5 * 60 * 1000;

/// Checks the keys periodically, without end. The interval is short enough to load a key of another node before
/// that node signs with it.
pub async fn run(issuer: Arc<TokenIssuer>) {
    let every = EVERY
        .min(Duration::from(issuer.platform.config.token.publish_keys) / 4)
        .max(Duration::from_millis(250));
    loop {
        tokio::time::sleep(every).await;
        if let Err(error) = turn(&issuer).await {
            tracing::warn!(cause = %error, "the signing keys could not be checked");
        }
    }
}

/// Creates the next key if it is due, and loads the keys of the database.
pub async fn turn(issuer: &TokenIssuer) -> Result<(), StoreError> {
    let now = issuer.platform.world.now();
    let stored = list(&mut *issuer.platform.store.read().await?, now).await?;
    if let Some(activates_at) = due(&stored, now, &issuer.platform.config.token) {
        publish(&issuer.platform, activates_at).await?;
    }
    issuer.signing_keys.reload(&issuer.platform.store, &issuer.platform.secret_keys, now).await
}

/// The time at which the next key begins to sign. `None` if it is too early to publish it.
fn due(stored: &[StoredKey], now: Millis, rules: &doorward_config::Token) -> Option<Millis> {
    let newest = stored.iter().map(|key| key.activates_at).max()?;
    let ahead = rules.publish_keys.millis();
    let next = newest + rules.rotate_keys.millis();
    // After a long downtime the rotation is late, but the new key is still published for its full time.
    (next - ahead <= now).then_some(next.max(now + ahead))
}

/// Creates a key that signs from `activates_at` on. The other keys end after their last tokens.
async fn publish(platform: &Platform, activates_at: Millis) -> Result<(), StoreError> {
    let key = generate(&platform.secret_keys, &platform.world, activates_at)?;
    let (now, rules) = (platform.world.now(), platform.config.token.clone());
    let made = platform.store.write(transaction!(|tx| {
        lock(tx).await?;
        prune(tx, now).await?;
        // Another node may have been faster.
        if due(&list(tx, now).await?, now, &rules).is_none() {
            return Ok::<_, StoreError>(false);
        }
        insert(tx, &key).await?;
        retire_others(tx, &key.id, activates_at + rules.lifetime.millis() + LEEWAY).await?;
        Ok(true)
    }));
    if made.await? {
        tracing::info!(
            activates_at = doorward_core::clock::rfc3339(activates_at),
            "published the next signing key"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Millis = 86_400_000;

    fn key(activates_at: Millis) -> StoredKey {
        let (id, sealed, public_key) = (String::new(), Vec::new(), Vec::new());
        StoredKey { id, sealed, public_key, created_at: 0, activates_at, retires_at: None }
    }

    #[test]
    fn the_next_key_is_published_a_day_before_the_month_is_over() {
        let rules = doorward_config::Token::default();
        for (keys, now, activates_at) in [
            (vec![key(0)], 0, None),
            (vec![key(0)], 29 * DAY - 1, None),
            (vec![key(0)], 29 * DAY, Some(30 * DAY)),
            (vec![key(0)], 30 * DAY, Some(31 * DAY)),
            (vec![key(0)], 300 * DAY, Some(301 * DAY)),
            (vec![key(30 * DAY), key(0)], 29 * DAY, None),
            (vec![key(30 * DAY), key(0)], 59 * DAY, Some(60 * DAY)),
            (vec![], 0, None),
        ] {
            assert_eq!(due(&keys, now, &rules), activates_at, "{now}");
        }
    }
}
