//! The only place with SQL: one file per noun. Text, bigint and blob only, and what both engines understand: SQLite,
//! one file that one process writes, and PostgreSQL, with any number of nodes. Where they differ is `engine/`.
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

/// Why the database did not do what it was asked for.
#[derive(Debug)]
pub enum StoreError {
    /// Busy, full or broken for now: nothing was changed, and the caller may try again.
    Unavailable(String),
    /// There is such a row already.
    Conflict,
    /// A fault of ours.
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
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error.to_string()),
            _ => StoreError::Internal(error.to_string()),
        }
    }
}
