//! Shared by the outbox and the deliveries of hooks: a worker that takes rows under a lease, delivers a few at a
//! time, and retries after a growing pause.

use std::fmt;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, watch};
use tokio::task::{JoinError, JoinSet};

use crate::clock::Millis;
use crate::tasks::Tasks;

/// Why a delivery failed. The text is for the operator; it contains no part of the message.
#[derive(Debug)]
pub enum Failure {
    /// A retry may succeed: no connection, a time-out, a full mailbox, a password that the operator can correct.
    Later(String),
    /// A retry cannot succeed: the mailbox does not exist.
    Never(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Later(cause) | Failure::Never(cause)) = self;
        f.write_str(cause)
    }
}

/// Interval between two looks without a wake-up: for rows of other nodes and for expired leases.
const LOOK: Duration = Duration::from_secs(1);
/// Time by which a lease is longer than the longest attempt.
pub const LEASE_MARGIN: Millis = 30_000;
/// The first pause after a failure. Each further one is twice as long.
const PAUSE: Millis = 5_000;
/// The longest pause.
const LONGEST_PAUSE: Millis = 15 * 60_000;

/// A task that delivers the items of a queue.
#[derive(Clone, Copy)]
pub struct Worker<'a> {
    /// The record of tasks.
    pub tasks: &'a Tasks,
    /// Its name in `/health/ready` and in the log.
    pub name: &'a str,
    /// Maximum number of deliveries at the same time.
    pub slots: usize,
    /// Wakes the worker.
    pub wake_up: &'a Notify,
}

impl Worker<'_> {
    /// Takes and delivers items until `ended` changes. Then, as after a panic, waits for the running deliveries.
    pub async fn work<T, Taking, Delivering>(
        self,
        ended: watch::Receiver<()>,
        take: impl Fn(usize) -> Taking,
        deliver: impl Fn(T) -> Delivering,
    ) where
        Taking: Future<Output = Vec<T>>,
        Delivering: Future<Output = ()> + Send + 'static,
    {
        let leaving = Mutex::new(JoinSet::new());
        let run = async || self.run(&mut *leaving.lock().await, ended.clone(), &take, &deliver).await;
        self.tasks.keep(self.name, run).await;
    }

    async fn run<T, Taking, Delivering>(
        self,
        leaving: &mut JoinSet<()>,
        mut ended: watch::Receiver<()>,
        take: impl Fn(usize) -> Taking,
        deliver: impl Fn(T) -> Delivering,
    ) where
        Taking: Future<Output = Vec<T>>,
        Delivering: Future<Output = ()> + Send + 'static,
    {
        let Worker { slots, wake_up, .. } = self;
        while ended.has_changed().is_ok() {
            while let Some(done) = leaving.try_join_next() {
                self.note(done);
            }
            // Takes no more than it can deliver at once: the other rows stay in the table, where another node can
            // take them.
            for item in take(slots.saturating_sub(leaving.len())).await {
                leaving.spawn(deliver(item));
            }
            tokio::select! {
                biased;
                _ = ended.changed() => break,
                Some(done) = leaving.join_next(), if !leaving.is_empty() => self.note(done),
                () = wake_up.notified(), if leaving.len() < slots => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        while let Some(done) = leaving.join_next().await {
            self.note(done);
        }
    }

    /// Records a panic. The item is taken again when its lease has expired.
    fn note(self, done: Result<(), JoinError>) {
        if let Some(Ok(panic)) = done.err().map(JoinError::try_into_panic) {
            self.tasks.piece_panicked(self.name, &*panic);
        }
    }
}

/// The pause after this number of attempts: doubles with each attempt, up to a bound. The result is a random value
/// in the upper half of that pause, so that jobs that failed together do not retry together.
pub fn pause(attempts: i64, chance: u64) -> Millis {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(0).min(20);
    let longest = PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    let half = longest / 2;
    half + Millis::try_from(chance % u64::try_from(half + 1).unwrap_or(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_fails_only_its_own_item_and_is_reported() {
        let (tasks, wake_up) = (Tasks::default(), Notify::new());
        let (end, ended) = watch::channel(());
        let (sent, mut arrived) = tokio::sync::mpsc::unbounded_channel();
        let items = std::sync::Mutex::new(vec![3, 2, 1]);
        let worker = Worker { tasks: &tasks, name: "example", slots: 1, wake_up: &wake_up };
        let take = |free| {
            let mut items = items.lock().unwrap();
            let left = items.len().saturating_sub(free);
            std::future::ready(items.split_off(left))
        };
        let deliver = |item| {
            let sent = sent.clone();
            async move {
                assert_ne!(item, 2);
                sent.send(item).unwrap();
            }
        };
        let arrive = async {
            let both = (arrived.recv().await, arrived.recv().await);
            drop(end);
            both
        };
        let (_, both) = tokio::join!(worker.work(ended, take, deliver), arrive);
        assert_eq!(both, (Some(1), Some(3)));
        assert!(tasks.warnings()[0].contains("`example` panicked (1)"), "{:?}", tasks.warnings());
    }

    #[test]
    fn pauses_grow_to_a_bound_and_have_jitter() {
        for (attempts, longest) in [(1, 5_000), (2, 10_000), (5, 80_000), (9, 900_000), (1_000_000, 900_000)]
        {
            assert_eq!(pause(attempts, 0), longest / 2);
            assert_eq!(pause(attempts, u64::try_from(longest / 2).unwrap()), longest);
        }
    }
}
