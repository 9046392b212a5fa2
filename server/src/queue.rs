//! What the outbox and the deliveries of hooks have in common: rows that are taken under a lease, leave a few at a time, and
//! come back after a pause that grows.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::clock::Millis;

/// How often to look without having been woken: for rows of other nodes and for leases that ran out.
const LOOK: Duration = Duration::from_secs(1);
/// What a lease has over the longest attempt.
pub(crate) const LEASE_MARGIN: Millis = 30_000;
/// The first pause after a failure; each next one is twice as long.
const PAUSE: Millis = 5_000;
/// The longest pause.
const LONGEST_PAUSE: Millis = 15 * 60_000;

/// Takes and delivers, `slots` at a time, until it is told to end; then lets what is on its way finish.
pub(crate) async fn work<T, Taking, Delivering>(
    slots: usize,
    bell: &Notify,
    mut ended: watch::Receiver<()>,
    take: impl Fn(usize) -> Taking,
    deliver: impl Fn(T) -> Delivering,
) where
    Taking: Future<Output = Vec<T>>,
    Delivering: Future<Output = ()> + Send + 'static,
{
    let mut leaving = JoinSet::new();
    loop {
        while leaving.try_join_next().is_some() {}
        // Never more than can leave at once: what waits stays in the table, where another node can take it.
        for item in take(slots.saturating_sub(leaving.len())).await {
            leaving.spawn(deliver(item));
        }
        tokio::select! {
            _ = ended.changed() => break,
            _ = leaving.join_next(), if !leaving.is_empty() => {}
            () = bell.notified(), if leaving.len() < slots => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    while leaving.join_next().await.is_some() {}
}

/// How long to wait after so many attempts: twice as long after each, up to a bound, and anywhere in the upper half of
/// that. What failed together does not come back together.
pub(crate) fn pause(attempts: i64, chance: u64) -> Millis {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(20);
    let longest = PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let half = longest / 2;
    half + Millis::try_from(chance % u64::try_from(half + 1).unwrap_or(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_are_never_all_alike() {
        for (attempts, longest) in [(1, 5_000), (2, 10_000), (5, 80_000), (9, 900_000), (1_000_000, 900_000)]
        {
            assert_eq!(pause(attempts, 0), longest / 2);
            assert_eq!(pause(attempts, u64::try_from(longest / 2).unwrap()), longest);
        }
    }
}
