//! `cargo xtask bench`: builds what is measured, installs the peers, and leaves the measuring to bench/run.mjs.

use crate::build;
use crate::repo::Repo;
use crate::run::{Outcome, command, run as execute, run_perhaps_long};
use crate::setup;

/// `page` and `server` name parts; without a name both are measured.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome {
    build::run(repo, &[])?;
    let mut load = command("cargo build --release --package doorward-bench");
    run_perhaps_long("the load generator: up to a minute", load.current_dir(&repo.root))?;
    let browser = setup::for_tests(repo)?;
    setup::npm_packages("npm packages of the peers: about 100 MB", &repo.root.join("bench"))?;
    let mut node = command("node bench/run.mjs");
    node.args(arguments).current_dir(&repo.root);
    node.env("DOORWARD_BIN", repo.server()).env("DOORWARD_CHROMIUM", browser.chromium);
    node.env("DOORWARD_BENCH", repo.target.join("release/doorward-bench"));
    execute(&mut node)
}
