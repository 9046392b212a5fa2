//! Tasks that run as long as the server: a panic in one is logged, counted and ends in a fresh start of that task.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};

/// The pause before the first fresh start; each next one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause: without the writer no request is carried out.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A panic this long ago is no longer told of, and its task starts without a pause.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// What a panic says.
pub fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

tokio::task_local! {
    static NAME: Arc<str>;
}

/// The name of the task that this code runs in, if it is one that runs as long as the server.
pub fn current() -> Option<Arc<str>> {
    NAME.try_with(Arc::clone).ok()
}

/// The panics of the tasks; clones are the same record.
#[derive(Clone, Debug, Default)]
pub struct Tasks(Arc<Mutex<BTreeMap<Arc<str>, Panics>>>);

#[derive(Clone, Copy, Debug)]
struct Panics {
    count: u32,
    last: Instant,
    is_down: bool,
}

impl Tasks {
    /// Runs a task until it ends by itself; after a panic it is run anew.
    pub async fn keep<F: Future<Output = ()>>(&self, name: &str, mut run: impl FnMut() -> F) {
        let scope = Arc::<str>::from(name);
        while let Err(panic) =
            AssertUnwindSafe(NAME.scope(scope.clone(), async { run().await })).catch_unwind().await
        {
            sleep(self.panicked(name, &*panic, true)).await;
            self.started(name);
        }
    }

    /// Logs and counts a panic in one piece of a task's work, which the others outlive.
    pub fn piece_panicked(&self, name: &str, panic: &(dyn Any + Send)) {
        self.panicked(name, panic, false);
    }

    /// Logs and counts a panic; answers how long to wait until the next start.
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

    /// The task runs again.
    pub fn started(&self, name: &str) {
        if let Some(panics) = self.lock().get_mut(name) {
            panics.is_down = false;
        }
    }

    /// What `/health/ready` tells of tasks that are down, or panicked not long ago.
    pub fn warnings(&self) -> Vec<String> {
        let tasks = self.lock();
        let recent = tasks.iter().filter(|(_, panics)| panics.last.elapsed() < REMEMBERED);
        recent
            .map(|(name, Panics { count, is_down, .. })| {
                let now = if *is_down { "is down and starts again soon" } else { "runs again" };
                format!("the task `{name}` panicked ({count}) and {now}: see the log")
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Panics>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long to wait after so many panics.
fn pause(panics: u32) -> Duration {
    PAUSE.saturating_mul(1 << panics.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_starts_again_and_is_told_of() {
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
    fn a_task_that_is_down_is_told_of_as_down() {
        let tasks = Tasks::default();
        tasks.panicked("example", &"cause", true);
        assert_eq!(
            tasks.warnings(),
            ["the task `example` panicked (1) and is down and starts again soon: see the log"]
        );
    }

    #[test]
    fn the_pause_before_a_fresh_start_grows_from_a_tenth_of_a_second_to_a_second() {
        let millis = [1, 2, 3, 4, 5, 1_000_000].map(|panics| pause(panics).as_millis());
        assert_eq!(millis, [100, 200, 400, 800, 1_000, 1_000]);
    }
}
