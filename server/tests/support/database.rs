//! The database of a test: SQLite in its folder or, if `DOORWARD_TEST_POSTGRES` names a PostgreSQL server (as
//! `cargo xtask test postgres` does), a database of its own there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{LazyLock, Mutex, OnceLock};
use std::thread;

use doorward_config::Database;
use doorward_core::clock::{Clock, SystemClock};
use doorward_core::files;
use doorward_store::Store;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, ConnectOptions, Connection};

use super::TestApp;

/// The PostgreSQL server to test on: the URL of a database that is only used to create others. `None` for
/// SQLite.
fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    SERVER.get_or_init(|| std::env::var("DOORWARD_TEST_POSTGRES").ok()).as_deref()
}

/// Some tests are about the files and the single writer of SQLite.
pub fn is_sqlite() -> bool {
    server().is_none()
}

/// Puts a new database into a folder without one, unless the tests run on PostgreSQL. Copying takes a
/// millisecond, creating the tables a hundred.
pub fn prepare(folder: &Path) {
    let file = folder.join("doorward.db");
    if is_sqlite() && !file.exists() {
        files::make_folder(folder).unwrap();
        std::fs::copy(template_file(), file).unwrap();
    }
}

/// A new database in one file, created once for each schema. Other processes may create it at the same time:
/// each one replaces the file with the same content.
fn template_file() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let file = place.join(format!("{}.db", template_name()));
        if file.exists() {
            return file;
        }
        std::fs::create_dir_all(place).unwrap();
        let folder = tempfile::tempdir_in(place).unwrap();
        apart(async {
            let store = Store::open(folder.path(), &Database::default()).await;
            store.unwrap().close().await;
        });
        // Closing the store moved the journal into the file and removed the journal.
        assert!(!folder.path().join("doorward.db-wal").exists(), "the template has a journal");
        std::fs::rename(folder.path().join("doorward.db"), &file).unwrap();
        file
    })
}

/// A changed schema has another template.
fn template_name() -> String {
    let mut hasher = DefaultHasher::new();
    doorward_store::schema().hash(&mut hasher);
    format!("template_{:016x}", hasher.finish())
}

/// The folders that have a PostgreSQL database, and the name of the database.
static TAKEN: Mutex<Vec<(PathBuf, String)>> = Mutex::new(Vec::new());

/// Databases that are ready for a test. Creating one takes longer than most tests.
static READY: LazyLock<Mutex<Receiver<String>>> = LazyLock::new(|| {
    let (ready, waiting) = sync_channel(3);
    let server = server().unwrap();
    thread::spawn(move || {
        let template = template(server);
        // One connection for all databases: opening a connection takes PostgreSQL half as long as creating a
        // database.
        runtime().block_on(async {
            let mut connection = connect(server).await.unwrap();
            for number in 0.. {
                let name = format!("test_{}_{number}", process());
                let drops = abandoned().into_iter().map(|name| format!("drop database {name} with (force)"));
                let statements =
                    drops.chain([format!("create database {name} template {template} strategy file_copy")]);
                execute(&mut connection, statements.collect()).await.unwrap();
                if ready.send(name).is_err() {
                    break;
                }
            }
        });
    });
    Mutex::new(waiting)
});

/// The databases of folders that were deleted.
fn abandoned() -> Vec<String> {
    let mut taken = TAKEN.lock().unwrap();
    let (left, gone) = taken.drain(..).partition(|(folder, _)| folder.exists());
    *taken = left;
    gone.into_iter().map(|(_, name)| name).collect()
}

/// The settings for the database of a folder. The first call assigns a database. It is dropped some time
/// after its folder was deleted.
pub fn of(folder: &Path) -> Database {
    let Some(server) = server() else { return Database::default() };
    let known =
        |taken: &[(PathBuf, String)]| taken.iter().find(|(of, _)| of == folder).map(|(_, name)| name.clone());
    let found = known(&TAKEN.lock().unwrap());
    let name = found.unwrap_or_else(|| {
        let name = READY.lock().unwrap().recv().unwrap();
        TAKEN.lock().unwrap().push((folder.to_owned(), name.clone()));
        name
    });
    settings(&in_database(server, &name))
}

/// Opens the database of a folder.
pub async fn open(folder: &Path) -> Store {
    Store::open(folder, &of(folder)).await.unwrap()
}

/// A PostgreSQL database without tables, for a folder without a database.
pub fn empty(folder: &Path) -> Database {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = server().unwrap();
    let name = format!("empty_{}_{}", process(), COUNT.fetch_add(1, Ordering::SeqCst));
    administer(server, vec![format!("create database {name} template template0")]);
    TAKEN.lock().unwrap().push((folder.to_owned(), name.clone()));
    settings(&in_database(server, &name))
}

/// The stored data in any form: all files of SQLite, or the rows of the main tables on PostgreSQL.
pub async fn content(t: &TestApp) -> Vec<u8> {
    if !is_sqlite() {
        let rows = t.sql(
            "select string_agg(row, '') from (
                select row_to_json(r)::text as row from accounts r
                union all select row_to_json(r)::text from identities r
                union all select row_to_json(r)::text from passwords r
                union all select row_to_json(r)::text from sessions r
                union all select row_to_json(r)::text from idempotency r
                union all select row_to_json(r)::text from challenges r
                union all select row_to_json(r)::text from outbox r
                union all select row_to_json(r)::text from audit r) as rows",
        );
        return rows.await.into_bytes();
    }
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(t.folder.path()).unwrap() {
        let path = file.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("doorward.db") {
            bytes.extend(std::fs::read(path).unwrap());
        }
    }
    bytes
}

/// Settings for a database URL.
pub fn settings(url: &str) -> Database {
    // Few connections, because many tests run at once, and fewer than a test's parallel calls, so that some
    // calls wait.
    Database { url: url.to_owned().into(), connections: 6 }
}

/// A name for this process. Process ids alone repeat on a PostgreSQL server that outlives many runs.
fn process() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| format!("{}_{:x}", std::process::id(), SystemClock.now()))
}

/// A database with all tables, created once for each schema, because a copy takes less time than creating the
/// tables. If several processes create it at the same time, one of them renames its database to this name.
fn template(server: &str) -> String {
    let name = template_name();
    // Fails if the template does not exist.
    let probe = format!("alter database {name} allow_connections true");
    if try_administer(server, vec![probe]).is_err() {
        let new = format!("new_{}", process());
        administer(server, vec![format!("create database {new} template template0")]);
        let settings = settings(&in_database(server, &new));
        apart(async move {
            Store::open(Path::new("."), &settings).await.unwrap().close().await;
        });
        let renamed = try_administer(server, vec![format!("alter database {new} rename to {name}")]);
        if renamed.is_err() {
            administer(server, vec![format!("drop database {new}")]);
        }
    }
    name
}

fn in_database(server: &str, name: &str) -> String {
    let (place, _) = server.rsplit_once('/').unwrap();
    format!("{place}/{name}")
}

fn administer(server: &str, statements: Vec<String>) {
    try_administer(server, statements).unwrap();
}

fn try_administer(server: &str, statements: Vec<String>) -> sqlx::Result<()> {
    apart(async move {
        let mut connection = connect(server).await?;
        execute(&mut connection, statements).await?;
        connection.close().await
    })
}

async fn connect(server: &str) -> sqlx::Result<AnyConnection> {
    sqlx::any::install_default_drivers();
    let options: AnyConnectOptions = server.parse()?;
    options.disable_statement_logging().connect().await
}

async fn execute(connection: &mut AnyConnection, statements: Vec<String>) -> sqlx::Result<()> {
    for statement in statements {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs on a new thread, because tests need databases inside and outside of async code.
fn apart<T: Send>(work: impl Future<Output = T> + Send) -> T {
    thread::scope(|scope| scope.spawn(|| runtime().block_on(work)).join().unwrap())
}
