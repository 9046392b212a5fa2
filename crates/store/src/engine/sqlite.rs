//! SQLite: a file in a folder of its own, with many readers and one writer.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use doorward_core::clock::Durability;
use doorward_core::files::make_folder;
use doorward_core::tasks::Tasks;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::error::DatabaseError;
use sqlx::{AnyConnection, AnyPool, ConnectOptions};
use url::Url;

use crate::StoreError;
use crate::engine::checkpoints::Checkpoints;
use crate::engine::connection::Engine;
use crate::engine::errors::primary_code;
use crate::engine::migrations::{migrate, verify};
use crate::engine::wal::{self, Left, WalNote};
use crate::engine::writer::Writer;

/// The number of readers. Each is a thread and a page cache; more do not help on two cores.
const READERS: u32 = 4;
/// How long a write waits for a lock that another program holds, such as a backup.
const WRITER_WAITS: Duration = Duration::from_secs(5);
/// How long a read waits for a connection, and then again for such a lock. Together they take as long as a
/// write waits.
const READER_WAITS: Duration = Duration::from_millis(2_500);

/// Pages of the `-wal` at which a commit copies what [`super::checkpoints`] has left, so that the `-wal` begins anew: 32 MiB.
const WAL_PAGES: u32 = 8_000;

/// Opens or creates the database in a folder and updates its tables.
pub(crate) async fn open(
    folder: &Path,
    durability: Durability,
    tasks: Tasks,
) -> Result<(AnyPool, Writer), StoreError> {
    let at = |error: io::Error| StoreError::Unavailable(format!("{}: {error}", folder.display()));
    make_folder(folder).map_err(at)?;
    let file = folder.canonicalize().map_err(at)?.join("doorward.db");
    // Created here with this mode, so that other users can never read it. SQLite gives its journal the same
    // mode.
    OpenOptions::new().append(true).create(true).mode(0o600).open(&file).map_err(at)?;
    // If the file is a symbolic link, its journal is beside the target of the link.
    let file = file.canonicalize().map_err(at)?;
    let left = how_left(&file)?;
    let database = DatabaseFile { options: options(&file)?, file, durability };
    let mut connection = database.connect().await?;
    if left == Left::Unclean {
        check(&mut connection, &database.file).await?;
    }
    migrate(&mut connection, Engine::Sqlite).await?;
    mark(&mut connection).await?;
    serve(database, connection, tasks, true).await
}

/// Opens the database in a folder for a command beside the server. Changes no table.
pub(crate) async fn attach(folder: &Path) -> Result<(AnyPool, Writer), StoreError> {
    let file = folder.join("doorward.db");
    let file = file.canonicalize().map_err(|error| {
        StoreError::Unavailable(format!("{}: {error}: doorward serve creates the database", file.display()))
    })?;
    how_left(&file)?;
    let database = DatabaseFile { options: options(&file)?, file, durability: Durability::Full };
    let mut connection = database.connect().await?;
    verify(&mut connection, Engine::Sqlite).await?;
    serve(database, connection, Tasks::default(), false).await
}

/// How the database was closed. An error if its `-wal` belongs to another file.
fn how_left(file: &Path) -> Result<Left, StoreError> {
    match wal::left(file) {
        Left::Foreign => Err(StoreError::Internal(format!(
            "{0} is not the file that {0}-wal was written for: a backup was put in its place. Stop every doorward process. Then, to \
             go on from the backup, remove {0}-wal and {0}-shm: what was written after the backup is lost. To go on without \
             the backup, put the file back that was there before",
            file.display()
        ))),
        left => Ok(left),
    }
}

/// Changes the first page of the file, and so the state by which [`WalNote`] recognises it. Copies from
/// before this start then count as other files.
async fn mark(connection: &mut AnyConnection) -> Result<(), StoreError> {
    let starts: i64 = sqlx::query_scalar("pragma user_version").fetch_one(&mut *connection).await?;
    let starts = i32::try_from(starts).unwrap_or(0).wrapping_add(1);
    let mark = format!("pragma user_version = {starts}; pragma wal_checkpoint(truncate);");
    sqlx::raw_sql(sqlx::AssertSqlSafe(mark)).execute(connection).await?;
    Ok(())
}

/// Checks the pages of the database after an unclean end.
async fn check(connection: &mut AnyConnection, file: &Path) -> Result<(), StoreError> {
    tracing::info!("the database was not closed properly: checking it, which takes a while if it is large");
    let damage: String = sqlx::query_scalar("pragma quick_check(1)").fetch_one(connection).await?;
    if damage == "ok" {
        return Ok(());
    }
    Err(StoreError::Internal(format!(
        "{0} is damaged ({damage}): put a backup in its place, and remove {0}-wal and {0}-shm before the next start",
        file.display()
    )))
}

/// A database file and the options of its connections.
#[derive(Clone)]
pub(crate) struct DatabaseFile {
    options: AnyConnectOptions,
    file: PathBuf,
    durability: Durability,
}

impl DatabaseFile {
    pub(crate) async fn connect(&self) -> Result<AnyConnection, StoreError> {
        let mut connection = self.options.connect().await?;
        prepare(&mut connection, self.durability, WRITER_WAITS).await?;
        Ok(connection)
    }
}

/// Starts the readers and the writer. The server maintains the note about the `-wal`; commands do not.
async fn serve(
    database: DatabaseFile,
    writer: AnyConnection,
    tasks: Tasks,
    is_server: bool,
) -> Result<(AnyPool, Writer), StoreError> {
    let durability = database.durability;
    let readers = AnyPoolOptions::new()
        .max_connections(READERS)
        .min_connections(1)
        .acquire_timeout(READER_WAITS)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(move |connection, _| Box::pin(prepare(connection, durability, READER_WAITS)))
        .connect_with(database.options.clone())
        .await?;
    let open = || File::open(&database.file).map_err(|error| StoreError::Unavailable(error.to_string()));
    let open = Arc::new(open()?);
    let note = is_server.then(|| WalNote::begin(&database.file, open.clone()));
    let checkpoints = is_server.then(|| Checkpoints::start(database.clone()));
    let writer = Writer::start(writer, database, note, checkpoints, open, tasks);
    Ok((readers, writer))
}

/// Checks that the file can be read and is a database. Empties the cache of the connection, then reads the
/// first page of each table.
pub(crate) async fn probe(connection: &mut AnyConnection) -> Result<(), StoreError> {
    sqlx::raw_sql("pragma shrink_memory").execute(&mut *connection).await?;
    let tables = "select name from sqlite_schema where type = 'table'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await?;
    let reads = tables.iter().map(|table| format!("select 1 from {table} limit 1;")).collect::<String>();
    sqlx::raw_sql(sqlx::AssertSqlSafe(reads)).execute(connection).await?;
    Ok(())
}

fn options(file: &Path) -> Result<AnyConnectOptions, StoreError> {
    let name = || StoreError::Internal(format!("{}: not a name for a database", file.display()));
    let path = Url::from_file_path(file).map_err(|()| name())?;
    let options = AnyConnectOptions::from_str(&format!("sqlite://{}", path.path()))?;
    // Slow statements show in the log line of their request.
    Ok(options.disable_statement_logging())
}

/// Prepares a connection: WAL mode, in which readers never wait for the writer, the given durability, and the
/// longest wait for locks of other programs.
async fn prepare(
    connection: &mut AnyConnection,
    durability: Durability,
    patience: Duration,
) -> sqlx::Result<()> {
    let synchronous = match durability {
        Durability::Full => "full",
        Durability::Lazy => "off",
    };
    let patience = patience.as_millis();
    let pragmas = format!(
        "pragma busy_timeout = {patience}; pragma journal_mode = wal; pragma synchronous = {synchronous}; \
         pragma wal_autocheckpoint = {WAL_PAGES}; pragma foreign_keys = on; pragma cache_size = -2000; pragma temp_store = memory;"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(pragmas)).execute(connection).await?;
    Ok(())
}

/// True if another program holds a lock on the file.
pub(crate) fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    // SQLITE_BUSY_SNAPSHOT is about a transaction of this connection.
    error.as_database_error().and_then(primary_code) == Some(5) && code.as_deref() != Some("517")
}

/// True if the error may be temporary: locked, out of memory, disk error, disk full, cannot open.
pub(crate) fn is_passing(error: &dyn DatabaseError) -> bool {
    matches!(primary_code(error), Some(5 | 6 | 7 | 8 | 10 | 13 | 14 | 15))
}
