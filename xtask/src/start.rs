//! `cargo xtask start`: builds outdated programs, starts the demo provider, then becomes the server with the
//! demo site.

use std::io::{BufRead as _, BufReader, PipeWriter, Read as _, pipe};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::repo::Repo;
use crate::run::{Outcome, say};
use crate::steps;

/// A fixed port: linked accounts contain the provider's URL, so it must stay the same at each start.
const PROVIDER_PORT: u16 = 8788;

/// Arguments are passed on to the server after the fixed ones: `npm start -- --listen 127.0.0.1:9000`.
pub(crate) fn run(repo: Repo, arguments: &[String]) -> Outcome {
    let repo = steps::run(repo, &["sdk", "debug-server"])?;
    let mut server = Command::new(repo.debug_program("doorward"));
    server.args(["serve", "--dev", "--data", "./data", "--config", "www/doorward.toml"]);
    server.args(arguments.iter().filter(|argument| *argument != "--")).current_dir(&repo.root);
    // The server treats every DOORWARD_… variable as a setting; these variables are for xtask.
    for name in
        ["DOORWARD_BIN", "DOORWARD_CHROMIUM", "DOORWARD_NO_RUSTUP", "DOORWARD_PLAIN_WASM", "DOORWARD_TOOLS"]
    {
        server.env_remove(name);
    }
    match DemoProvider::start(&repo) {
        Ok(provider) => provider.introduce(&mut server),
        Err(error) => say(&format!("the demo site has no \"Sign in with Demo\": {error}")),
    }
    // The server replaces this process, so that it gets signals and the terminal directly.
    Err(format!("cannot start the server: {}", server.exec()))
}

/// A provider on this machine, demo/provider.mjs: people can sign in with it without an account elsewhere.
struct DemoProvider {
    issuer: String,
    client_id: String,
    client_secret: String,
    /// The provider ends when no process holds this end of the pipe any more.
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
            .map_err(|error| format!("cannot start the demo provider: {error}"))?;
        let mut line = String::new();
        if let Some(stdout) = node.stdout.take() {
            _ = BufReader::new(stdout.take(500)).read_line(&mut line);
        }
        let mut said = line.split_whitespace().map(str::to_owned);
        match (said.next(), said.next(), said.next()) {
            (Some(issuer), Some(client_id), Some(client_secret)) => {
                Ok(Self { issuer, client_id, client_secret, lifeline })
            }
            _ => Err("the demo provider did not start".to_owned()),
        }
    }

    /// Passes the provider's settings and pipe on to the server. The pipe becomes the server's stdin: when
    /// the server ends, in any way, the pipe closes and the provider ends too.
    fn introduce(self, server: &mut Command) {
        if !self.issuer.ends_with(&format!(":{PROVIDER_PORT}")) {
            say(&format!(
                "port {PROVIDER_PORT} is taken: the demo provider is at {}; accounts linked at its usual URL are not found",
                self.issuer
            ));
        }
        let settings = [
            ("KIND", "oidc"),
            ("ISSUER", &self.issuer),
            ("CLIENT_ID", &self.client_id),
            ("CLIENT_SECRET", &self.client_secret),
            // The server trusts the provider's word about an address, as it trusts Google's.
            ("TRUST_EMAIL", "true"),
        ];
        for (name, value) in settings {
            server.env(format!("DOORWARD_PROVIDERS__DEMO__{name}"), value);
        }
        server.stdin(self.lifeline);
    }
}
