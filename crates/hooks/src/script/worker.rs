//! A worker as the server sees it: a child process that gets one task at a time.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use zeroize::Zeroizing;

use super::wire::{LINE, Load, Loaded, ScriptError, Task, WorkerAnswer};

/// Time limit for a worker to start and to load the script.
const BEGIN: Duration = Duration::from_secs(5);
/// How long to wait for the exit status of a process.
const END: Duration = Duration::from_secs(1);
/// Room for most messages: a buffer that grows leaves copies of its content in memory.
const ROOM: usize = 16 * 1024;

/// Why a script cannot be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The script is wrong.
    Broken(ScriptError),
    /// No worker was able to load it.
    NoWorker(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trouble::Broken(fault) => fault.fmt(f),
            Trouble::NoWorker(cause) => f.write_str(cause),
        }
    }
}

/// A task as the line that a worker reads.
pub(super) fn line(task: &Task<'_>) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut line = Zeroizing::new(Vec::with_capacity(ROOM));
    serde_json::to_writer(&mut *line, task).map_err(|error| error.to_string())?;
    line.push(b'\n');
    if line.len() > LINE {
        return Err("has more input than a worker accepts".into());
    }
    Ok(line)
}

/// A process that has loaded the script. It is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Worker {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Worker {
    /// Starts a worker and loads the script.
    pub(super) async fn start(program: &Path, load: Load<'_>) -> Result<(Worker, Loaded), Trouble> {
        let name = load.name.clone().into_owned();
        let begun = async {
            let mut worker =
                Worker::spawn(program).map_err(|error| format!("no worker could be started: {error}"))?;
            let answer = worker.ask(&line(&Task::Load(load))?).await?;
            Ok((worker, answer))
        };
        let begun = tokio::time::timeout(BEGIN, begun).await;
        let begun = begun.unwrap_or_else(|_| Err(format!("took longer than {BEGIN:?} to load")));
        match begun.map_err(|cause: String| Trouble::NoWorker(format!("{name}: {cause}")))? {
            (worker, WorkerAnswer::Loaded(loaded)) => Ok((worker, loaded)),
            (_, WorkerAnswer::Broken(fault)) => Err(Trouble::Broken(fault)),
            (_, WorkerAnswer::Ran(_)) => {
                Err(Trouble::NoWorker("the worker gave an unexpected answer".into()))
            }
        }
    }

    fn spawn(program: &Path) -> Result<Worker, std::io::Error> {
        let mut child = Command::new(program)
            .arg("hook-worker")
            .env_clear()
            .current_dir("/")
            // Ctrl-C in a terminal signals a whole process group; the server needs its workers to finish the running
            // requests.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => Ok(Worker { child, input, output }),
            _ => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// True if the process has not ended.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Runs a task. After an error the worker cannot be used any more.
    pub(super) async fn ask(&mut self, task: &[u8]) -> Result<WorkerAnswer, String> {
        if self.input.write_all(task).await.is_err() {
            return Err(self.obituary().await);
        }
        let mut line = Zeroizing::new(Vec::with_capacity(ROOM));
        while line.last() != Some(&b'\n') {
            if line.len() > LINE {
                return Err("returned more than a worker may".into());
            }
            if self.output.read_buf(&mut *line).await.unwrap_or(0) == 0 {
                return Err(self.obituary().await);
            }
        }
        serde_json::from_slice(&line)
            .map_err(|error| format!("got an invalid answer from its worker: {error}"))
    }

    async fn obituary(&mut self) -> String {
        match tokio::time::timeout(END, self.child.wait()).await {
            Ok(Ok(status)) => cause_of(status),
            _ => "got no answer from its worker".into(),
        }
    }
}

/// The reason for the end of a worker process.
fn cause_of(status: ExitStatus) -> String {
    const ABORT: i32 = 6;
    const KILL: i32 = 9;
    const FAULT: i32 = 11;
    const PANIC: i32 = 101;
    match status.signal() {
        Some(ABORT | KILL | FAULT) => {
            "used more memory than hooks.memory allows, or nested too deeply".into()
        }
        None if status.code() == Some(PANIC) => "made a value that is too large".into(),
        _ => format!("ended its worker ({status})"),
    }
}
