//! Clients that send half a request or do not read their answers harm no other client.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use crate::support::binary::{Server, post, request};

/// Opens connections and sends the same bytes on each. Failed writes are ignored.
fn connections(count: usize, at: SocketAddr, sent: &[u8]) -> Vec<TcpStream> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let connect = |_| {
        let mut stream = TcpStream::connect(at).unwrap();
        // About half of the time that the server allows for the headers.
        stream.set_read_timeout(Some(Duration::from_secs(7))).unwrap();
        let _ = stream.write_all(sent);
        stream
    };
    (0..count).map(connect).collect()
}

/// True if the server has closed the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// True if the server still waits for the rest of the request.
fn is_open(stream: &mut TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    stream.read(&mut [0; 16]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

const HALF: &[u8] = b"POST /v1/login HTTP/1.1\r\nhost: localhost\r\ncontent-type: appl";

#[test]
fn sec_s12_a_client_takes_no_more_connections_than_the_setting_allows() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), "[http]\nmax_connections_per_source = 8\n");
    let mut held = connections(40, server.at, HALF);
    // The server still serves this client, and closes the connection that was idle for the longest time.
    assert_eq!(request(server.at, "GET", "/health/ready", "", "").unwrap().0, 200);
    assert!(held.iter_mut().take(30).all(is_closed), "the oldest ones are closed");
    assert!(held.iter_mut().skip(33).all(is_open), "the newest ones are open");
}

#[test]
fn sec_s12_with_256_files_the_server_survives_600_half_sent_requests() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -S -n 256; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_doorward")]);
    shell.current_dir(folder.path()).env_clear().env("PATH", std::env::var("PATH").unwrap());
    shell.stdout(Stdio::piped());
    let server = Server::start_by(folder.path(), shell);
    let held = connections(600, server.at, HALF);
    for _ in 0..20 {
        assert_eq!(request(server.at, "GET", "/health/ready", "", "").unwrap().0, 200);
    }
    drop(held);
}

#[test]
fn sec_s12_a_client_that_reads_no_answer_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), "[http]\nwrite_timeout = \"1s\"\n");
    let mut stream = TcpStream::connect(server.at).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    let pipelined = "GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    // The answers fill the buffers of both ends. Then no byte moves until the server closes the connection.
    let ended = (0..100_000).find_map(|_| stream.write_all(pipelined.as_bytes()).err());
    let kind = ended.map(|error| error.kind());
    assert!(
        matches!(kind, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)),
        "the server did not close the connection: {kind:?}"
    );
    assert_eq!(request(server.at, "GET", "/health/ready", "", "").unwrap().0, 200);
}

#[test]
fn sec_s12_half_sent_bodies_take_bounded_memory_and_do_not_block_a_signup() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let head = "POST /v1/signup HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 65000\r\n\r\n";
    let half = format!("{head}{{\"misc\":\"{}", "x".repeat(60_000));
    let mut held = connections(400, server.at, half.as_bytes());
    // One client may have 256 long bodies in memory.
    let refused = held.iter_mut().skip(300).filter_map(|stream| {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).ok().map(|()| answer)
    });
    assert!(refused.map(|answer| assert_eq!(&answer, b"HTTP/1.1 503")).count() > 0);
    let account = json!({ "email": "ada@example.com", "password": "correct horse" });
    assert_eq!(post(server.at, "/v1/signup", &account).unwrap().0, 200);
}
