//! The real program as a process, and a small HTTP client for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::database;

/// A running server. Dropping it kills the process.
pub struct Server {
    pub child: Child,
    pub at: SocketAddr,
    /// The listener of `admin.listen`.
    pub admin: Option<SocketAddr>,
    pub stdout: BufReader<ChildStdout>,
}

/// The program with an empty environment and no settings.
pub fn doorward(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.current_dir(folder).env_clear().stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    /// Starts `doorward serve --dev` with cheap password hashes and waits until it is ready.
    pub fn start(folder: &Path) -> Server {
        Server::start_by(folder, doorward(folder))
    }

    /// As [`Server::start`], with further settings as TOML.
    pub fn start_with(folder: &Path, settings: &str) -> Server {
        Server::launch(folder, doorward(folder), settings, Stdio::null())
    }

    /// As [`Server::start`], with another command that ends in running the program.
    pub fn start_by(folder: &Path, command: Command) -> Server {
        Server::launch(folder, command, "", Stdio::null())
    }

    /// As [`Server::start_by`], with further settings, and with a destination for the log.
    pub fn launch(folder: &Path, mut command: Command, more: &str, log: Stdio) -> Server {
        let settings = folder.join("cheap.toml");
        let cheap = "[password]\nhash_memory = 64\nhash_passes = 1\n";
        std::fs::write(&settings, format!("{cheap}{more}")).unwrap();
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
        command.arg("--config").arg(settings).stderr(log);
        let url = "DOORWARD_DATABASE__URL";
        let of_its_own = command.get_envs().any(|(name, _)| name == url);
        let database = database::of(folder);
        if !of_its_own && !database.url.is_empty() {
            command.env(url, database.url.expose());
        }
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        // doorward is ready: http://localhost:8000, listening on 127.0.0.1:8000, /v1/admin on 127.0.0.1:8001
        assert!(line.starts_with("doorward is ready: http://localhost"), "{line}");
        let address = |before: &str| {
            let (_, rest) = line.split_once(before)?;
            rest.split([',', '\n']).next()?.parse().ok()
        };
        let at = address("listening on ").unwrap();
        let admin = address("/v1/admin on ");
        Server { child, at, admin, stdout }
    }

    /// Sends the process a signal, for example `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one request on a new connection. Fails without a complete answer.
pub fn request(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<(u16, Value)> {
    let headers = format!("content-type: application/json\r\n{headers}");
    let (status, _, body) = exchange(at, method, path, &headers, body)?;
    Ok((status, body))
}

/// As [`request`], without a content type. Also returns the head of the answer in lower case.
pub fn exchange(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<(u16, String, Value)> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n"
    );
    send(at, &format!("{head}{headers}\r\n{body}"))
}

/// Sends exactly these bytes and reads until the connection ends.
pub fn send(at: SocketAddr, bytes: &str) -> std::io::Result<(u16, String, Value)> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(bytes.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let broken = || std::io::Error::other("the answer is incomplete");
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    Ok((status, head.to_ascii_lowercase(), serde_json::from_str(body).map_err(|_| broken())?))
}

pub fn post(at: SocketAddr, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
    request(at, "POST", path, "", &body.to_string())
}

/// The result of a command.
pub struct Said {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// The JSON document that a successful command printed.
    #[track_caller]
    pub fn document(&self) -> Value {
        assert!(self.ok, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The JSON lines that a successful command printed.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        assert!(self.ok, "{}", self.stderr);
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The error message of a failed command, which must have printed nothing to stdout.
    #[track_caller]
    pub fn refused(&self) -> &str {
        assert!(!self.ok && self.stdout.is_empty(), "{}", self.stdout);
        &self.stderr
    }
}

/// Runs a command on the database of a folder, with this text on stdin. A server may be running there.
pub fn run(folder: &Path, args: &[&str], stdin: &str) -> Said {
    let mut command = doorward(folder);
    command.args(args).args(["--dev", "--data", "data"]).stdin(Stdio::piped());
    let database = database::of(folder);
    if !database.url.is_empty() {
        command.env("DOORWARD_DATABASE__URL", database.url.expose());
    }
    let settings = folder.join("cheap.toml");
    if settings.exists() {
        command.arg("--config").arg(settings);
    }
    let mut child = command.spawn().unwrap();
    // A command that does not read its input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { ok: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
