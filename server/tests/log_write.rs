//! A log that cannot be written, and clients that would fill the log.

use std::io::pipe;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::binary::{Server, doorward, exchange, post, request};

const PASSWORD: &str = "correct horse";

/// A server that writes its log to this file or pipe.
fn start(folder: &Path, log: impl Into<Stdio>) -> Server {
    start_by(folder, doorward(folder), log)
}

fn start_by(folder: &Path, command: Command, log: impl Into<Stdio>) -> Server {
    Server::launch(folder, command, "[limits]\nfailures = 5\n", log.into())
}

/// Makes requests that the server logs and checks that each one is answered. Then SIGTERM ends the server.
fn every_refusal_is_answered(mut server: Server) {
    let account = json!({ "email": "ada@example.com", "password": PASSWORD });
    assert_eq!(post(server.at, "/v1/signup", &account).unwrap().0, 200);
    let wrong = json!({ "email": "ada@example.com", "password": "wrong horse" });
    assert_eq!(post(server.at, "/v1/login", &wrong).unwrap().0, 401, "a wrong password");
    let json = "content-type: application/json\r\n";
    let bad_proof = format!("{json}dpop: e30.e30.e30\r\n");
    let (status, _, problem) =
        exchange(server.at, "POST", "/v1/login", &bad_proof, &account.to_string()).unwrap();
    assert_eq!((status, &problem["code"]), (401, &json!("INVALID_PROOF")));
    let foreign = "x-forwarded-for: 198.51.100.1\r\n";
    assert_eq!(
        request(server.at, "GET", "/v1/profile", foreign, "").unwrap().0,
        401,
        "a header of an untrusted proxy"
    );
    let refused = (0..20).any(|_| {
        let (status, problem) = post(server.at, "/v1/login", &wrong).unwrap();
        assert!([401, 403, 429].contains(&status), "{status} {problem}");
        status != 401
    });
    assert!(refused, "the limit was not reached");
    assert_eq!(post(server.at, "/v1/login", &json!({})).unwrap().0, 400);
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success(), "SIGTERM ends the server with success");
}

#[test]
fn with_a_log_volume_that_is_full_every_request_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    every_refusal_is_answered(start(folder.path(), full));
}

#[test]
fn when_the_reader_of_the_log_is_gone_every_request_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    every_refusal_is_answered(start(folder.path(), writer));
}

#[test]
fn when_the_reader_of_the_log_stops_reading_every_request_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (_reader, writer) = pipe().unwrap();
    let mut command = doorward(folder.path());
    command.env("DOORWARD_LOG__LEVEL", "trace");
    let server = start_by(folder.path(), command, writer);
    // At this level the lines are more than a pipe can buffer.
    for _ in 0..400 {
        assert_eq!(request(server.at, "GET", "/v1/nowhere", "", "").unwrap().0, 404);
    }
    every_refusal_is_answered(server);
}

#[test]
fn commands_with_a_full_standard_output_fail_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    for (args, code) in [(&["keys", "generate"][..], 1), (&["config", "check", "--dev"], 1)] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = doorward(folder.path()).args(args).stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains("No space left on device") && !said.contains("panic"), "{said}");
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = doorward(folder.path()).args(args).stdout(full()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{args:?} with standard error full, too");
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let status =
            doorward(folder.path()).args(args).stdout(writer).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{args:?}: a closed pipe is not an error");
    }
}

#[test]
fn sec_s13_a_client_that_is_refused_again_and_again_does_not_fill_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let server = start(folder.path(), std::fs::File::create(&file).unwrap());
    for _ in 0..300 {
        assert_eq!(request(server.at, "GET", "/v1/nowhere", "", "").unwrap().0, 404);
    }
    assert_eq!(post(server.at, "/v1/login", &json!({ "email": "ada@example.com" })).unwrap().0, 400);
    let mut server = server;
    server.signal("TERM");
    assert!(server.child.wait().unwrap().success());
    let log = std::fs::read_to_string(file).unwrap();
    let lines = |word: &str| log.lines().filter(|line| line.contains(word)).count();
    // Twenty lines at once, and one more every three seconds while the test ran.
    assert!((20..100).contains(&lines("NOT_FOUND")), "{}", lines("NOT_FOUND"));
    assert_eq!(lines("INVALID_PARAMETER"), 1, "other refusals are still logged");
    assert!(log.contains("left_out="), "the log reports how many lines were left out: {log}");
}
