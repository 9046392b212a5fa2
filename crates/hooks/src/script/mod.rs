//! Hooks as a script: `hooks.star`, in Starlark, evaluated by worker processes without access to anything outside.
//!
//! [`Scripts`] has a pool of workers. A worker is this same program in another role ([`sandbox`]). It knows only the
//! script, has no descriptor except its pipes, and is killed when a call takes too long. When the file changes, a new
//! pool replaces the old one as a whole.

mod bindings;
mod interpret;
mod names;
mod pool;
pub mod sandbox;
mod wire;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_request::event::{HookAnswer, HookRefusal, Model};
use pool::{Kit, Pool};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;
use wire::{Ran, ScriptLimits, ScriptOutcome};
use worker::Trouble;

pub use names::unknown;

/// The longest script, in bytes.
const LONGEST: u64 = 512 * 1024;
/// A line that confirms that a file has no hooks on purpose.
const NONE: &str = "# no hooks";
/// Most characters of a cause in the log.
const CAUSE: usize = 2000;
/// How often the server checks the file.
const LOOK: Duration = Duration::from_millis(500);

/// The operator's script, if there is one.
#[derive(Debug)]
pub struct Scripts {
    settings: doorward_config::Hooks,
    program: PathBuf,
    current: RwLock<Current>,
    /// The text of the file at the last check. A new text is used only if two checks in a row read the same.
    read: Mutex<Option<String>>,
}

#[derive(Debug, Default)]
struct Current {
    pool: Option<Arc<Pool>>,
    /// The text that is in use.
    source: String,
    /// Set if the file is gone, or was changed to a text that cannot be used.
    warning: Option<Unusable>,
}

/// Why the file's current text is not in use.
#[derive(Debug)]
struct Unusable {
    source: Option<String>,
    cause: String,
}

impl Scripts {
    /// A script that is not loaded yet. Its workers run `program`.
    pub fn new(settings: &doorward_config::Hooks, program: &Path) -> Scripts {
        Scripts {
            settings: settings.clone(),
            program: program.to_owned(),
            current: RwLock::default(),
            read: Mutex::default(),
        }
    }

    /// Loads the script. A missing file means that there are no hooks. A wrong script is an error, because a server
    /// that must ask a hook must not run without it.
    pub async fn begin(&self) -> Result<(), String> {
        if let Some(source) = self.file().await? {
            let pool = self.load(&source).await.map_err(plainly)?;
            self.take(pool, source);
        }
        Ok(())
    }

    /// True if there are no hooks.
    pub fn is_empty(&self) -> bool {
        self.read().pool.is_none()
    }

    /// True if the script has a function with this name.
    pub fn has(&self, function: &str) -> bool {
        self.pool().is_some_and(|pool| pool.functions().contains_key(function))
    }

    /// The script's hooks, with the lines at which they begin.
    pub fn functions(&self) -> Vec<(String, u32)> {
        let pool = self.pool();
        pool.iter().flat_map(|pool| pool.functions()).map(|(name, line)| (name.clone(), *line)).collect()
    }

    /// Runs a function. `succeeded` is for `post_` hooks.
    pub async fn call(
        &self,
        function: &str,
        model: &Model,
        succeeded: Option<bool>,
    ) -> Result<HookAnswer, Unanswered> {
        let rehearsal = self.rehearse(function, model, succeeded).await?;
        for line in &rehearsal.printed {
            tracing::info!(
                id = model.about.request_id,
                hook = function,
                "{}",
                doorward_core::escape::plain(line)
            );
        }
        rehearsal.said.map_err(Unanswered::Failed)
    }

    /// Like [`Scripts::call`], but returns all effects and logs nothing.
    pub async fn rehearse(
        &self,
        function: &str,
        model: &Model,
        succeeded: Option<bool>,
    ) -> Result<Rehearsal, Unanswered> {
        let begun = Instant::now();
        // The script may have been replaced since the caller looked for the function.
        let Some(pool) = self.pool().filter(|pool| pool.functions().contains_key(function)) else {
            return Ok(Rehearsal::default());
        };
        let Ran { outcome, printed, steps } = pool.run(function, model, succeeded).await?;
        let said = match outcome {
            ScriptOutcome::Set(fields) => Ok(HookAnswer::GoOn(fields)),
            ScriptOutcome::Rejected { message, code, field } => {
                let code = HookRefusal::code(&code).unwrap_or(ErrorCode::HookRejected);
                Ok(HookAnswer::Refuse(HookRefusal { message, code, field }))
            }
            ScriptOutcome::Failed(fault) => Err(plainly(fault)),
        };
        Ok(Rehearsal { said, printed, steps, time: begun.elapsed() })
    }

    /// A warning for the health check if the file cannot be used. It does not quote the file.
    pub fn warning(&self) -> Option<String> {
        let unusable = self.read().warning.is_some();
        unusable.then(|| {
            let file = self.name();
            format!("{file} was changed and cannot be used; the previous version stays in use. `doorward hooks check` shows the reason")
        })
    }

    /// Checks the file from time to time.
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look().await;
        }
    }

    /// Takes over the file's text if the last check read the same text: the file may be half written, and half a script
    /// can be a valid script. A text that cannot be used is ignored and logged once.
    pub async fn look(&self) {
        let mut read = self.read.lock().await;
        let source = match self.file().await {
            Ok(Some(source)) => source,
            Ok(None) if self.read().source.is_empty() => return,
            Ok(None) => return self.refuse(None, format!("{} is gone", self.settings.script.display())),
            Err(cause) => return self.refuse(None, cause),
        };
        if read.as_ref() != Some(&source) {
            *read = Some(source);
            return;
        }
        let known = {
            let current = self.read();
            let refused = current.warning.as_ref().and_then(|unusable| unusable.source.as_ref());
            (current.source == source && current.warning.is_none()) || refused == Some(&source)
        };
        if known {
            return;
        }
        match self.load(&source).await {
            // An incomplete copy of a file looks like this, too.
            Ok(None) if !self.is_empty() && !source.lines().any(|line| line.trim() == NONE) => {
                let cause = format!(
                    "{} has no hooks any more; add the line `{NONE}` if that is intended",
                    self.name()
                );
                self.refuse(Some(source), cause);
            }
            Ok(pool) => self.take(pool, source),
            Err(trouble @ Trouble::Broken(_)) => self.refuse(Some(source), plainly(trouble)),
            // The same text may work at the next check.
            Err(trouble @ Trouble::NoWorker(_)) => self.refuse(None, plainly(trouble)),
        }
    }

    fn take(&self, pool: Option<Arc<Pool>>, source: String) {
        let (file, before) = (self.name(), self.functions());
        let hooks: Vec<_> =
            pool.iter().flat_map(|pool| pool.functions().keys().map(String::as_str)).collect();
        let removed: Vec<_> =
            before.iter().map(|(name, _)| name.as_str()).filter(|name| !hooks.contains(name)).collect();
        if !removed.is_empty() {
            tracing::warn!(file, removed = removed.join(" "), "hooks are not in use any more");
        }
        tracing::info!(file, hooks = hooks.join(" "), "hooks are in use");
        *self.write() = Current { pool, source, warning: None };
    }

    fn refuse(&self, source: Option<String>, cause: String) {
        let mut current = self.write();
        if current.warning.as_ref().is_none_or(|before| before.cause != cause) {
            tracing::error!(cause, "hooks are not changed; the previous version stays in use");
        }
        current.warning = Some(Unusable { source, cause });
    }

    /// Returns `None` for a script without hooks: workers would have nothing to do.
    async fn load(&self, source: &str) -> Result<Option<Arc<Pool>>, Trouble> {
        let name = self.name();
        let limits = ScriptLimits { steps: self.settings.steps.into(), memory: self.settings.memory };
        let kit = Kit {
            program: self.program.clone(),
            name: name.clone(),
            source: source.to_owned(),
            limits,
            time: self.settings.time.into(),
        };
        let (pool, printed) = Pool::open(kit).await?;
        for line in printed {
            tracing::info!(file = name, "{}", doorward_core::escape::plain(&line));
        }
        for mistake in unknown(pool.functions().keys().map(String::as_str)) {
            tracing::warn!(file = name, "{mistake}");
        }
        Ok(Some(pool).filter(|pool| !pool.functions().is_empty()))
    }

    async fn file(&self) -> Result<Option<String>, String> {
        let path = self.settings.script.clone();
        let shown = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || {
            let length = std::fs::metadata(&path)?.len();
            if length > LONGEST {
                return Err(std::io::Error::other(format!("is longer than {} KiB", LONGEST / 1024)));
            }
            std::fs::read_to_string(&path)
        });
        match read.await {
            Ok(Ok(source)) => Ok(Some(source)),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Ok(Err(error)) => Err(format!("{shown}: {error}")),
            Err(error) => Err(format!("{shown}: {error}")),
        }
    }

    fn name(&self) -> String {
        self.settings.script.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    fn pool(&self) -> Option<Arc<Pool>> {
        self.read().pool.clone()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Current> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A text that is safe for the log.
fn plainly(cause: impl std::fmt::Display) -> String {
    bindings::shorten(&doorward_core::escape::plain(&cause.to_string()), CAUSE)
}

/// Why a call has no answer. The cause is for the log.
#[derive(Debug)]
pub enum Unanswered {
    /// All workers are busy.
    Busy(String),
    /// The script is wrong, or exceeded a limit.
    Failed(String),
}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Unanswered::Busy(cause) | Unanswered::Failed(cause)) = self;
        f.write_str(cause)
    }
}

impl From<Unanswered> for ApiError {
    fn from(unanswered: Unanswered) -> ApiError {
        match unanswered {
            Unanswered::Busy(cause) => ApiError { cause: Some(cause), ..ApiError::overloaded(1) },
            Unanswered::Failed(cause) => ApiError::internal(cause),
        }
    }
}

/// All effects of a call.
#[derive(Debug)]
pub struct Rehearsal {
    /// The hook's answer. The error is the cause for the log.
    pub said: Result<HookAnswer, String>,
    /// Lines that it printed.
    pub printed: Vec<String>,
    /// Calls and loop iterations.
    pub steps: u64,
    /// From the call to the answer.
    pub time: Duration,
}

impl Default for Rehearsal {
    fn default() -> Self {
        Rehearsal {
            said: Ok(HookAnswer::GoOn(Map::<String, Value>::new())),
            printed: vec![],
            steps: 0,
            time: Duration::ZERO,
        }
    }
}
