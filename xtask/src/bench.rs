//! `cargo xtask bench`: builds the measured programs, installs the peers, and runs bench/run.mjs.

use crate::repo::Repo;
use crate::run::{Outcome, command, run as execute};
use crate::{setup, steps};

/// `page`, `server` and so on name parts; without names, all parts are measured.
pub(crate) fn run(repo: Repo, arguments: &[String]) -> Outcome {
    // The sizes need no server, and its optimised build takes minutes.
    if arguments == ["sizes"] {
        let repo = steps::run(repo, &["sdk-names"])?;
        return execute(command("node bench/run.mjs sizes").current_dir(&repo.root));
    }
    let repo = steps::run(repo, &["sdk-names", "release-server", "load-generator", "debian", "npm-bench"])?;
    let mut node = command("node bench/run.mjs");
    node.args(arguments).current_dir(&repo.root);
    node.env("DOORWARD_BIN", repo.release_program("doorward"));
    node.env("DOORWARD_BENCH", repo.release_program("doorward-bench"));
    node.env("DOORWARD_CHROMIUM", setup::browser()?.chromium);
    execute(&mut node)
}
