//! PostgreSQL: any number of nodes on one database. Each write is a transaction of its own on a connection of
//! the pool, READ COMMITTED (D-34). Each write takes the row locks that it needs.

use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use doorward_config::Database;
use doorward_core::clock::Millis;
use futures_util::FutureExt;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Row};
use tokio::sync::Semaphore;

use crate::engine::connection::Engine;
use crate::engine::migrations::{migrate, verify};
use crate::engine::writer::Work;
use crate::{StoreError, Tx};

/// The longest wait for a connection, and so the time until a caller learns that the database is down.
const ACQUIRE: Duration = Duration::from_secs(2);
/// The longest duration of a write, including the wait for a connection and for locks.
const DEADLINE: Duration = Duration::from_secs(5);
/// The number of writes that may wait or run. More are refused at once.
const QUEUE: usize = 4096;
/// The time that a returned connection may take to answer a ping.
const PATIENCE: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is tested before its use.
const TRUSTED: Duration = Duration::from_secs(1);

const BEGIN: &str = "begin isolation level read committed";
// PostgreSQL turns the commit of a transaction with a failed statement into a rollback, and reports that only
// in the command tag. The statement before the commit fails in this case.
const COMMIT: &str = "select 1; commit";

/// Connects, and updates the tables.
pub(crate) async fn open(database: &Database) -> Result<AnyPool, StoreError> {
    let (options, mut connection) = connect(database).await?;
    migrate(&mut connection, Engine::Postgres).await?;
    drop(sqlx::Connection::close(connection).await);
    pool(database, options).await
}

/// Connects, and checks the tables without changing them.
pub(crate) async fn attach(database: &Database) -> Result<AnyPool, StoreError> {
    let (options, mut connection) = connect(database).await?;
    verify(&mut connection, Engine::Postgres).await?;
    drop(sqlx::Connection::close(connection).await);
    pool(database, options).await
}

async fn connect(database: &Database) -> Result<(AnyConnectOptions, AnyConnection), StoreError> {
    let options = options(database)?;
    let mut connection = tokio::time::timeout(DEADLINE, options.connect())
        .await
        .map_err(|_| StoreError::Unavailable("no answer".into()))
        .and_then(|connected| Ok(connected?))
        .map_err(|error| StoreError::Unavailable(format!("{}: {error}", database.place())))?;
    // This connection gets no timeouts, because a migration may take long.
    sqlx::raw_sql("set client_min_messages = warning").execute(&mut connection).await?;
    Ok((options, connection))
}

async fn pool(database: &Database, options: AnyConnectOptions) -> Result<AnyPool, StoreError> {
    let pool = AnyPoolOptions::new()
        .max_connections(database.connections)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(|connection, known| {
            Box::pin(async move {
                if known.idle_for > TRUSTED {
                    sqlx::Connection::ping(connection).await?;
                }
                Ok(true)
            })
        })
        .after_release(|connection, _| {
            // The pool pings, too, but without a timeout: a host that vanished would occupy every place of
            // the pool.
            Box::pin(async move {
                let alive = tokio::time::timeout(PATIENCE, sqlx::Connection::ping(connection)).await;
                Ok(matches!(alive, Ok(Ok(()))))
            })
        })
        .after_connect(|connection, _| Box::pin(prepare(connection)))
        .connect_with(options)
        .await?;
    Ok(pool)
}

fn options(database: &Database) -> Result<AnyConnectOptions, StoreError> {
    let mut options = AnyConnectOptions::from_str(database.url.expose())?;
    let mut named = options.database_url.query_pairs();
    if !named.any(|(name, _)| name == "application_name") {
        options.database_url.query_pairs_mut().append_pair("application_name", "doorward");
    }
    // Slow statements show in the log line of their request.
    Ok(options.disable_statement_logging())
}

/// Sets timeouts, so that a node that hangs in a transaction does not hold its locks forever, and no
/// statement waits forever.
async fn prepare(connection: &mut AnyConnection) -> sqlx::Result<()> {
    let settings = "set client_min_messages = warning; set statement_timeout = '5s'; set lock_timeout = '4s'; \
        set idle_in_transaction_session_timeout = '10s';";
    sqlx::raw_sql(settings).execute(&mut *connection).await?;
    // A standby may lag behind: it may not know a new session yet, or still have an ended one.
    let clock = clock(connection).await.map(drop);
    clock.map_err(|error| sqlx::Error::Io(std::io::Error::other(error)))
}

/// The time of the database. An error if the database is read-only.
pub(crate) async fn clock(connection: &mut AnyConnection) -> Result<Millis, StoreError> {
    let row = sqlx::query(
        "select cast(extract(epoch from clock_timestamp()) * 1000 as bigint) as now,
            current_setting('transaction_read_only') as read_only",
    )
    .fetch_one(connection)
    .await?;
    if row.try_get::<String, _>("read_only")? == "on" {
        return Err(StoreError::Unavailable("the database is read-only: a standby?".into()));
    }
    Ok(row.try_get("now")?)
}

/// True if an error with this SQLSTATE may be temporary: no connection, no resources, locked, shut down, just
/// promoted or not yet.
pub(crate) fn is_passing(code: &str) -> bool {
    let passing = ["25006", "25P03", "25P04", "40001", "40P01", "55P03"];
    let classes = ["08", "28", "3D", "53", "57", "58"];
    passing.contains(&code) || code.get(..2).is_some_and(|class| classes.contains(&class))
}

/// Runs writes, many at the same time.
#[derive(Clone, Debug)]
pub(crate) struct Transactions {
    pool: AnyPool,
    places: Arc<Semaphore>,
}

impl Transactions {
    pub(crate) fn on(pool: AnyPool) -> Transactions {
        Transactions { pool, places: Arc::new(Semaphore::new(QUEUE)) }
    }

    /// Runs the job in a task of its own, so that a caller that is dropped does not interrupt a transaction.
    pub(crate) async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Tx) -> Work<'c, T, E> + Send + 'static,
    {
        let unavailable = |cause: &str| E::from(StoreError::Unavailable(cause.to_owned()));
        let place = self.places.clone().try_acquire_owned();
        let place = place.map_err(|_| unavailable("too many writes are waiting"))?;
        let pool = self.pool.clone();
        let task = tokio::spawn(async move {
            let _place = place;
            tokio::time::timeout(DEADLINE, transact(&pool, job)).await
        });
        match task.await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(unavailable("a write took too long")),
            Err(_) => Err(unavailable("the server stops")),
        }
    }
}

async fn transact<T, E, F>(pool: &AnyPool, job: F) -> Result<T, E>
where
    E: From<StoreError>,
    F: for<'c> FnOnce(&'c mut Tx) -> Work<'c, T, E>,
{
    let mut open = Open::begin(pool).await?;
    let tx = open.connection()?;
    // A panic fails this job only.
    let result = AssertUnwindSafe(async { job(tx).await })
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(StoreError::Internal("a job of the writer panicked".into()).into()));
    match result {
        Ok(value) => {
            // After an error here it is unknown whether the transaction was committed.
            open.end(COMMIT).await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            Ok(value)
        }
        Err(error) => {
            // If the rollback fails, the connection is closed, which also undoes the transaction.
            let _ = open.end("rollback").await;
            Err(error)
        }
    }
}

/// A connection with an open transaction. If it is dropped early, the connection is closed instead of
/// returned, which undoes the transaction.
struct Open(Option<PoolConnection<Any>>);

impl Open {
    /// Begins a transaction. A connection may be dead without notice, as all are after a restart of the
    /// database. No statement has run yet, so that the next connection can be tried.
    async fn begin(pool: &AnyPool) -> Result<Open, StoreError> {
        let mut left = pool.options().get_max_connections();
        loop {
            let mut open = Open(Some(pool.acquire().await?));
            match sqlx::raw_sql(BEGIN).execute(open.connection()?).await {
                Ok(_) => return Ok(open),
                Err(error) if left == 0 => return Err(error.into()),
                Err(error) => tracing::debug!(%error, "a connection to the database was dead"),
            }
            left -= 1;
        }
    }

    fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        self.0.as_deref_mut().ok_or_else(|| StoreError::Internal("the transaction is over".into()))
    }

    async fn end(&mut self, how: &'static str) -> Result<(), StoreError> {
        sqlx::raw_sql(how).execute(self.connection()?).await?;
        drop(self.0.take());
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(mut connection) = self.0.take() {
            connection.close_on_drop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_passing;

    #[test]
    fn temporary_errors_differ_from_bugs() {
        for code in ["57P01", "57P03", "40001", "40P01", "53300", "08006", "57014", "55P03", "25006"] {
            assert!(is_passing(code), "{code}");
        }
        for code in ["42601", "23505", "25P02", "22021", "42P01", ""] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
