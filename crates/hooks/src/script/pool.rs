//! The workers of one script: one per core, at most eight. A worker that dies is replaced.

use std::borrow::Cow;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use doorward_request::event::Model;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::Unanswered;
use super::wire::{Call, Functions, Load, Loaded, Ran, ScriptLimits, Task, WorkerAnswer};
use super::worker::{self, Trouble, Worker};
use crate::BUDGET;

/// Most workers: more of them would compete for the cores.
const MOST: usize = 8;
/// Pause between two attempts to start a worker.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a call waits for a free worker.
const WAIT: Duration = Duration::from_secs(2);

/// The data that is needed to start a worker.
#[derive(Debug)]
pub(super) struct Kit {
    pub(super) program: PathBuf,
    /// Name of the file in errors.
    pub(super) name: String,
    pub(super) source: String,
    pub(super) limits: ScriptLimits,
    /// Time limit of one call, from the moment that it has a worker.
    pub(super) time: Duration,
}

impl Kit {
    async fn start(&self) -> Result<(Worker, Loaded), Trouble> {
        let (name, source) = (Cow::from(&self.name), Cow::from(&self.source));
        Worker::start(&self.program, Load { name, source, limits: self.limits }).await
    }
}

/// Workers that have loaded the same script.
#[derive(Debug)]
pub(super) struct Pool {
    kit: Arc<Kit>,
    functions: Functions,
    before: Bench,
    /// A separate worker for `post_` hooks, so that they never delay a request.
    after: Bench,
}

/// Workers that wait for calls.
#[derive(Debug)]
struct Bench {
    idle: Mutex<Vec<Worker>>,
    /// As many permits as there are idle workers.
    free: Semaphore,
}

impl Bench {
    fn of(workers: Vec<Worker>) -> Bench {
        Bench { free: Semaphore::new(workers.len()), idle: Mutex::new(workers) }
    }

    async fn take(&self) -> Option<Worker> {
        self.free.acquire().await.ok()?.forget();
        self.idle().pop()
    }

    fn rest(&self, worker: Worker) {
        self.idle().push(worker);
        self.free.add_permits(1);
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// Loads the script in one worker, and in a second one if it has `post_` hooks. More workers start in the
    /// background.
    pub(super) async fn open(kit: Kit) -> Result<(Arc<Pool>, Vec<String>), Trouble> {
        let kit = Arc::new(kit);
        let (first, Loaded { functions, printed }) = kit.start().await?;
        let has = |kind| functions.keys().any(|name| name.starts_with(kind));
        let after = if has("post_") { vec![kit.start().await?.0] } else { Vec::new() };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let more = if has("pre_") { 1..cores.clamp(1, MOST) } else { 0..0 };
        let (before, after) = (Bench::of(vec![first]), Bench::of(after));
        let pool = Arc::new(Pool { kit, functions, before, after });
        for _ in more {
            tokio::spawn(Pool::hire(Arc::downgrade(&pool), false));
        }
        Ok((pool, printed))
    }

    /// The hooks that the script has.
    pub(super) fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Runs a function.
    pub(super) async fn run(
        self: &Arc<Self>,
        function: &str,
        model: &Model,
        succeeded: Option<bool>,
    ) -> Result<Ran, Unanswered> {
        let Kit { name, time, .. } = &*self.kit;
        let failed = |cause: String| Unanswered::Failed(format!("{name}: {function} {cause}"));
        let end = Instant::now() + BUDGET;
        let call = Call { function: function.into(), model: Cow::Borrowed(model), succeeded };
        let task = worker::line(&Task::Call(call)).map_err(failed)?;
        let Ok(held) = timeout(WAIT, self.hold(succeeded.is_some())).await else {
            return Err(Unanswered::Busy(format!(
                "{name}: no worker was free for {function} within {WAIT:?}"
            )));
        };
        let by = end.min(Instant::now() + *time);
        // The caller may go away, but the worker must return to the pool: other calls need it.
        match tokio::spawn(held.ask(task, by)).await {
            Ok(Ok(Some(WorkerAnswer::Ran(ran)))) => Ok(ran),
            Ok(Ok(Some(_))) => Err(failed("got an unexpected answer from its worker".into())),
            Ok(Ok(None)) => Err(failed(format!("took longer than {time:?}"))),
            Ok(Err(cause)) => Err(failed(cause)),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Waits for a live worker. An idle worker may have been killed from outside.
    async fn hold(self: &Arc<Self>, after: bool) -> Held {
        loop {
            let Some(worker) = self.bench(after).take().await else { return std::future::pending().await };
            let mut held = Held { pool: self.clone(), after, worker: Some(worker) };
            if held.worker.as_mut().is_some_and(Worker::lives) {
                return held;
            }
        }
    }

    fn bench(&self, after: bool) -> &Bench {
        if after { &self.after } else { &self.before }
    }

    /// Starts one more worker, unless the script was replaced meanwhile.
    async fn hire(pool: Weak<Pool>, after: bool) {
        while let Some(kit) = pool.upgrade().map(|pool| pool.kit.clone()) {
            match AssertUnwindSafe(kit.start()).catch_unwind().await {
                Ok(Ok((worker, _))) => {
                    return if let Some(pool) = pool.upgrade() {
                        pool.bench(after).rest(worker)
                    };
                }
                // The panic has been logged. Without another attempt the pool would stay smaller.
                Err(_) => {}
                Ok(Err(trouble)) => tracing::error!(cause = %trouble, "a worker for hooks cannot be started"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A worker with a task. If it is dropped before the answer, the worker is in an unknown state: it is ended and
/// replaced.
struct Held {
    pool: Arc<Pool>,
    after: bool,
    worker: Option<Worker>,
}

impl Held {
    /// Runs the task. `None` if there is no answer in time.
    async fn ask(mut self, task: Zeroizing<Vec<u8>>, by: Instant) -> Result<Option<WorkerAnswer>, String> {
        let Some(worker) = &mut self.worker else { return Ok(None) };
        let Ok(answer) = timeout_at(by, worker.ask(&task)).await else { return Ok(None) };
        let answer = answer?;
        if let (WorkerAnswer::Ran(_), Some(worker)) = (&answer, self.worker.take()) {
            self.pool.bench(self.after).rest(worker);
        }
        Ok(Some(answer))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let (Some(worker), Ok(runtime)) = (self.worker.take(), Handle::try_current()) {
            drop(worker);
            runtime.spawn(Pool::hire(Arc::downgrade(&self.pool), self.after));
        }
    }
}
