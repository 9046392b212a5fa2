//! Copies the `-wal` into the database file beside the writer. SQLite would do it within a commit, and all requests that
//! wait for that commit would wait for the copying and two more fsyncs.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::engine::sqlite::DatabaseFile;

/// Jobs between two checkpoints. A job writes few pages.
const JOBS: usize = 500;

/// The task that copies, with a connection of its own.
pub(crate) struct Checkpoints {
    wake_up: mpsc::Sender<()>,
    task: JoinHandle<()>,
    /// Jobs since the last checkpoint.
    jobs: usize,
}

impl Checkpoints {
    pub(crate) fn start(database: DatabaseFile) -> Checkpoints {
        let (wake_up, due) = mpsc::channel(1);
        Checkpoints { wake_up, task: tokio::spawn(run(database, due)), jobs: 0 }
    }

    /// Counts the jobs of a commit, and starts a checkpoint if enough have been committed.
    pub(crate) fn committed(&mut self, jobs: usize) {
        self.jobs += jobs;
        if self.jobs >= JOBS && self.wake_up.try_send(()).is_ok() {
            self.jobs = 0;
        }
    }

    /// Closes the connection, so that the last connection that closes finds no other and removes the `-wal`.
    pub(crate) async fn end(self) {
        drop(self.wake_up);
        // A panic has its line in the log.
        let _ = self.task.await;
    }
}

/// Without this task the writer's own checkpoints go on, at eight times the size.
async fn run(database: DatabaseFile, mut due: mpsc::Receiver<()>) {
    let mut connection = None;
    while due.recv().await.is_some() {
        if connection.is_none() {
            connection = database.connect().await.ok();
        }
        let Some(open) = &mut connection else { continue };
        // Passive: it waits for no reader and no writer, and copies the rest the next time.
        if let Err(error) = sqlx::raw_sql("pragma wal_checkpoint(passive)").execute(open).await {
            tracing::warn!(%error, "a checkpoint of the database failed");
            connection = None;
        }
    }
    if let Some(connection) = connection {
        let _ = sqlx::Connection::close(connection).await;
    }
}
