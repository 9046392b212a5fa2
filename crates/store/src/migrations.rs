//! The tables, step by step. Each step is written once, in the spelling of SQLite.

use std::borrow::Cow;

use doorward_core::clock::Millis;
use sqlx::AnyConnection;

use super::StoreError;
use super::connection::Engine;

/// One step; never edited once it has shipped.
struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

macro_rules! migrations {
    ($($number:literal $file:literal $name:literal),* $(,)?) => {
        &[$( Migration {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../migrations/", $file, "_", $name, ".sql")),
        } ),*]
    };
}

/// In the order in which they are applied.
const MIGRATIONS: &[Migration] = migrations![
    1 "0001" "schema",
    2 "0002" "first_proof",
];

/// The first step of the development versions before 0.1.0, whose 20 steps became [`MIGRATIONS`].
const BEFORE_RELEASE: (i64, &str) = (1, "accounts");

/// What SQLite has and PostgreSQL spells differently or does not have.
const POSTGRES: [(&str, &str); 2] = [(" blob", " bytea"), (") without rowid;", ");")];

impl Migration {
    fn sql(&self, kind: Engine) -> Cow<'static, str> {
        match kind {
            Engine::Sqlite => Cow::Borrowed(self.sql),
            Engine::Postgres => {
                let translate = |sql: String, (sqlite, postgres): (&str, &str)| sql.replace(sqlite, postgres);
                Cow::Owned(POSTGRES.into_iter().fold(self.sql.to_owned(), translate))
            }
        }
    }
}

/// The SQL that makes the tables of this version on SQLite. Tests name the databases that they keep by it.
#[doc(hidden)]
pub fn schema() -> String {
    MIGRATIONS.iter().map(|migration| migration.sql).collect()
}

/// Applies what the database does not have yet, each as one transaction: whoever comes second, another node at the
/// same moment or the next start after a crash, finds it done or not begun.
pub(super) async fn migrate(
    connection: &mut AnyConnection,
    kind: Engine,
    now: Millis,
) -> Result<(), StoreError> {
    let missing = transaction(connection, kind, async |connection| {
        let table = "create table if not exists migrations (
            number bigint not null primary key,
            name text not null,
            applied_at bigint not null)";
        sqlx::raw_sql(table).execute(&mut *connection).await?;
        missing(&applied(connection).await?)
    })
    .await?;
    for migration in missing {
        let Migration { number, name, .. } = *migration;
        let done =
            transaction(connection, kind, async |connection| apply(connection, kind, migration, now).await);
        let new = done.await.map_err(|error| match error {
            StoreError::Internal(cause) => {
                StoreError::Internal(format!("migration {number} ({name}): {cause}"))
            }
            other => other,
        })?;
        if new {
            tracing::info!(number, name, "migrated the database");
        }
    }
    Ok(())
}

/// Are the tables those of this version? Changes nothing.
pub(super) async fn verify(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let applied = applied(connection).await.map_err(|error| match error {
        StoreError::Internal(cause) => StoreError::Internal(format!(
            "the database has no tables yet ({cause}): start doorward serve, it makes them"
        )),
        other => other,
    })?;
    match missing(&applied)?.first() {
        None => Ok(()),
        Some(Migration { number, name, .. }) => Err(StoreError::Internal(format!(
            "the database is without migration {number} ({name}): it was written by an older doorward. Start doorward \
             serve of this version, it brings the tables up to date"
        ))),
    }
}

async fn applied(connection: &mut AnyConnection) -> Result<Vec<(i64, String)>, StoreError> {
    Ok(sqlx::query_as("select number, name from migrations order by number").fetch_all(connection).await?)
}

/// What is not there yet; an error when something is that this version does not know.
fn missing(applied: &[(i64, String)]) -> Result<Vec<&'static Migration>, StoreError> {
    if applied.iter().any(|(number, name)| (*number, name.as_str()) == BEFORE_RELEASE) {
        return Err(StoreError::Internal(
            "the database was made by a development version before 0.1.0, which this version cannot read: start with a \
             new data folder or a new PostgreSQL database"
                .into(),
        ));
    }
    let is = |migration: &Migration, (number, name): &(i64, String)| {
        migration.number == *number && migration.name == name
    };
    if let Some((number, name)) =
        applied.iter().find(|there| !MIGRATIONS.iter().any(|known| is(known, there)))
    {
        return Err(StoreError::Internal(format!(
            "the database has migration {number} ({name}), which this version does not know: \
             it was written by a newer doorward"
        )));
    }
    Ok(MIGRATIONS.iter().filter(|known| !applied.iter().any(|there| is(known, there))).collect())
}

/// False when another node did it meanwhile.
async fn apply(
    connection: &mut AnyConnection,
    kind: Engine,
    migration: &Migration,
    now: Millis,
) -> Result<bool, StoreError> {
    if applied(connection).await?.iter().any(|(number, _)| *number == migration.number) {
        return Ok(false);
    }
    let sql = migration.sql(kind).into_owned();
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut *connection).await?;
    sqlx::query("insert into migrations (number, name, applied_at) values ($1, $2, $3)")
        .bind(migration.number)
        .bind(migration.name)
        .bind(now)
        .execute(connection)
        .await?;
    Ok(true)
}

/// A transaction that nobody else can have at the same time.
async fn transaction<T>(
    connection: &mut AnyConnection,
    kind: Engine,
    work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let begin = match kind {
        Engine::Sqlite => "begin immediate",
        // The number means "doorward migrates" and nothing else. The lock ends with the transaction.
        Engine::Postgres => "begin; select 1 from pg_advisory_xact_lock(6441126118)",
    };
    sqlx::raw_sql(begin).execute(&mut *connection).await?;
    let done = work(connection).await;
    let end = if done.is_ok() { "commit" } else { "rollback" };
    sqlx::raw_sql(end).execute(connection).await?;
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_migration_file_is_listed_once_and_in_order() {
        let listed: Vec<String> =
            MIGRATIONS.iter().map(|one| format!("{:04}_{}.sql", one.number, one.name)).collect();
        assert!(listed.is_sorted());
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap();
        let mut files: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(files, listed);
    }

    #[test]
    fn postgres_has_the_same_tables_with_bytea_and_row_ids() {
        for migration in MIGRATIONS {
            let sqlite = migration.sql(Engine::Sqlite);
            assert_eq!(sqlite, migration.sql);
            let postgres = migration.sql(Engine::Postgres);
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
                assert!(code.into_iter().all(|line| !line.contains(word)), "{word} in {}", migration.name);
            }
        }
    }

    #[test]
    fn on_sqlite_each_table_is_without_row_id() {
        for Migration { name, sql, .. } in MIGRATIONS {
            let count = |text: &str| sql.lines().filter(|line| line.starts_with(text)).count();
            assert_eq!(count("create table "), count(") without rowid;"), "{name}");
        }
    }
}
