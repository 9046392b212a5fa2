//! Meanings of SQLite's error codes.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

/// True if the file of SQLite is damaged (`SQLITE_CORRUPT`), or is no database at all (`SQLITE_NOTADB`).
pub(crate) fn is_damage(error: &dyn DatabaseError) -> bool {
    error.try_downcast_ref::<PgDatabaseError>().is_none() && matches!(primary_code(error), Some(11 | 26))
}

/// SQLite's primary result code: the low byte of the extended one.
pub(super) fn primary_code(error: &dyn DatabaseError) -> Option<u32> {
    error.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff)
}
