//! The single writer of SQLite. Jobs that arrive during a commit share the next commit (D-33).
//!
//! Each job runs in a savepoint, so that a failed job is undone alone. No caller gets its result before the
//! commit, because a refusal may also depend on what another job of the batch wrote. Some errors (disk full,
//! I/O) make SQLite undo the whole transaction. Then the savepoint no longer exists, and all jobs of the
//! batch fail as unavailable.

use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use doorward_core::tasks::Tasks;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::AnyConnection;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::engine::checkpoints::Checkpoints;
use crate::engine::sqlite::{self, DatabaseFile};
use crate::engine::wal::WalNote;
use crate::{StoreError, Tx};

/// The maximum number of jobs in a commit.
const BATCH: usize = 256;
/// The number of jobs that may wait. More are refused at once.
const QUEUE: usize = 4096;

/// The future of a job. It is boxed because it borrows the transaction.
pub type Work<'c, T, E> = BoxFuture<'c, Result<T, E>>;

/// The sending end of the queue.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    /// Keeps the file open for as long as the store may use it: see [`WalNote::begin`].
    _open: Arc<File>,
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// A job in the queue, with its result type erased.
trait Job: Send {
    fn run<'c>(&'c mut self, tx: &'c mut Tx) -> BoxFuture<'c, JobOutcome>;
    /// Sends the result to the caller, or the cause `undone` if nothing was written.
    fn answer(self: Box<Self>, undone: Option<&str>);
}

enum JobOutcome {
    Keep,
    Undo,
}

struct Task<F, T, E> {
    job: Option<F>,
    result: Option<Result<T, E>>,
    caller: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Job for Task<F, T, E>
where
    T: Send,
    E: From<StoreError> + Send,
    F: for<'c> FnOnce(&'c mut Tx) -> Work<'c, T, E> + Send,
{
    fn run<'c>(&'c mut self, tx: &'c mut Tx) -> BoxFuture<'c, JobOutcome> {
        Box::pin(async move {
            let Some(job) = self.job.take() else { return JobOutcome::Undo };
            // A panic fails this job only. Without this it would end the writer.
            let result = AssertUnwindSafe(async move { job(tx).await })
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(StoreError::Internal("a job of the writer panicked".into()).into()));
            let outcome = if result.is_ok() { JobOutcome::Keep } else { JobOutcome::Undo };
            self.result = Some(result);
            outcome
        })
    }

    fn answer(self: Box<Self>, undone: Option<&str>) {
        let result = match (undone, self.result) {
            (None, Some(result)) => result,
            (cause, _) => Err(StoreError::Unavailable(cause.unwrap_or("not carried out").to_owned()).into()),
        };
        // The caller may have stopped waiting.
        let _ = self.caller.send(result);
    }
}

impl Writer {
    pub(crate) fn start(
        connection: AnyConnection,
        database: DatabaseFile,
        note: Option<WalNote>,
        checkpoints: Option<Checkpoints>,
        open: Arc<File>,
        tasks: Tasks,
    ) -> Writer {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let worker = Worker { first: Some(connection), database, note, checkpoints, jobs };
        tokio::spawn(async move {
            // A panic outside of the jobs must not stop all writes until the next start of the server.
            let worker = Mutex::new(worker);
            tasks.keep("writer", async || worker.lock().await.run().await).await;
        });
        Writer { queue, _open: open }
    }

    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Tx) -> Work<'c, T, E> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let task = Task { job: Some(job), result: None, caller };
        self.queue
            .try_send(Message::Job(Box::new(task)))
            .map_err(|_| StoreError::Unavailable("the writer's queue is full".into()))?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the writer has ended".into()).into()))
    }

    pub(crate) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

/// The receiving end of the queue.
struct Worker {
    /// The first connection.
    first: Option<AnyConnection>,
    database: DatabaseFile,
    note: Option<WalNote>,
    checkpoints: Option<Checkpoints>,
    jobs: mpsc::Receiver<Message>,
}

impl Worker {
    async fn run(&mut self) {
        // A local variable: a panic drops the connection, and with it an open transaction.
        let mut connection = self.first.take();
        while let Some(message) = self.jobs.recv().await {
            let close = match message {
                Message::Job(job) => self.batch(&mut connection, job).await,
                Message::Close(done) => Some(done),
            };
            if let Some(done) = close {
                if let Some(checkpoints) = self.checkpoints.take() {
                    checkpoints.end().await;
                }
                if let Some(connection) = connection.take() {
                    let _ = sqlx::Connection::close(connection).await;
                }
                if let Some(note) = &mut self.note {
                    note.end();
                }
                let _ = done.send(());
                return;
            }
        }
    }

    /// Runs a job and those that are queued behind it. Returns the sender of a pending close request.
    async fn batch(
        &mut self,
        connection: &mut Option<AnyConnection>,
        job: Box<dyn Job>,
    ) -> Option<oneshot::Sender<()>> {
        let mut cause = None;
        if connection.is_none() {
            match self.database.connect().await {
                Ok(opened) => *connection = Some(opened),
                Err(error) => cause = Some(error),
            }
            if let Some(note) = &mut self.note {
                note.reopened();
            }
        }
        let mut batch = Batch { done: Vec::new(), next: Some(job), queue: &mut self.jobs, close: None };
        let verdict =
            match connection {
                Some(connection) => batch.commit(connection).await,
                None => Err(cause
                    .map_or_else(|| JobError::of("there is no connection to the database"), JobError::of)),
            };
        if verdict.is_err() && batch.done.is_empty() {
            // The transaction could not begin, for example because another program keeps the file locked. The
            // queued jobs have waited as long already: they fail now instead of each waiting for the lock
            // again.
            batch.take_all();
        }
        let jobs = batch.done.len();
        let close = batch.answer(&verdict);
        if let (Ok(()), Some(checkpoints)) = (&verdict, &mut self.checkpoints) {
            checkpoints.committed(jobs);
        }
        match (verdict, &mut self.note) {
            (Ok(()), Some(note)) => note.commit(),
            // A new connection has no half-done transaction. After a mere wait for a lock the old connection
            // has none either, and stays.
            (Err(JobError { is_locked: false, .. }), _) => drop(connection.take()),
            _ => {}
        }
        close
    }
}

/// The reason why nothing of a batch was written.
struct JobError {
    cause: String,
    /// True if another program holds a lock and no transaction began.
    is_locked: bool,
}

impl JobError {
    fn of(cause: impl ToString) -> JobError {
        JobError { cause: cause.to_string(), is_locked: false }
    }
}

/// The jobs of one transaction.
struct Batch<'q> {
    done: Vec<Box<dyn Job>>,
    next: Option<Box<dyn Job>>,
    queue: &'q mut mpsc::Receiver<Message>,
    close: Option<oneshot::Sender<()>>,
}

impl Batch<'_> {
    /// Runs the queued jobs and commits them.
    async fn commit(&mut self, connection: &mut AnyConnection) -> Result<(), JobError> {
        // One statement where it can be: each is a round trip to the thread of the connection.
        let begun = sqlx::query("begin immediate; savepoint job").execute(&mut *connection).await;
        begun.map_err(|error| JobError { is_locked: sqlite::is_locked(&error), ..JobError::of(error) })?;
        while let Some(mut job) = self.next.take() {
            let outcome = job.run(connection).await;
            self.done.push(job);
            if let JobOutcome::Undo = outcome {
                // The savepoint stays, for the next job.
                statement(connection, "rollback to job").await?;
            }
            if self.done.len() < BATCH && self.close.is_none() {
                match self.queue.try_recv() {
                    Ok(Message::Job(job)) => self.next = Some(job),
                    Ok(Message::Close(done)) => self.close = Some(done),
                    Err(_) => {}
                }
            }
            if let (JobOutcome::Keep, Some(_)) = (outcome, &self.next) {
                // Fails when SQLite has undone the whole transaction, also if the job kept the error to itself.
                statement(connection, "release job; savepoint job").await?;
            }
        }
        statement(connection, "commit").await
    }

    /// Drains the queue, so that its jobs fail without being run.
    fn take_all(&mut self) {
        self.done.extend(self.next.take());
        while self.close.is_none()
            && let Ok(message) = self.queue.try_recv()
        {
            match message {
                Message::Job(job) => self.done.push(job),
                Message::Close(done) => self.close = Some(done),
            }
        }
    }

    fn answer(self, verdict: &Result<(), JobError>) -> Option<oneshot::Sender<()>> {
        let undone = verdict.as_ref().err().map(|fault| fault.cause.as_str());
        if let Some(cause) = undone {
            tracing::error!(cause, jobs = self.done.len(), "a batch of writes was not committed");
        }
        for job in self.done.into_iter().chain(self.next) {
            job.answer(undone);
        }
        self.close
    }
}

async fn statement(connection: &mut AnyConnection, sql: &'static str) -> Result<(), JobError> {
    sqlx::query(sql).execute(connection).await.map(drop).map_err(JobError::of)
}
