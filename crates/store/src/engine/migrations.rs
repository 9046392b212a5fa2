//! The migrations. Each is written once, in the SQL dialect of SQLite, and applied by [`sqlx::migrate`].

use std::borrow::Cow;

use sqlx::migrate::{AppliedMigration, Migrate, MigrateError, Migration, MigrationType};
use sqlx::{AnyConnection, Connection, SqlSafeStr};

use crate::StoreError;
use crate::engine::connection::Engine;
use crate::engine::errors::is_damage;

/// The SQL of each migration, with its description. A migration is never edited after its release.
///
/// It does not use `sqlx::migrate!`: the crate of that macro would compile both drivers, SQLite included, a
/// second time.
const MIGRATIONS: &[(&str, &str)] = &[("schema", include_str!("../../migrations/0001_schema.sql"))];

/// The table in which sqlx records the applied migrations.
const TABLE: &str = "_sqlx_migrations";

/// Words of SQLite's dialect, and their replacements for PostgreSQL.
const POSTGRES: [(&str, &str); 2] = [(" blob", " bytea"), (") without rowid;", ");")];

/// The SQL that creates the tables of this version on SQLite. Tests derive the names of their cached
/// databases from it.
#[doc(hidden)]
pub fn schema() -> String {
    MIGRATIONS.iter().map(|(_, sql)| *sql).collect()
}

/// Applies the missing migrations in one transaction. A second node that starts at the same time waits for
/// it.
pub(crate) async fn migrate(connection: &mut AnyConnection, engine: Engine) -> Result<(), StoreError> {
    refuse_development_tables(connection, engine).await?;
    let mut tx = match engine {
        // sqlx takes no lock on SQLite.
        Engine::Sqlite => connection.begin_with("begin immediate").await?,
        Engine::Postgres => {
            let mut tx = connection.begin().await?;
            // This number is used for no other lock. The lock ends with the transaction, so that it also
            // works through a connection pooler.
            sqlx::raw_sql("select pg_advisory_xact_lock(6441126118)").execute(&mut *tx).await?;
            tx
        }
    };
    tx.ensure_migrations_table(TABLE).await.map_err(explained)?;
    for migration in missing(&mut tx, engine).await? {
        tx.apply(TABLE, &migration).await.map_err(explained)?;
        let Migration { version, description, .. } = migration;
        tracing::info!(version, name = &*description, "migrated the database");
    }
    tx.commit().await?;
    Ok(())
}

/// Checks that the database has the tables of this version. Changes nothing.
pub(crate) async fn verify(connection: &mut AnyConnection, engine: Engine) -> Result<(), StoreError> {
    refuse_development_tables(connection, engine).await?;
    match missing(connection, engine).await?.first() {
        None => Ok(()),
        Some(Migration { version, description, .. }) => Err(StoreError::Internal(format!(
            "the database is without migration {version} ({description}): it was written by an older doorward. Start \
             doorward serve of this version, which updates the tables"
        ))),
    }
}

/// The migrations that the database lacks. An error if the database has a migration that this version does
/// not know.
async fn missing(connection: &mut AnyConnection, engine: Engine) -> Result<Vec<Migration>, StoreError> {
    let applied = connection.list_applied_migrations(TABLE).await.map_err(|error| match error {
        MigrateError::Execute(sqlx::Error::Database(inner)) if is_damage(inner.as_ref()) => {
            sqlx::Error::Database(inner).into()
        }
        _ => StoreError::Internal(format!(
            "the database has no tables yet ({error}): start doorward serve, which creates them"
        )),
    })?;
    let mut missing = migrations(engine);
    for AppliedMigration { version, checksum } in applied {
        let Some(at) = missing.iter().position(|known| known.version == version) else {
            return Err(StoreError::Internal(format!(
                "the database has migration {version}, which this version does not know: it was written by a newer doorward"
            )));
        };
        if missing.remove(at).checksum != checksum {
            return Err(StoreError::Internal(format!(
                "migration {version} of the database is not the one of this version: the database was made by another build"
            )));
        }
    }
    Ok(missing)
}

fn migrations(engine: Engine) -> Vec<Migration> {
    let migration = |(version, (name, sql)): (i64, &(&'static str, &'static str))| {
        let sql = match engine {
            Engine::Sqlite => sqlx::SqlStr::from_static(sql),
            Engine::Postgres => sqlx::AssertSqlSafe(postgres(sql)).into_sql_str(),
        };
        Migration::new(version, Cow::Borrowed(name), MigrationType::Simple, sql, false)
    };
    (1..).zip(MIGRATIONS).map(migration).collect()
}

fn postgres(sqlite: &str) -> String {
    POSTGRES.iter().fold(sqlite.to_owned(), |sql, (sqlite, postgres)| sql.replace(sqlite, postgres))
}

/// Rejects a database of a development version before 0.1.0, which kept its list of migrations in a table
/// `migrations`.
async fn refuse_development_tables(connection: &mut AnyConnection, engine: Engine) -> Result<(), StoreError> {
    let tables = match engine {
        Engine::Sqlite => "select count(*) from sqlite_master where name = 'migrations'",
        Engine::Postgres => "select count(to_regclass('migrations'))",
    };
    match sqlx::query_scalar::<_, i64>(tables).fetch_one(connection).await? {
        0 => Ok(()),
        _ => Err(StoreError::Internal(
            "the database was made by a development version before 0.1.0, which this version cannot read: start with a new \
             data folder or a new PostgreSQL database"
                .into(),
        )),
    }
}

fn explained(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) => error.into(),
        other => StoreError::Internal(format!("the database cannot be migrated: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_migration_file_is_listed_once_and_in_order() {
        let numbered = (1..).zip(MIGRATIONS);
        let listed: Vec<String> =
            numbered.map(|(number, (name, _))| format!("{number:04}_{name}.sql")).collect();
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        let mut files: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(files, listed);
    }

    #[test]
    fn postgres_has_the_same_tables_with_bytea_and_row_ids() {
        for (name, sqlite) in MIGRATIONS {
            let postgres = postgres(sqlite);
            let changed = sqlite.lines().zip(postgres.lines()).filter(|(one, other)| one != other);
            for (sqlite, postgres) in changed {
                let expected = match sqlite {
                    ") without rowid;" => ");".to_owned(),
                    column => column.replacen(" blob", " bytea", 1),
                };
                assert_eq!(postgres, expected);
            }
            for word in ["blob", "rowid"] {
                let code = postgres.lines().filter(|line| !line.starts_with("--"));
                assert!(code.into_iter().all(|line| !line.contains(word)), "{word} in {name}");
            }
        }
    }

    #[test]
    fn on_sqlite_each_table_is_without_row_id() {
        for (name, sql) in MIGRATIONS {
            let count = |text: &str| sql.lines().filter(|line| line.starts_with(text)).count();
            assert_eq!(count("create table "), count(") without rowid;"), "{name}");
        }
    }
}
