//! Development commands: `cargo xtask setup | build | start | test | check | bench`, one file per verb.
//!
//! The scripts of package.json call these. Everything here is plain std, so that the first command on a fresh
//! machine does not begin with a long compilation.
mod bench;
mod build;
mod check;
mod cluster;
mod directions;
mod glue;
mod inline;
mod repo;
mod run;
mod setup;
mod start;
mod test;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <command>

  setup [--tests]           install what a machine with only Rust and Node lacks
  build [--sdk | --server]  the npm package in pkg/ and the server in target/release/doorward
  start [-- ARGUMENTS]      build, then serve the demo site and the API on http://localhost:8787
  test [--long] [STEP…]     everything CI runs; with names, only these steps
  check [--fix]             formatting, lints, directions of dependencies; --fix repairs what it can
  bench [PART…]             sizes, times and throughput, beside peers";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (verb, rest) = match arguments.split_first() {
        Some((verb, rest)) => (verb.as_str(), rest),
        None => ("", &[][..]),
    };
    let outcome = repo::Repo::here().and_then(|repo| match verb {
        "setup" => setup::run(&repo, rest),
        "build" => build::run(&repo, rest),
        "start" => start::run(&repo, rest),
        "test" => test::run(&repo, rest),
        "check" => check::run(&repo, rest),
        "bench" => bench::run(&repo, rest),
        _ => Err(USAGE.to_owned()),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // `test` has said it all, and its last line is to stay the last.
            if !message.is_empty() {
                run::say(&message);
            }
            ExitCode::FAILURE
        }
    }
}
