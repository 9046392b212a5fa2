//! SQLite's single writer: whatever has queued up while one commit ran is committed together with the next (D-33).
//!
//! Each job runs in a savepoint, so that one that fails is undone alone. Nobody is answered before the commit: a
//! refusal, too, may rest on what another job of the batch wrote. Some errors (disk full, I/O) make SQLite undo the
//! whole transaction: the savepoint is gone then, and the whole batch is answered as unavailable.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::AnyConnection;
use tokio::sync::{mpsc, oneshot};

use super::sqlite::Place;
use super::{StoreError, Tx};

/// Jobs that share a commit at most.
const BATCH: usize = 256;
/// Jobs that may wait; more are refused at once.
const QUEUE: usize = 4096;

/// What a job returns: its result, in a box because it borrows the transaction.
pub type Work<'c, T, E> = BoxFuture<'c, Result<T, E>>;

/// The sending end: cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// A job in the queue, whatever its result is.
trait Job: Send {
    fn run<'c>(&'c mut self, tx: &'c mut Tx) -> BoxFuture<'c, Outcome>;
    /// Tells the result, or that nothing was written.
    fn answer(self: Box<Self>, undone: Option<&str>);
}

enum Outcome {
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
    fn run<'c>(&'c mut self, tx: &'c mut Tx) -> BoxFuture<'c, Outcome> {
        Box::pin(async move {
            let Some(job) = self.job.take() else { return Outcome::Undo };
            // A panic costs this job and nothing else: without this it would end the writer.
            let result = AssertUnwindSafe(async move { job(tx).await })
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(StoreError::Internal("a job of the writer panicked".into()).into()));
            let outcome = if result.is_ok() { Outcome::Keep } else { Outcome::Undo };
            self.result = Some(result);
            outcome
        })
    }

    fn answer(self: Box<Self>, undone: Option<&str>) {
        let result = match (undone, self.result) {
            (None, Some(result)) => result,
            (cause, _) => Err(StoreError::Unavailable(cause.unwrap_or("not carried out").to_owned()).into()),
        };
        // A caller that has gone away needs no answer.
        let _ = self.caller.send(result);
    }
}

impl Writer {
    pub(super) fn start(connection: AnyConnection, place: Place) -> Writer {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(run(connection, place, jobs));
        Writer { queue }
    }

    pub(super) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
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

    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

async fn run(connection: AnyConnection, place: Place, mut queue: mpsc::Receiver<Message>) {
    let mut connection = Some(connection);
    while let Some(message) = queue.recv().await {
        let first = match message {
            Message::Job(job) => job,
            Message::Close(done) => {
                if let Some(connection) = connection.take() {
                    let _ = sqlx::Connection::close(connection).await;
                }
                let _ = done.send(());
                return;
            }
        };
        let mut batch = Batch { done: Vec::new(), next: Some(first), queue: &mut queue, close: None };
        let verdict = match &mut connection {
            Some(connection) => batch.commit(connection).await,
            None => Err("there is no connection to the database".to_owned()),
        };
        let close = batch.answer(&verdict);
        if verdict.is_err() {
            // Whatever state the connection is in: a new one has none. Retried at the next job if this fails.
            drop(connection.take());
            connection = place.connect().await.ok();
        }
        if let Some(done) = close {
            if let Some(connection) = connection.take() {
                let _ = sqlx::Connection::close(connection).await;
            }
            let _ = done.send(());
            return;
        }
    }
}

/// Jobs of one transaction.
struct Batch<'q> {
    done: Vec<Box<dyn Job>>,
    next: Option<Box<dyn Job>>,
    queue: &'q mut mpsc::Receiver<Message>,
    close: Option<oneshot::Sender<()>>,
}

impl Batch<'_> {
    /// Runs what has queued up and commits it; the error says why nothing of it was written.
    async fn commit(&mut self, connection: &mut AnyConnection) -> Result<(), String> {
        statement(connection, "begin immediate").await?;
        while let Some(mut job) = self.next.take() {
            let run = one(connection, job.as_mut()).await;
            self.done.push(job);
            run?;
            if self.done.len() < BATCH && self.close.is_none() {
                match self.queue.try_recv() {
                    Ok(Message::Job(job)) => self.next = Some(job),
                    Ok(Message::Close(done)) => self.close = Some(done),
                    Err(_) => {}
                }
            }
        }
        statement(connection, "commit").await
    }

    fn answer(self, verdict: &Result<(), String>) -> Option<oneshot::Sender<()>> {
        let undone = verdict.as_ref().err().map(String::as_str);
        if let Some(cause) = undone {
            tracing::error!(cause, jobs = self.done.len(), "nothing of a batch was written");
        }
        for job in self.done.into_iter().chain(self.next) {
            job.answer(undone);
        }
        self.close
    }
}

async fn one(connection: &mut AnyConnection, job: &mut dyn Job) -> Result<(), String> {
    statement(connection, "savepoint job").await?;
    if let Outcome::Undo = job.run(connection).await {
        statement(connection, "rollback to job").await?;
    }
    // Fails when SQLite has undone the whole transaction, also if the job kept the error to itself.
    statement(connection, "release job").await
}

async fn statement(connection: &mut AnyConnection, sql: &'static str) -> Result<(), String> {
    sqlx::query(sql).execute(connection).await.map(drop).map_err(|error| error.to_string())
}
