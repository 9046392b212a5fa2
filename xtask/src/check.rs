//! `cargo xtask check`: static checks: formatting, lints, types, licences, dependency directions, forbidden
//! texts.
//!
//! Clippy's driver is a compiler: it checks and compiles at once. The tests that run are the linted ones, and
//! no crate is compiled for lints alone.

use std::path::Path;
use std::process::Command;

use crate::plan::World;
use crate::repo::Repo;
use crate::run::{Log, Outcome, command, output, run as execute, say, words, write};
use crate::steps;
use crate::{cycles, directions, ids, prose};

/// The parts of the JavaScript. Each has its own tsconfig.PART.json.
const PARTS: &[&str] = &["js", "www", "node"];

/// Runs all checks. With `--fix`, first repairs what the tools can repair.
pub(crate) fn run(mut repo: Repo, arguments: &[String]) -> Outcome {
    if arguments.iter().any(|argument| argument == "--fix") {
        for line in
            ["cargo clippy --fix --allow-dirty --allow-staged --workspace --all-targets", "cargo fmt --all"]
        {
            execute(command(line).current_dir(&repo.root))?;
        }
        repo = steps::run(repo, &["npm"])?;
        execute(biome(&repo).arg("--write"))?;
    }
    steps::run(repo, &["format", "types", "deny", "directions", "compile", "compile-wasm"])?;
    say("check: all good");
    Ok(())
}

/// Checks the format with `rustfmt` and Biome. Biome also lints.
pub(crate) fn formatting(world: &World, log: &Log) -> Outcome {
    log.run(command("cargo fmt --all --check").current_dir(&world.repo.root))?;
    log.run(&mut biome(&world.repo))
}

/// Formats and lints JavaScript by the rules of biome.jsonc.
fn biome(repo: &Repo) -> Command {
    let mut biome = Command::new(repo.npm_program("biome"));
    biome.args(words("check --error-on-warnings --colors=off")).current_dir(&repo.root);
    biome
}

/// Checks the types of JavaScript with TypeScript. js/ imports output of the SDK's build, which may be
/// missing, so its declarations are written first.
pub(crate) fn types(world: &World, log: &Log) -> Outcome {
    let sdk = world.repo.sdk();
    write(&sdk.join("bindings.d.ts"), include_str!("../../types/sdk/bindings.d.ts"))?;
    write(&sdk.join("wasm.d.ts"), include_str!("../../types/sdk/wasm.d.ts"))?;
    for part in PARTS {
        let mut tsc = Command::new(world.repo.npm_program("tsc"));
        tsc.arg("--project").arg(format!("tsconfig.{part}.json")).current_dir(&world.repo.root);
        log.run(&mut tsc)?;
    }
    Ok(())
}

/// Checks licences, versions and sources of Rust dependencies by the rules of deny.toml.
pub(crate) fn dependencies(world: &World, log: &Log) -> Outcome {
    let mut deny = Command::new(world.repo.tools.join("deny/bin/cargo-deny"));
    deny.args(words("--color never --locked check --hide-inclusion-graph licenses bans sources"));
    log.run(deny.current_dir(&world.repo.root))
}

/// Checks which part may use which, import cycles, that cited ids are defined, and that prose stays plain.
pub(crate) fn directions(world: &World, _: &Log) -> Outcome {
    directions::hold(&world.repo)?;
    cycles::hold(&world.repo)?;
    ids::hold(&world.repo)?;
    prose::hold(&world.repo)
}

/// Compiles and lints everything that runs on this machine, including tests.
pub(crate) fn compile(world: &World, log: &Log) -> Outcome {
    log.run(&mut linted(&world.repo, "cargo test --workspace --no-run")?)?;
    log.run(&mut linted(&world.repo, "cargo build --workspace --bins")?)
}

/// Compiles and lints the tests that run in a page.
pub(crate) fn compile_wasm(world: &World, log: &Log) -> Outcome {
    let line = "cargo test --package doorward --target wasm32-unknown-unknown --no-run";
    log.run(&mut linted(&world.repo, line)?)
}

/// A Cargo command with Clippy's driver as the compiler, as in `cargo clippy`. In the workspace's own crates
/// a warning is an error; dependencies are shared with all other builds.
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
