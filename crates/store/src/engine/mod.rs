//! The interface of the database, and the differences between the engines.

mod checkpoints;
pub(super) mod connection;
pub(super) mod errors;
pub(super) mod migrations;
mod postgres;
mod sqlite;
mod wal;
pub(super) mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use doorward_config::Database;
use doorward_core::clock::{Durability, Millis};
use doorward_core::tasks::Tasks;
use sqlx::error::DatabaseError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgDatabaseError;
use sqlx::{Any, AnyPool};
use tokio::sync::Mutex;

use connection::{Engine, Tx};
use postgres::Transactions;
use writer::{Work, Writer};

use crate::StoreError;

/// A connection for reading. Drop it before a write: on PostgreSQL a write takes a connection from the same
/// pool.
pub type Reader = PoolConnection<Any>;

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    readers: AnyPool,
    writes: Writes,
    /// Runs pings one after the other, because each empties the page cache of a reader.
    pinging: Arc<Mutex<()>>,
}

#[derive(Clone, Debug)]
enum Writes {
    /// SQLite: one write after the other, many in one commit.
    Together(Writer),
    /// PostgreSQL: each write is a transaction of its own, concurrent with the others.
    Apart(Transactions),
}

/// The work of a transaction, for [`Store::write`]: `store.write(transaction!(|tx| { … }))`.
///
/// It moves the variables that it uses. The macro is needed until bounds for asynchronous closures with
/// `Send` futures are stable.
#[macro_export]
macro_rules! transaction {
    (|$tx:ident| $work:expr) => {
        move |$tx| ::std::boxed::Box::pin(async move { $work })
    };
}

impl Store {
    /// Opens the database that the settings name, or else the file in `folder`, and updates its tables.
    pub async fn open(folder: &Path, database: &Database) -> Result<Store, StoreError> {
        Store::open_with(folder, database, Durability::Full, Tasks::default()).await
    }

    /// The same. `durability` applies to SQLite only; PostgreSQL has a setting of its own. `tasks` is
    /// notified when the writer panics.
    pub async fn open_with(
        folder: &Path,
        database: &Database,
        durability: Durability,
        tasks: Tasks,
    ) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        if database.url.is_empty() {
            let (readers, writer) = sqlite::open(folder, durability, tasks).await?;
            return Ok(Store { readers, writes: Writes::Together(writer), pinging: Arc::default() });
        }
        let pool = postgres::open(database).await?;
        let transactions = Transactions::on(pool.clone());
        Ok(Store { readers: pool, writes: Writes::Apart(transactions), pinging: Arc::default() })
    }

    /// Opens the database for a command that runs beside the server. Creates nothing and changes no table. A
    /// database of another version is an error.
    pub async fn attach(folder: &Path, database: &Database) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        if database.url.is_empty() {
            let (readers, writer) = sqlite::attach(folder).await?;
            return Ok(Store { readers, writes: Writes::Together(writer), pinging: Arc::default() });
        }
        let pool = postgres::attach(database).await?;
        let transactions = Transactions::on(pool.clone());
        Ok(Store { readers: pool, writes: Writes::Apart(transactions), pinging: Arc::default() })
    }

    /// A connection for reading.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// Checks that the database can be read and written within two seconds, with an empty write. Returns the
    /// time of the database, if it has a clock of its own.
    pub async fn ping(&self) -> Result<Option<Millis>, StoreError> {
        let both = async {
            let _turn = self.pinging.lock().await;
            let mut reader = self.read().await?;
            match self.writes {
                Writes::Apart(_) => postgres::clock(&mut reader).await.map(Some),
                Writes::Together(_) => {
                    sqlite::probe(&mut reader).await?;
                    self.write(|_| Box::pin(async { Ok::<_, StoreError>(None) })).await
                }
            }
        };
        let slow = |_| StoreError::Unavailable("did not answer within 2 s".into());
        tokio::time::timeout(Duration::from_secs(2), both).await.map_err(slow)?
    }

    /// Runs a job as one transaction, and returns after the commit is durable.
    ///
    /// The job runs to its end even if the caller has stopped waiting. [`StoreError::Unavailable`] normally
    /// means that nothing was written. If a connection broke during the commit, the job may have been
    /// written: an operation that must not happen twice needs an idempotency key.
    ///
    /// On SQLite no other write runs at the same time. On PostgreSQL other transactions do, and each
    /// statement sees the commits before it: rows that several statements rely on must be locked first
    /// (`accounts::lock` and similar functions).
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Tx) -> Work<'c, T, E> + Send + 'static,
    {
        match &self.writes {
            Writes::Together(writer) => writer.write(job).await,
            Writes::Apart(transactions) => transactions.write(job).await,
        }
    }

    /// Waits for pending writes and closes the database.
    pub async fn close(&self) {
        if let Writes::Together(writer) = &self.writes {
            writer.close().await;
        }
        self.readers.close().await;
    }
}

/// Runs a statement that takes a lock until the end of the transaction; the argument names what is locked.
/// Does nothing on SQLite, which has one writer.
pub(super) async fn lock(tx: &mut Tx, sql: &'static str, argument: &str) -> Result<(), StoreError> {
    if Engine::of(tx) == Engine::Postgres {
        sqlx::query(sql).bind(argument).execute(tx).await?;
    }
    Ok(())
}

/// The same for a whole table.
pub(super) async fn lock_table(tx: &mut Tx, sql: &'static str) -> Result<(), StoreError> {
    if Engine::of(tx) == Engine::Postgres {
        sqlx::raw_sql(sql).execute(tx).await?;
    }
    Ok(())
}

/// True if the error may be temporary.
pub(super) fn is_passing(error: &dyn DatabaseError) -> bool {
    match error.try_downcast_ref::<PgDatabaseError>() {
        Some(error) => postgres::is_passing(error.code()),
        None => sqlite::is_passing(error),
    }
}
