//! Opening the database, migrating it, and what differs between engines.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::error::DatabaseError;
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions};
use url::Url;

use super::StoreError;
use super::writer::{Work, Writer};
use crate::clock::Millis;

/// What SQL runs on; within [`Store::write`] it is one transaction.
pub type Tx = AnyConnection;

/// A connection for reading.
pub type Reader = PoolConnection<Any>;

/// Readers at a time. Each is a thread and a page cache: more do not help two cores.
const READERS: u32 = 4;

/// The database: many readers, one writer.
#[derive(Clone, Debug)]
pub struct Store {
    readers: AnyPool,
    writer: Writer,
}

/// In the order of their numbers; never edited once they have shipped.
const MIGRATIONS: &[(&str, &str)] = &[
    ("accounts", include_str!("../../migrations/sqlite/0001_accounts.sql")),
    ("sessions", include_str!("../../migrations/sqlite/0002_sessions.sql")),
    ("signing_keys", include_str!("../../migrations/sqlite/0003_signing_keys.sql")),
    ("idempotency", include_str!("../../migrations/sqlite/0004_idempotency.sql")),
    ("audit", include_str!("../../migrations/sqlite/0005_audit.sql")),
    ("challenges", include_str!("../../migrations/sqlite/0006_challenges.sql")),
    ("outbox", include_str!("../../migrations/sqlite/0007_outbox.sql")),
    ("proofs", include_str!("../../migrations/sqlite/0008_proofs.sql")),
    ("session_keys", include_str!("../../migrations/sqlite/0009_session_keys.sql")),
];

impl Store {
    /// Opens or creates the database in a folder and brings its tables up to date.
    pub async fn open(folder: &Path) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let at = |error: io::Error| StoreError::Unavailable(format!("{}: {error}", folder.display()));
        make_folder(folder).map_err(at)?;
        let file = folder.canonicalize().map_err(at)?.join("doorward.db");
        // Created here, so that nobody else can ever read it; SQLite gives its journal the same mode.
        OpenOptions::new().append(true).create(true).mode(0o600).open(&file).map_err(at)?;
        let options = options(&file)?;
        let mut connection = connect(&options).await?;
        migrate(&mut connection, crate::clock::Clock::now(&crate::clock::SystemClock)).await?;
        let readers = AnyPoolOptions::new()
            .max_connections(READERS)
            .min_connections(1)
            .acquire_timeout(Duration::from_secs(5))
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(|connection, _| Box::pin(prepare(connection)))
            .connect_with(options.clone())
            .await?;
        Ok(Store { readers, writer: Writer::start(connection, options) })
    }

    /// A connection for reading.
    pub async fn read(&self) -> Result<Reader, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    /// Can the database be read and written within two seconds? What is written is nothing.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let both = async {
            let mut reader = self.read().await?;
            sqlx::query("select 1").execute(&mut *reader).await?;
            self.write(|_| Box::pin(async { Ok::<(), StoreError>(()) })).await
        };
        let slow = |_| StoreError::Unavailable("did not answer within 2 s".into());
        tokio::time::timeout(Duration::from_secs(2), both).await.map_err(slow)?
    }

    /// Does something as one transaction, and answers after it is on the disk.
    ///
    /// Many calls are committed together, each in a savepoint: what fails is undone and harms no other.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Tx) -> Work<'c, T, E> + Send + 'static,
    {
        self.writer.write(job).await
    }

    /// Waits for what is being written and closes the file.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }
}

/// Makes a folder that only its owner can look into, unless it is there.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn options(file: &Path) -> Result<AnyConnectOptions, StoreError> {
    let name = || StoreError::Internal(format!("{}: not a name for a database", file.display()));
    let path = Url::from_file_path(file).map_err(|()| name())?;
    let options = AnyConnectOptions::from_str(&format!("sqlite://{}", path.path()))?;
    // What is slow shows in the request's own line of the log.
    Ok(options.disable_statement_logging())
}

pub(super) async fn connect(options: &AnyConnectOptions) -> Result<AnyConnection, StoreError> {
    let mut connection = options.connect().await?;
    prepare(&mut connection).await?;
    Ok(connection)
}

/// Durable after each commit; readers never wait for the writer; a lock held by a backup is waited for.
async fn prepare(connection: &mut AnyConnection) -> sqlx::Result<()> {
    let pragmas = "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; \
        pragma busy_timeout = 5000; pragma cache_size = -2000; pragma temp_store = memory;";
    sqlx::raw_sql(pragmas).execute(connection).await.map(drop)
}

/// Is this a fault that may pass: locked, out of memory, disk error, disk full, cannot open?
pub(super) fn is_passing(error: &dyn DatabaseError) -> bool {
    // The extended code's low byte is SQLite's primary result code.
    let code = error.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(code, Some(5 | 6 | 7 | 8 | 10 | 13 | 14 | 15))
}

async fn migrate(connection: &mut AnyConnection, now: Millis) -> Result<(), StoreError> {
    let table = "create table if not exists migrations (
        number bigint not null primary key,
        name text not null,
        applied_at bigint not null)";
    sqlx::raw_sql(table).execute(&mut *connection).await?;
    let done: Vec<(i64, String)> = sqlx::query_as("select number, name from migrations order by number")
        .fetch_all(&mut *connection)
        .await?;
    for (at, (number, name)) in done.iter().enumerate() {
        let known = MIGRATIONS.get(at).is_some_and(|(known, _)| known == name);
        if !known || i64::try_from(at + 1) != Ok(*number) {
            return Err(StoreError::Internal(format!(
                "the database has migration {number} ({name}), which this version does not know: \
                 it was written by a newer doorward"
            )));
        }
    }
    for (number, (name, sql)) in (1_i64..).zip(MIGRATIONS).skip(done.len()) {
        apply(connection, number, name, sql, now).await.map_err(|error| match error {
            StoreError::Internal(cause) => {
                StoreError::Internal(format!("migration {number} ({name}): {cause}"))
            }
            other => other,
        })?;
        tracing::info!(number, name, "migrated the database");
    }
    Ok(())
}

fn apply<'c>(
    connection: &'c mut AnyConnection,
    number: i64,
    name: &'static str,
    sql: &'static str,
    now: Millis,
) -> BoxFuture<'c, Result<(), StoreError>> {
    Box::pin(async move {
        sqlx::query("begin immediate").execute(&mut *connection).await?;
        let mut done = sqlx::raw_sql(sql).execute(&mut *connection).await.map(drop);
        if done.is_ok() {
            done = sqlx::query("insert into migrations (number, name, applied_at) values ($1, $2, $3)")
                .bind(number)
                .bind(name)
                .bind(now)
                .execute(&mut *connection)
                .await
                .map(drop);
        }
        let end = if done.is_ok() { "commit" } else { "rollback" };
        sqlx::query(end).execute(connection).await?;
        Ok(done?)
    })
}
