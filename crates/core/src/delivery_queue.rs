//! What the outbox and the deliveries of hooks have in common: rows that are taken under a lease, leave a few at a time, and
//! come back after a pause that grows.

use std::fmt;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, watch};
use tokio::task::{JoinError, JoinSet};

use crate::clock::Millis;
use crate::tasks::Tasks;

/// Why it did not leave. The text is for the operator; it holds nothing of the message.
#[derive(Debug)]
pub enum Failure {
    /// It may leave later: no connection, a time-out, a full mailbox, a password that the operator can correct.
    Later(String),
    /// It never will: there is no such mailbox.
    Never(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Later(cause) | Failure::Never(cause)) = self;
        f.write_str(cause)
    }
}

/// How often to look without having been woken: for rows of other nodes and for leases that ran out.
const LOOK: Duration = Duration::from_secs(1);
/// What a lease has over the longest attempt.
pub const LEASE_MARGIN: Millis = 30_000;
/// The first pause after a failure; each next one is twice as long.
const PAUSE: Millis = 5_000;
/// The longest pause.
const LONGEST_PAUSE: Millis = 15 * 60_000;

/// A task that empties a queue, as `/health/ready` and the log name it.
#[derive(Clone, Copy)]
pub struct Worker<'a> {
    /// The record of tasks.
    pub tasks: &'a Tasks,
    /// Its name.
    pub name: &'a str,
    /// Items that may be on their way at the same time.
    pub slots: usize,
    /// Wakes it.
    pub wake_up: &'a Notify,
}

impl Worker<'_> {
    /// Takes and delivers until it is told to end; then lets the items on their way finish, as it does after a panic.
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
            // Never more than can leave at once: what waits stays in the table, where another node can take it.
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

    /// An item that panicked comes back after its lease.
    fn note(self, done: Result<(), JoinError>) {
        if let Some(Ok(panic)) = done.err().map(JoinError::try_into_panic) {
            self.tasks.piece_panicked(self.name, &*panic);
        }
    }
}

/// How long to wait after so many attempts: twice as long after each, up to a bound, and anywhere in the upper half of
/// that. What failed together does not come back together.
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
    async fn a_panic_costs_the_item_that_it_happens_in_and_is_told_of() {
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
    fn pauses_grow_to_a_bound_and_are_never_all_alike() {
        for (attempts, longest) in [(1, 5_000), (2, 10_000), (5, 80_000), (9, 900_000), (1_000_000, 900_000)]
        {
            assert_eq!(pause(attempts, 0), longest / 2);
            assert_eq!(pause(attempts, u64::try_from(longest / 2).unwrap()), longest);
        }
    }
}
