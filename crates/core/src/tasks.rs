//! Tasks that run as long as the server. A panic in a task is logged and counted, and the task is restarted.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

/// The pause before the first restart. Each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause. It is short, because the server cannot write while the writer task is down.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// An older panic is no longer reported, and no longer counts for the pause.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// The message of a panic.
pub fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

tokio::task_local! {
    static NAME: Arc<str>;
}

/// The name of the task in which the calling code runs. `None` outside of the tasks of [`Tasks::keep`].
pub fn current() -> Option<Arc<str>> {
    NAME.try_with(Arc::clone).ok()
}

/// A record of the panics of the tasks. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Mutex<BTreeMap<Arc<str>, Panics>>>);

#[derive(Clone, Copy, Debug)]
struct Panics {
    count: u32,
    last: Instant,
    is_down: bool,
}

impl Tasks {
    /// Runs a task until it ends by itself. Restarts it after a panic.
    pub async fn keep<F: Future<Output = ()>>(&self, name: &str, mut run: impl FnMut() -> F) {
        let scope = Arc::<str>::from(name);
        while let Err(panic) =
            AssertUnwindSafe(NAME.scope(scope.clone(), async { run().await })).catch_unwind().await
        {
            sleep(self.panicked(name, &*panic, true)).await;
            self.started(name);
        }
    }

    /// Logs and counts a panic in one piece of a task's work. The task itself continues.
    pub fn piece_panicked(&self, name: &str, panic: &(dyn Any + Send)) {
        self.panicked(name, panic, false);
    }

    /// Logs and counts a panic. Returns the pause before the restart.
    pub fn panicked(&self, name: &str, panic: &(dyn Any + Send), is_down: bool) -> Duration {
        let last = Instant::now();
        let mut tasks = self.lock();
        let before = tasks.get(name).filter(|before| before.last.elapsed() < REMEMBERED);
        let count = before.map_or(1, |before| before.count.saturating_add(1));
        tasks.insert(name.into(), Panics { count, last, is_down });
        drop(tasks);
        let cause = text_of(panic);
        tracing::error!(task = name, panics = count, cause, "a task of the server panicked");
        pause(count)
    }

    /// Records that the task runs again.
    pub fn started(&self, name: &str) {
        if let Some(panics) = self.lock().get_mut(name) {
            panics.is_down = false;
        }
    }

    /// Warnings for `/health/ready` about tasks that are down or panicked recently.
    pub fn warnings(&self) -> Vec<String> {
        let tasks = self.lock();
        let recent = tasks.iter().filter(|(_, panics)| panics.last.elapsed() < REMEMBERED);
        recent
            .map(|(name, Panics { count, is_down, .. })| {
                let now = if *is_down { "is down and restarts soon" } else { "runs again" };
                format!("the task `{name}` panicked ({count}) and {now}: see the log")
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Panics>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pause after this number of panics.
fn pause(panics: u32) -> Duration {
    PAUSE.saturating_mul(1 << panics.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_is_restarted_and_reported() {
        let (tasks, runs) = (Tasks::default(), AtomicU32::new(0));
        let kept = tasks.keep("example", || async {
            assert_eq!(current().as_deref(), Some("example"));
            assert!(runs.fetch_add(1, Ordering::Relaxed) > 0, "not yet");
        });
        kept.await;
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        assert_eq!(tasks.warnings(), ["the task `example` panicked (1) and runs again: see the log"]);
    }

    #[test]
    fn a_task_that_is_down_is_reported_as_down() {
        let tasks = Tasks::default();
        tasks.panicked("example", &"cause", true);
        assert_eq!(
            tasks.warnings(),
            ["the task `example` panicked (1) and is down and restarts soon: see the log"]
        );
    }

    #[test]
    fn the_pause_before_a_restart_grows_from_a_tenth_of_a_second_to_a_second() {
        let millis = [1, 2, 3, 4, 5, 1_000_000].map(|panics| pause(panics).as_millis());
        assert_eq!(millis, [100, 200, 400, 800, 1_000, 1_000]);
    }
}
