//! A connection, and its database engine.

use sqlx::AnyConnection;

/// A connection for SQL. Within [`crate::Store::write`] it is a transaction.
pub type Tx = AnyConnection;

/// The engine of a database.
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
