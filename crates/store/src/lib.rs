//! The database, and the only crate with SQL: one file for each kind of row. The SQL uses only the types
//! text, bigint and blob, and only syntax that both engines accept: SQLite, a file that one process writes,
//! and PostgreSQL, for any number of nodes. `engine/` contains their differences.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod engine;
mod queue;

pub mod accounts;
pub mod audit;
pub mod budgets;
pub mod challenges;
pub mod deliveries;
pub mod directory;
pub mod flows;
pub mod idempotency;
pub mod identities;
pub mod leases;
pub mod outbox;
pub mod passwords;
pub mod proofs;
pub mod service_keys;
pub mod sessions;
pub mod signing_keys;
pub mod user_data;

pub use engine::connection::Tx;
#[doc(hidden)]
pub use engine::migrations::schema;
pub use engine::writer::Work;
pub use engine::{Reader, Store};
pub use queue::Lease;

/// The reason why the database did not carry out a call.
#[derive(Debug)]
pub enum StoreError {
    /// Busy, full or broken for now: nothing was changed, and the caller may try again. See [`Store::write`]
    /// for the exception.
    Unavailable(String),
    /// The row exists already.
    Conflict,
    /// A bug of doorward.
    Internal(String),
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StoreError::Unavailable(cause) | StoreError::Internal(cause) => f.write_str(cause),
            StoreError::Conflict => f.write_str("there is such a row already"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match &error {
            sqlx::Error::Database(inner) if inner.is_unique_violation() => StoreError::Conflict,
            sqlx::Error::Database(inner) if engine::is_passing(inner.as_ref()) => {
                StoreError::Unavailable(error.to_string())
            }
            sqlx::Error::Database(inner) if engine::errors::is_damage(inner.as_ref()) => {
                StoreError::Internal(format!(
                    "the database file is damaged ({error}): put a backup in its place, and remove its -wal and -shm before the \
                 next start"
                ))
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error.to_string()),
            _ => StoreError::Internal(error.to_string()),
        }
    }
}
