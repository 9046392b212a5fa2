//! The workers of one script, about as many as there are cores. One that dies is replaced.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::wire::{Call, Functions, Limits, Load, Loaded, Ran};
use super::worker::{Trouble, Worker};
use crate::hooks::Model;

/// More workers than this wait for each other's cores.
const MOST: usize = 8;
/// Between two attempts to replace a worker.
const PAUSE: Duration = Duration::from_secs(1);

/// All that it takes to start a worker.
#[derive(Debug)]
pub(super) struct Kit {
    pub(super) program: PathBuf,
    /// What the file is called in errors.
    pub(super) name: String,
    pub(super) source: String,
    pub(super) limits: Limits,
    /// For one call, the wait for a worker included.
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
    idle: Mutex<Vec<Worker>>,
    /// As many permits as there are idle workers.
    free: Semaphore,
}

impl Pool {
    /// Loads the script in a first worker; the others follow by themselves.
    pub(super) async fn open(kit: Kit) -> Result<(Arc<Pool>, Vec<String>), Trouble> {
        let kit = Arc::new(kit);
        let (first, Loaded { functions, printed }) = kit.start().await?;
        let pool = Arc::new(Pool { kit, functions, idle: Mutex::new(vec![first]), free: Semaphore::new(1) });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        for _ in 1..cores.clamp(1, MOST) {
            tokio::spawn(Pool::hire(Arc::downgrade(&pool)));
        }
        Ok((pool, printed))
    }

    /// The hooks that the script has.
    pub(super) fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Runs a function. The error is the cause for the log.
    pub(super) async fn run(
        self: &Arc<Self>,
        function: &str,
        model: &Model,
        succeeded: Option<bool>,
    ) -> Result<Ran, String> {
        let Kit { name, time, .. } = &*self.kit;
        let by = Instant::now() + *time;
        let Ok(permit) = timeout_at(by, self.free.acquire()).await else {
            return Err(format!("{name}: no worker was free for {function} within {time:?}"));
        };
        permit.map_err(|error| error.to_string())?.forget();
        let mut held = Held { pool: self, worker: self.idle().pop() };
        let Some(worker) = &mut held.worker else { return Err("no worker is idle".into()) };
        let call = Call { function: function.into(), model: Cow::Borrowed(model), succeeded };
        match timeout_at(by, worker.run(call)).await {
            Ok(Ok(ran)) => {
                held.give_back();
                Ok(ran)
            }
            Ok(Err(cause)) => Err(format!("{name}: {function} {cause}")),
            Err(_) => Err(format!("{name}: {function} took longer than {time:?}")),
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self, worker: Worker) {
        self.idle().push(worker);
        self.free.add_permits(1);
    }

    /// Starts one more worker, unless the script was replaced meanwhile.
    async fn hire(pool: Weak<Pool>) {
        while let Some(kit) = pool.upgrade().map(|pool| pool.kit.clone()) {
            match kit.start().await {
                Ok((worker, _)) => {
                    return if let Some(pool) = pool.upgrade() {
                        pool.rest(worker)
                    };
                }
                Err(trouble) => tracing::error!(cause = %trouble, "a worker for hooks cannot be started"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A worker that is asked something. Dropped without an answer, also because the caller has gone, it is in the middle of
/// something: it ends, and another takes its place.
struct Held<'a> {
    pool: &'a Arc<Pool>,
    worker: Option<Worker>,
}

impl Held<'_> {
    fn give_back(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.pool.rest(worker);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let (Some(worker), Ok(runtime)) = (self.worker.take(), Handle::try_current()) {
            drop(worker);
            runtime.spawn(Pool::hire(Arc::downgrade(self.pool)));
        }
    }
}
