//! A connection, and which of the two engines it is of.

use sqlx::AnyConnection;

/// What SQL runs on; within [`crate::Store::write`] it is one transaction.
pub type Tx = AnyConnection;

/// Which engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) fn of(connection: &Tx) -> Engine {
        if connection.backend_name() == "PostgreSQL" { Engine::Postgres } else { Engine::Sqlite }
    }
}
