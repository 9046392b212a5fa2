//! Signals of service managers and of tools that rotate logs.

use std::io::{BufRead, BufReader};

use crate::support::binary::{Server, doorward, request};

#[test]
fn sighup_sigusr1_and_sigusr2_are_logged_and_do_not_end_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let server = Server::launch(folder.path(), doorward(folder.path()), "", writer.into());
    let mut log = BufReader::new(reader).lines().map(Result::unwrap);
    for name in ["HUP", "USR1", "USR2"] {
        server.signal(name);
        let word = format!("ignored SIG{name}");
        assert!(log.any(|line| line.contains(&word)), "{word}");
        assert_eq!(request(server.at, "GET", "/health/ready", "", "").unwrap().0, 200);
    }
}

#[test]
fn sigquit_ends_the_server_as_sigterm_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path());
    server.signal("QUIT");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}
