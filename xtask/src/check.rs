//! `cargo xtask check`: what is known without running anything: formatting, lints, directions, forbidden things.

use std::process::Command;

use crate::directions;
use crate::repo::Repo;
use crate::run::{Outcome, command, run as execute, say, words};
use crate::setup;

/// All checks; with `--fix`, what can be repaired by itself is repaired first.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome {
    setup::for_build(repo)?;
    if arguments.iter().any(|argument| argument == "--fix") {
        execute(&mut in_root(
            repo,
            "cargo clippy --fix --allow-dirty --allow-staged --workspace --all-targets",
        ))?;
        execute(&mut in_root(repo, "cargo fmt --all"))?;
    }
    execute(&mut formatting(repo))?;
    directions::hold(repo)?;
    execute(&mut lints(repo))?;
    execute(&mut lints_for_wasm(repo))?;
    say("check: all good");
    Ok(())
}

/// `rustfmt`, refusing differences.
pub(crate) fn formatting(repo: &Repo) -> Command {
    in_root(repo, "cargo fmt --all --check")
}

/// Clippy for everything that runs on this machine.
pub(crate) fn lints(repo: &Repo) -> Command {
    in_root(repo, "cargo clippy --quiet --workspace --all-targets -- -D warnings")
}

/// Clippy for what only the page's side compiles.
pub(crate) fn lints_for_wasm(repo: &Repo) -> Command {
    let mut clippy = in_root(repo, "cargo clippy --quiet --package doorward --all-targets");
    clippy.args(words("--target wasm32-unknown-unknown -- -D warnings"));
    clippy
}

fn in_root(repo: &Repo, line: &str) -> Command {
    let mut command = command(line);
    command.current_dir(&repo.root);
    command
}
