//! Which database a test has: SQLite in its folder, or, where `DOORWARD_TEST_POSTGRES` names a PostgreSQL (as
//! `cargo xtask test postgres` does), one of its own there.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{LazyLock, Mutex, OnceLock};
use std::thread;

use doorward_server::config::Database;
use doorward_server::store::Store;
use sqlx::{ConnectOptions, Connection};

use super::TestApp;

/// The PostgreSQL to test on; the address of a database there that only serves to make others.
fn server() -> Option<&'static str> {
    static SERVER: OnceLock<Option<String>> = OnceLock::new();
    SERVER.get_or_init(|| std::env::var("DOORWARD_TEST_POSTGRES").ok()).as_deref()
}

/// For tests about what only SQLite has: its files and its single writer.
pub fn is_sqlite() -> bool {
    server().is_none()
}

/// The folders that have a database, and its name.
static TAKEN: Mutex<Vec<(PathBuf, String)>> = Mutex::new(Vec::new());

/// Databases that wait for a test: making them takes longer than most tests do.
static READY: LazyLock<Mutex<Receiver<String>>> = LazyLock::new(|| {
    let (ready, waiting) = sync_channel(3);
    let (server, process) = (server().unwrap(), std::process::id());
    thread::spawn(move || {
        let template = template(server);
        for number in 0.. {
            let name = format!("test_{process}_{number}");
            let drops = abandoned().into_iter().map(|name| format!("drop database {name} with (force)"));
            administer(
                server,
                drops.chain([format!("create database {name} template {template}")]).collect(),
            );
            if ready.send(name).is_err() {
                break;
            }
        }
    });
    Mutex::new(waiting)
});

/// The databases of folders that are gone.
fn abandoned() -> Vec<String> {
    let mut taken = TAKEN.lock().unwrap();
    let (left, gone) = taken.drain(..).partition(|(folder, _)| folder.exists());
    *taken = left;
    gone.into_iter().map(|(_, name)| name).collect()
}

/// The settings for the database of a folder. It is taken when it is first asked for, and dropped some time after its
/// folder is gone.
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

/// A database without any table, for a folder that has none.
pub fn empty(folder: &Path) -> Database {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let server = server().unwrap();
    let name = format!("empty_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::SeqCst));
    administer(server, vec![format!("create database {name} template template0")]);
    TAKEN.lock().unwrap().push((folder.to_owned(), name.clone()));
    settings(&in_database(server, &name))
}

/// All that the database holds, in whatever form: the files of SQLite, the rows of PostgreSQL.
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

/// Settings that lead to a database.
pub fn settings(url: &str) -> Database {
    // Few for each, because many tests run at once, and fewer than tests ask at once, so that some wait.
    Database { url: url.to_owned().into(), connections: 6 }
}

/// Makes a database with all tables: copying it takes less time than migrating.
fn template(server: &str) -> String {
    let name = format!("template_{}", std::process::id());
    administer(server, vec![format!("create database {name} template template0")]);
    let settings = settings(&in_database(server, &name));
    apart(async move {
        Store::open(Path::new("."), &settings).await.unwrap().close().await;
    });
    name
}

fn in_database(server: &str, name: &str) -> String {
    let (place, _) = server.rsplit_once('/').unwrap();
    format!("{place}/{name}")
}

fn administer(server: &str, statements: Vec<String>) {
    let server = server.to_owned();
    apart(async move {
        sqlx::any::install_default_drivers();
        let options: sqlx::any::AnyConnectOptions = server.parse().unwrap();
        let mut connection = options.disable_statement_logging().connect().await.unwrap();
        for statement in statements {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    });
}

/// On a thread of its own: tests ask for databases inside and outside of async code.
fn apart(work: impl Future<Output = ()> + Send) {
    thread::scope(|scope| {
        scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
        });
    });
}
