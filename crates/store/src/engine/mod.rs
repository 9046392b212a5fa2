//! The database as the rest of the program sees it, and the few things in which the engines differ.

pub(super) mod connection;
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

/// A connection for reading. Give it back before you write: on PostgreSQL a write takes one of the same pool.
pub type Reader = PoolConnection<Any>;

/// The database.
#[derive(Clone, Debug)]
pub struct Store {
    readers: AnyPool,
    writes: Writes,
    /// Pings one after the other: each empties the page cache of a reader.
    pinging: Arc<Mutex<()>>,
}

#[derive(Clone, Debug)]
enum Writes {
    /// SQLite: one after the other, many in one commit.
    Together(Writer),
    /// PostgreSQL: each a transaction of its own, beside the others.
    Apart(Transactions),
}

/// The work of a transaction, for [`Store::write`]: `store.write(transaction!(|tx| { … }))`.
///
/// It takes what it uses with it (`move`). A bound for asynchronous closures whose futures are `Send` is not stable yet; with
/// one, this goes.
#[macro_export]
macro_rules! transaction {
    (|$tx:ident| $work:expr) => {
        move |$tx| ::std::boxed::Box::pin(async move { $work })
    };
}

impl Store {
    /// Opens the database that the settings name, or else the file in `folder`, and brings its tables up to date.
    pub async fn open(folder: &Path, database: &Database) -> Result<Store, StoreError> {
        Store::open_with(folder, database, Durability::Full, Tasks::default()).await
    }

    /// The same; `durability` is about the file of SQLite. How PostgreSQL writes is its own setting. `tasks` is told of
    /// panics of the writer.
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

    /// Opens it for a command beside the server: nothing is made, no table is changed. One that is not of this version
    /// is an error.
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

    /// Can the database be read and written within two seconds? What is written is nothing. Answers what time it
    /// is there, if the database has a clock of its own.
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

    /// Does something as one transaction, and answers after it is on the disk.
    ///
    /// It is carried out to its end even if nobody waits for the answer any more. [`StoreError::Unavailable`] mostly
    /// means that nothing was written; where a connection broke at the very end, it may have been: what must not
    /// happen twice needs a key of its own.
    ///
    /// On SQLite nothing runs beside it. On PostgreSQL other transactions do, and each statement sees what they have
    /// committed by then: what several statements rely on must be locked first (`accounts::lock` and its like).
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

    /// Waits for what is being written and closes the database.
    pub async fn close(&self) {
        if let Writes::Together(writer) = &self.writes {
            writer.close().await;
        }
        self.readers.close().await;
    }
}

/// Locks until the end of the transaction what a statement names by its one argument. On SQLite there is nothing to
/// do: nobody else writes.
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

/// Is this a fault that may pass?
pub(super) fn is_passing(error: &dyn DatabaseError) -> bool {
    match error.try_downcast_ref::<PgDatabaseError>() {
        Some(error) => postgres::is_passing(error.code()),
        None => sqlite::is_passing(error),
    }
}
