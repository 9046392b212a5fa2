//! `cargo xtask check`: what is known without running anything: formatting, lints, directions, forbidden things.
//!
//! Clippy's driver is a compiler: it checks and compiles at once. So the tests that run are the ones that were
//! linted, and nothing is compiled for lints alone.

use std::path::Path;
use std::process::Command;

use crate::directions;
use crate::plan::World;
use crate::repo::Repo;
use crate::run::{Log, Outcome, command, output, run as execute, say};
use crate::steps;

/// All checks; with `--fix`, what can be repaired by itself is repaired first.
pub(crate) fn run(repo: Repo, arguments: &[String]) -> Outcome {
    if arguments.iter().any(|argument| argument == "--fix") {
        for line in
            ["cargo clippy --fix --allow-dirty --allow-staged --workspace --all-targets", "cargo fmt --all"]
        {
            execute(command(line).current_dir(&repo.root))?;
        }
    }
    steps::run(repo, &["format", "directions", "compile", "compile-wasm"])?;
    say("check: all good");
    Ok(())
}

/// `rustfmt`, refusing differences.
pub(crate) fn formatting(world: &World, log: &Log) -> Outcome {
    log.run(command("cargo fmt --all --check").current_dir(&world.repo.root))
}

/// Which part may know which.
pub(crate) fn directions(world: &World, _: &Log) -> Outcome {
    directions::hold(&world.repo)
}

/// Compiles and lints everything that runs on this machine, tests included.
pub(crate) fn compile(world: &World, log: &Log) -> Outcome {
    log.run(&mut linted(&world.repo, "cargo test --workspace --no-run")?)?;
    log.run(&mut linted(&world.repo, "cargo build --workspace --bins")?)
}

/// The same for the tests that run in a page.
pub(crate) fn compile_wasm(world: &World, log: &Log) -> Outcome {
    let line = "cargo test --package doorward --target wasm32-unknown-unknown --no-run";
    log.run(&mut linted(&world.repo, line)?)
}

/// A Cargo command whose compiler is Clippy's driver, as `cargo clippy` calls it: for the workspace's own crates a
/// warning is an error, and dependencies are the ones of every other build.
pub(crate) fn linted(repo: &Repo, line: &str) -> Outcome<Command> {
    let sysroot = output(&mut command("rustc --print sysroot"))?;
    let driver = Path::new(sysroot.trim()).join("bin/clippy-driver");
    if !driver.exists() {
        return Err("the tests need Clippy: rustup component add clippy".to_owned());
    }
    let mut cargo = command(line);
    cargo.current_dir(&repo.root);
    cargo.env("RUSTC_WORKSPACE_WRAPPER", driver).env("CLIPPY_ARGS", "-Dwarnings");
    Ok(cargo)
}
