//! `cargo xtask start`: builds what is stale, starts the demo provider, then becomes the server with the demo site.

use std::io::{BufRead as _, BufReader, PipeWriter, Read as _, pipe};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::repo::Repo;
use crate::run::{Outcome, say};
use crate::steps;

/// Accounts are remembered by the provider's address, so that it is to have the same one at each start.
const PROVIDER_PORT: u16 = 8788;

/// Arguments are handed on to the server, after ours: `npm start -- --listen 127.0.0.1:9000`.
pub(crate) fn run(repo: Repo, arguments: &[String]) -> Outcome {
    let repo = steps::run(repo, &["sdk", "debug-server"])?;
    let mut server = Command::new(repo.debug_program("doorward"));
    server.args(["serve", "--dev", "--data", "./data", "--config", "www/doorward.toml"]);
    server.args(arguments.iter().filter(|argument| *argument != "--")).current_dir(&repo.root);
    // To the server every DOORWARD_… is a setting; these are ours.
    for name in
        ["DOORWARD_BIN", "DOORWARD_CHROMIUM", "DOORWARD_NO_RUSTUP", "DOORWARD_PLAIN_WASM", "DOORWARD_TOOLS"]
    {
        server.env_remove(name);
    }
    match DemoProvider::start(&repo) {
        Ok(provider) => provider.introduce(&mut server),
        Err(error) => say(&format!("without \"Sign in with Demo\": {error}")),
    }
    // The server takes this process's place, so that signals and the terminal are its own.
    Err(format!("cannot start the server: {}", server.exec()))
}

/// A provider on this machine, so that a person can sign in with one without an account anywhere: demo/provider.mjs.
struct DemoProvider {
    issuer: String,
    client_id: String,
    client_secret: String,
    /// It ends when nobody holds this any more.
    lifeline: PipeWriter,
}

impl DemoProvider {
    fn start(repo: &Repo) -> Outcome<Self> {
        let (reader, lifeline) = pipe().map_err(|error| error.to_string())?;
        let mut node = Command::new("node")
            .arg(repo.root.join("demo/provider.mjs"))
            .arg(PROVIDER_PORT.to_string())
            .stdin(reader)
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start its provider: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = node.stdout.take() {
            _ = BufReader::new(stdout.take(500)).read_line(&mut line);
        }
        let mut said = line.split_whitespace().map(str::to_owned);
        match (said.next(), said.next(), said.next()) {
            (Some(issuer), Some(client_id), Some(client_secret)) => {
                Ok(Self { issuer, client_id, client_secret, lifeline })
            }
            _ => Err("its provider did not start".to_owned()),
        }
    }

    /// Makes it known to the server, which becomes its lifeline: however the server ends, the pipe that is its stdin
    /// closes, and so the provider does not outlive it.
    fn introduce(self, server: &mut Command) {
        if !self.issuer.ends_with(&format!(":{PROVIDER_PORT}")) {
            say(&format!(
                "port {PROVIDER_PORT} is taken: the demo provider is at {}, where nobody has signed in with it before",
                self.issuer
            ));
        }
        let settings = [
            ("KIND", "oidc"),
            ("ISSUER", &self.issuer),
            ("CLIENT_ID", &self.client_id),
            ("CLIENT_SECRET", &self.client_secret),
            // What it says about an address counts, as Google's word does.
            ("TRUST_EMAIL", "true"),
        ];
        for (name, value) in settings {
            server.env(format!("DOORWARD_PROVIDERS__DEMO__{name}"), value);
        }
        server.stdin(self.lifeline);
    }
}
