//! Signals of service managers and of tools that rotate logs.

use std::io::{BufRead, BufReader};

use serde_json::json;

use crate::support::binary::{Server, doorward, post, request};

#[test]
fn sighup_takes_up_changed_hooks_and_neither_it_nor_sigusr_ends_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = folder.path().join("hooks.star");
    std::fs::write(&hooks, "# no hooks\n").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = doorward(folder.path());
    command.env("DOORWARD_HOOKS__SCRIPT", &hooks);
    let server = Server::launch(folder.path(), command, "", writer.into());
    let mut log = BufReader::new(reader).lines().map(Result::unwrap);
    let mut wait_for = |word: &str| assert!(log.any(|line| line.contains(word)), "{word}");
    for name in ["USR1", "USR2"] {
        server.signal(name);
        wait_for(&format!("ignored SIG{name}"));
    }
    server.signal("HUP");
    wait_for("SIGHUP: ");
    assert_eq!(request(server.at, "GET", "/health/ready", "", "").unwrap().0, 200);
    let account = json!({ "email": "ada@example.com", "password": "correct horse" });
    assert_eq!(post(server.at, "/v1/signup", &account).unwrap().0, 200);
}

#[test]
fn sigquit_ends_the_server_as_sigterm_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    server.signal("QUIT");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
