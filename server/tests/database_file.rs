//! The SQLite file after a restored backup, after damage, and while another program locks it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::Connection;

use crate::support::binary::{Server, doorward, post, request, run};
use crate::support::database;

const PASSWORD: &str = "correct horse";

fn sign_up(server: &Server, name: &str) {
    let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
    assert_eq!(post(server.at, "/v1/signup", &account).unwrap().0, 200, "{name}");
}

/// Has another program copy the journal into the database, as the server does after many writes. The next write begins a
/// new journal.
fn begin_a_new_journal(server: &Server, folder: &Path) {
    let salts = || fs::read(folder.join("data/doorward.db-wal")).unwrap()[16..24].to_vec();
    let before = salts();
    let program = "import sqlite3, sys\nprint(sqlite3.connect(sys.argv[1]).execute('pragma wal_checkpoint(restart)').fetchone()[0])";
    let mut python = Command::new("python3");
    let output = python.args(["-c", program]).arg(folder.join("data/doorward.db")).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), "0", "the copy was blocked");
    sign_up(server, "afterwards");
    assert_ne!(salts(), before, "SQLite did not begin a new journal");
}

/// The folder of a killed server with an account of Ada. The journal no longer contains the sign-up of Ada.
fn killed_while_writing() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    sign_up(&server, "ada");
    begin_a_new_journal(&server, folder.path());
    server.kill();
    folder
}

/// Copies the database as `.backup` of the SQLite shell does, with the same library function.
fn back_up(folder: &Path) {
    let program = "import sqlite3, sys\nsource, to = (sqlite3.connect(name) for name in sys.argv[1:])\nsource.backup(to)\nto.close()";
    let mut python = Command::new("python3");
    python.args(["-c", program]).args([folder.join("data/doorward.db"), folder.join("backup.db")]);
    assert!(python.status().unwrap().success());
}

/// Overwrites the second half of the database.
fn damage(folder: &Path) {
    let file = fs::OpenOptions::new().write(true).open(folder.join("data/doorward.db")).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    for page in pages / 2..pages {
        file.write_all_at(&[0x5a; 4096], page * 4096).unwrap();
    }
}

/// Starts a server that must refuse to start, and returns its error output.
fn refused(folder: &Path) -> String {
    let mut command = doorward(folder);
    command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data", "data"]);
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.stdout.is_empty() && !output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_backup_beside_an_old_journal_is_refused_until_the_journal_is_removed() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = |name: &str| folder.path().join("data").join(name);
    let mut server = Server::start(folder.path());
    sign_up(&server, "before");
    back_up(folder.path());
    sign_up(&server, "after");
    begin_a_new_journal(&server, folder.path());
    server.kill();
    fs::copy(folder.path().join("backup.db"), data("doorward.db")).unwrap();

    let said = refused(folder.path());
    assert!(
        said.contains("a backup was put in its place")
            && said.contains("remove")
            && said.contains("doorward.db-wal"),
        "{said}"
    );
    let said = run(folder.path(), &["user", "show", "before@example.com"], "");
    assert!(said.refused().contains("a backup was put in its place"), "commands refuse the database, too");
    assert_eq!(
        fs::read(folder.path().join("backup.db")).unwrap(),
        fs::read(data("doorward.db")).unwrap(),
        "the refusal changed the file"
    );

    for name in ["doorward.db-wal", "doorward.db-shm"] {
        fs::remove_file(data(name)).unwrap();
    }
    let server = Server::start(folder.path());
    let login = |name: &str| {
        let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        post(server.at, "/v1/login", &account).unwrap().0
    };
    assert_eq!((login("before"), login("after")), (200, 401));
    assert_eq!(request(server.at, "GET", "/health/ready", "", "").unwrap().0, 200);
}

#[test]
fn a_restored_copy_of_a_stopped_database_beside_a_journal_is_refused() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = |name: &str| folder.path().join("data").join(name);
    let mut server = Server::start(folder.path());
    sign_up(&server, "before");
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    fs::copy(data("doorward.db"), folder.path().join("backup.db")).unwrap();
    let mut server = Server::start(folder.path());
    sign_up(&server, "after");
    server.kill();
    fs::copy(folder.path().join("backup.db"), data("doorward.db")).unwrap();
    assert!(refused(folder.path()).contains("a backup was put in its place"));
}

#[test]
fn after_a_kill_the_server_accepts_its_own_journal() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    sign_up(&server, "ada");
    begin_a_new_journal(&server, folder.path());
    sign_up(&server, "bob");
    server.kill();
    let server = Server::start(folder.path());
    for name in ["ada", "bob"] {
        let account = json!({ "email": format!("{name}@example.com"), "password": PASSWORD });
        assert_eq!(post(server.at, "/v1/login", &account).unwrap().0, 200);
    }
}

#[test]
fn a_database_that_was_damaged_while_the_server_was_down_is_refused() {
    if !database::is_sqlite() {
        return;
    }
    let folder = killed_while_writing();
    damage(folder.path());
    let said = refused(folder.path());
    assert!(said.contains("is damaged") && said.contains("put a backup in its place"), "{said}");
}

#[test]
fn damage_is_found_at_the_next_start_even_after_a_command() {
    if !database::is_sqlite() {
        return;
    }
    let folder = killed_while_writing();
    // No other process uses the database, so the command copies the journal into it and removes the journal.
    assert!(run(folder.path(), &["user", "show", "ada@example.com"], "").ok);
    assert!(!folder.path().join("data/doorward.db-wal").exists());
    damage(folder.path());
    assert!(refused(folder.path()).contains("is damaged"));
}

#[test]
fn a_file_that_is_no_database_is_refused_with_advice_by_the_server_and_by_commands() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    sign_up(&server, "ada");
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    fs::write(
        folder.path().join("data/doorward.db"),
        "not a database, but long enough for a header ".repeat(200),
    )
    .unwrap();
    let said = refused(folder.path());
    assert!(said.contains("is damaged") && said.contains("put a backup in its place"), "{said}");
    let said = run(folder.path(), &["user", "show", "ada@example.com"], "");
    assert!(said.refused().contains("put a backup in its place"), "{}", said.stderr);
}

#[test]
fn health_ready_fails_when_the_database_is_overwritten_with_garbage() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    assert_eq!(request(server.at, "GET", "/health/ready", "", "").unwrap().0, 200);
    for name in ["doorward.db", "doorward.db-wal"] {
        let path = folder.path().join("data").join(name);
        let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        let length = file.metadata().unwrap().len();
        file.write_all(&vec![0x5a; usize::try_from(length).unwrap()]).unwrap();
    }
    assert!([500, 503].contains(&request(server.at, "GET", "/health/ready", "", "").unwrap().0));
    assert_eq!(request(server.at, "GET", "/health/live", "", "").unwrap().0, 200);
}

#[test]
fn a_database_locked_by_another_program_delays_an_answer_by_one_wait_at_most() {
    if !database::is_sqlite() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    sqlx::any::install_default_drivers();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let file = format!("sqlite://{}", folder.path().join("data/doorward.db").display());
    let mut other = runtime.block_on(sqlx::AnyConnection::connect(&file)).unwrap();
    runtime.block_on(sqlx::query("begin immediate").execute(&mut other)).unwrap();
    let slowest = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|n| {
                let server = &server;
                scope.spawn(move || {
                    // The calls join the queue one after the other, while the first one waits.
                    std::thread::sleep(Duration::from_millis(100 * n));
                    let begun = Instant::now();
                    let account = json!({ "email": format!("u{n}@example.com"), "password": PASSWORD });
                    let (status, problem) = post(server.at, "/v1/signup", &account).unwrap();
                    assert_eq!((status, &problem["retry_after"]), (503, &json!(1)), "{problem}");
                    begun.elapsed()
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).max().unwrap()
    });
    assert!(slowest < Duration::from_millis(7_500), "more than one wait of five seconds: {slowest:?}");
    runtime.block_on(sqlx::query("rollback").execute(&mut other)).unwrap();
    sign_up(&server, "ada");
}
