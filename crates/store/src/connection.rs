//! A connection, and which of the two engines it is of.

use sqlx::AnyConnection;

/// What SQL runs on; within [`Store::write`] it is one transaction.
pub type Tx = AnyConnection;

/// Which engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    pub(super) fn of(connection: &Tx) -> Kind {
        if connection.backend_name() == "PostgreSQL" { Kind::Postgres } else { Kind::Sqlite }
    }
}
