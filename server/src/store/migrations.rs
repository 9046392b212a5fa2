//! The tables, step by step: each with the same number and name for both engines.

use sqlx::AnyConnection;

use super::StoreError;
use super::engine::Kind;
use crate::clock::Millis;

/// One step; never edited once it has shipped.
struct Migration {
    number: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migrations {
    ($($number:literal $file:literal $name:literal),* $(,)?) => {
        &[$( Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $file, "_", $name, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $file, "_", $name, ".sql")),
        } ),*]
    };
}

/// In the order in which they are applied.
const MIGRATIONS: &[Migration] = migrations![
    1 "0001" "accounts",
    2 "0002" "sessions",
    3 "0003" "signing_keys",
    4 "0004" "idempotency",
    5 "0005" "audit",
    6 "0006" "challenges",
    7 "0007" "outbox",
    8 "0008" "proofs",
    9 "0009" "session_keys",
    10 "0010" "leases",
    11 "0011" "identities",
    12 "0012" "user_data",
    13 "0013" "service_keys",
    14 "0014" "sms",
    15 "0015" "owned_addresses",
    16 "0016" "provider_identities",
    17 "0017" "flows",
    18 "0018" "hook_deliveries",
    19 "0019" "tries",
    20 "0020" "known_devices",
];

/// Applies what the database does not have yet, each as one transaction: whoever comes second, another node at the
/// same moment or the next start after a crash, finds it done or not begun.
pub(super) async fn migrate(
    connection: &mut AnyConnection,
    kind: Kind,
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
    kind: Kind,
    migration: &Migration,
    now: Millis,
) -> Result<bool, StoreError> {
    if applied(connection).await?.iter().any(|(number, _)| *number == migration.number) {
        return Ok(false);
    }
    let sql = match kind {
        Kind::Sqlite => migration.sqlite,
        Kind::Postgres => migration.postgres,
    };
    sqlx::raw_sql(sql).execute(&mut *connection).await?;
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
    kind: Kind,
    work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let begin = match kind {
        Kind::Sqlite => "begin immediate",
        // The number means "doorward migrates" and nothing else. The lock ends with the transaction.
        Kind::Postgres => "begin; select 1 from pg_advisory_xact_lock(6441126118)",
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
    fn both_engines_have_the_same_migrations_and_all_of_them_are_applied() {
        let listed: Vec<String> =
            MIGRATIONS.iter().map(|one| format!("{:04}_{}.sql", one.number, one.name)).collect();
        assert!(listed.is_sorted());
        for engine in ["sqlite", "postgres"] {
            let folder = format!("{}/migrations/{engine}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(folder).unwrap();
            let mut files: Vec<String> =
                files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            files.sort();
            assert_eq!(files, listed, "{engine}");
        }
    }

    #[test]
    fn on_postgres_the_tables_are_of_the_same_columns_and_keys() {
        let plain = |sql: &str| sql.replace(") without rowid;", ");").replace(" blob", " bytea");
        for Migration { name, sqlite, postgres, .. } in MIGRATIONS {
            assert_eq!(plain(sqlite), *postgres, "{name}");
        }
    }
}
