//! `cargo xtask start`: builds what is stale, then becomes the server with the demo site.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::build;
use crate::repo::Repo;
use crate::run::Outcome;

/// Arguments are handed on to the server, after ours: `npm start -- --listen 127.0.0.1:9000`.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome {
    build::run(repo, &[])?;
    let mut server = Command::new(repo.server());
    server.args(["serve", "--dev", "--data", "./data", "--config", "www/doorward.toml"]);
    server.args(arguments.iter().filter(|argument| *argument != "--")).current_dir(&repo.root);
    // To the server every DOORWARD_… is a setting; these are ours.
    for name in ["DOORWARD_BIN", "DOORWARD_CHROMIUM", "DOORWARD_NO_RUSTUP", "DOORWARD_PLAIN_WASM"] {
        server.env_remove(name);
    }
    // The server takes this process's place, so that signals and the terminal are its own.
    Err(format!("cannot start the server: {}", server.exec()))
}
