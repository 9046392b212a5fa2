//! `cargo xtask test`: everything CI runs, quick things first, up to the first failure.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::repo::Repo;
use crate::run::{Outcome, command, run_perhaps_long, say, seconds, words, write};
use crate::setup::Browser;
use crate::{build, check, directions, setup};

/// What a step has to work with.
struct World<'a> {
    repo: &'a Repo,
    browser: Browser,
    /// Browsers leave folders behind; this one is theirs, and is removed at the end.
    scratch: Scratch,
    /// `--long`: also the tests that take minutes.
    long: bool,
}

/// How many tests a runner says it ran.
#[derive(Default, Clone, Copy)]
struct Tally {
    passed: usize,
    failed: usize,
}

type Step = (&'static str, fn(&World<'_>) -> (Outcome, Tally));

const STEPS: &[Step] = &[
    ("format", |world| quiet(world, check::formatting(world.repo))),
    ("directions", |world| (directions::hold(world.repo), Tally::default())),
    ("clippy", |world| quiet(world, check::lints(world.repo))),
    ("clippy-wasm", |world| quiet(world, check::lints_for_wasm(world.repo))),
    ("rust", rust),
    ("postgres", postgres),
    ("web", web),
    ("build", |world| (build::run(world.repo, &["--sdk".to_owned()]), Tally::default())),
    ("package", |world| node(world, "tests/package")),
    ("api", api),
    ("schema", schema),
    ("e2e", |world| node(world, "tests/e2e")),
    ("long", |world| if world.long { node(world, "tests/long") } else { (Ok(()), Tally::default()) }),
];

/// Runs the steps (all, or those named), prints their times, and ends with `N passed, N failed`.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome {
    let (flags, names): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| argument.starts_with("--"));
    if let Some(unknown) = names.iter().find(|name| !STEPS.iter().any(|(step, _)| step == *name)) {
        let known: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no step is called {unknown}; there are {}", known.join(", ")));
    }
    let started = Instant::now();
    setup::for_build(repo)?;
    let browser = setup::for_tests(repo)?;
    let world =
        World { repo, browser, scratch: Scratch::new()?, long: flags.iter().any(|flag| *flag == "--long") };
    let mut rows = vec![row("setup", "ok", started.elapsed(), Tally::default())];
    let mut total = Tally::default();
    let mut failure = None;
    for (name, step) in
        STEPS.iter().filter(|(step, _)| names.is_empty() || names.iter().any(|name| name == step))
    {
        say(&format!("\n── {name}"));
        let started = Instant::now();
        let (outcome, mut tally) = step(&world);
        if outcome.is_err() {
            tally.failed = tally.failed.max(1);
        }
        total = Tally { passed: total.passed + tally.passed, failed: total.failed + tally.failed };
        rows.push(row(name, if outcome.is_ok() { "ok" } else { "FAILED" }, started.elapsed(), tally));
        if let Err(error) = outcome {
            failure = Some(format!("\n{name} failed: {error}"));
            break;
        }
    }
    drop(world);
    say(&format!("\n{}\n{}", rows.join("\n"), row("all", "", started.elapsed(), total)));
    say(failure.as_deref().unwrap_or(""));
    // The last line of all, on stdout, for people and scripts.
    _ = writeln!(std::io::stdout(), "{} passed, {} failed", total.passed, total.failed);
    failure.map_or(Ok(()), |_| Err(String::new()))
}

fn row(name: &str, outcome: &str, time: Duration, tally: Tally) -> String {
    let count = if tally.passed + tally.failed == 0 {
        String::new()
    } else {
        format!("{} passed, {} failed", tally.passed, tally.failed)
    };
    format!("  {name:<12} {outcome:<7} {:>12}   {count}", seconds(time)).trim_end().to_owned()
}

/// Unit tests everywhere, and the server over HTTP.
fn rust(world: &World<'_>) -> (Outcome, Tally) {
    let mut cargo = command("cargo test --workspace");
    if world.long {
        cargo.args(words("-- --include-ignored"));
    }
    counted(world, &mut cargo)
}

/// The server over HTTP once more, on a PostgreSQL that is there for this alone.
fn postgres(world: &World<'_>) -> (Outcome, Tally) {
    let cluster = match Cluster::start(&world.scratch.0) {
        Ok(cluster) => cluster,
        Err(error) => return (Err(error), Tally::default()),
    };
    // `--workspace`, or else its features are others, and the server is compiled once more.
    let mut cargo = command("cargo test --workspace --test api");
    if world.long {
        cargo.args(words("-- --include-ignored"));
    }
    counted(world, cargo.env("DOORWARD_TEST_POSTGRES", cluster.url()))
}

/// The SDK's own tests, compiled to wasm, in headless Chromium.
fn web(world: &World<'_>) -> (Outcome, Tally) {
    let capabilities = world.scratch.0.join("webdriver.json");
    let chromium = world.browser.chromium.display();
    let written =
        write(&capabilities, format!(r#"{{"goog:chromeOptions":{{"binary":"{chromium}","args":[]}}}}"#));
    if written.is_err() {
        return (written, Tally::default());
    }
    let mut cargo = command("cargo test --package doorward --target wasm32-unknown-unknown --test web");
    cargo.env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
        world.repo.own_program("wasm-bindgen-test-runner"),
    );
    cargo.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities);
    // With every core busy a driver may take longer than the runner's own 5 and 20 seconds.
    cargo.env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "60").env("WASM_BINDGEN_TEST_TIMEOUT", "120");
    counted(world, &mut cargo)
}

/// Node's test runner over the `*.test.mjs` of a folder.
fn node(world: &World<'_>, folder: &str) -> (Outcome, Tally) {
    node_with(world, folder, |_| {})
}

/// The server is that of the Rust tests: it is there already, and sees an overflow that the release server would not.
fn node_with(world: &World<'_>, folder: &str, prepare: impl FnOnce(&mut Command)) -> (Outcome, Tally) {
    let files = fs::read_dir(world.repo.root.join(folder)).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    if files.is_empty() {
        return (Ok(()), Tally::default());
    }
    let mut cargo = command("cargo test --workspace --no-run --quiet");
    let built = run_perhaps_long(
        "the server, for tests: minutes the first time",
        cargo.current_dir(&world.repo.root),
    );
    if built.is_err() {
        return (built, Tally::default());
    }
    let mut node = command("node --test --test-concurrency=2 --test-reporter=spec --test-timeout=300000");
    node.args(files).env("DOORWARD_BIN", world.repo.target.join("debug/doorward"));
    prepare(&mut node);
    counted(world, &mut node)
}

/// The server as generic OAuth clients and APIs in other languages see it, with the examples of docs/examples.
fn api(world: &World<'_>) -> (Outcome, Tally) {
    let python = match setup::python(world.repo, "python", "docs/examples/python/requirements.txt") {
        Ok(python) => python,
        Err(error) => return (Err(error), Tally::default()),
    };
    let built = run_perhaps_long(
        "the example API in Rust: up to a minute",
        command("cargo build --package doorward-example-api").current_dir(&world.repo.root),
    );
    if built.is_err() {
        return (built, Tally::default());
    }
    node_with(world, "tests/api", |node| {
        node.env("DOORWARD_PYTHON", python);
        node.env("DOORWARD_EXAMPLE_API", world.repo.target.join("debug/doorward-example-api"));
    })
}

/// The API held against its own description by schemathesis.
fn schema(world: &World<'_>) -> (Outcome, Tally) {
    let python = match setup::python(world.repo, "schema", "tests/schema/requirements.txt") {
        Ok(python) => python,
        Err(error) => return (Err(error), Tally::default()),
    };
    node_with(world, "tests/schema", |node| {
        node.env("DOORWARD_SCHEMATHESIS", python.with_file_name("schemathesis"));
    })
}

fn quiet(world: &World<'_>, mut command: Command) -> (Outcome, Tally) {
    counted(world, &mut command)
}

/// Runs a program, passes on what it prints, and adds up what test runners say in it.
fn counted(world: &World<'_>, command: &mut Command) -> (Outcome, Tally) {
    let mut tally = Tally::default();
    command.current_dir(&world.repo.root).stdin(Stdio::null()).stdout(Stdio::piped());
    command.env("TMPDIR", &world.scratch.0);
    command.env("DOORWARD_CHROMIUM", &world.browser.chromium).env("CHROMEDRIVER", &world.browser.driver);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return (Err(format!("cannot start {:?}: {error}", command.get_program())), tally),
    };
    if let Some(stdout) = child.stdout.take() {
        let mut screen = std::io::stdout();
        for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
            _ = screen.write_all(&line).and_then(|()| screen.write_all(b"\n")).and_then(|()| screen.flush());
            tally.add(&String::from_utf8_lossy(&line));
        }
    }
    let outcome = match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(error.to_string()),
    };
    (outcome, tally)
}

impl Tally {
    /// Adds a line such as `test result: ok. 3 passed; 1 failed; …` (Rust) or `ℹ pass 3` (Node).
    fn add(&mut self, line: &str) {
        let words: Vec<&str> = line.split([' ', ';']).filter(|word| !word.is_empty()).collect();
        let number = |word: &str| word.parse::<usize>().unwrap_or(0);
        match words[..] {
            ["test", "result:", _, passed, "passed", failed, "failed", ..] => {
                self.passed += number(passed);
                self.failed += number(failed);
            }
            ["ℹ" | "#", "pass", passed] => self.passed += number(passed),
            ["ℹ" | "#", "fail" | "cancelled", failed] => self.failed += number(failed),
            _ => {}
        }
    }
}

/// A folder that is gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("doorward-test-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(Path::new(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn results_of_both_runners_are_added_up() {
        let mut tally = Tally::default();
        tally.add("test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured");
        tally.add("ℹ pass 4");
        tally.add("ℹ fail 2");
        tally.add("ℹ duration_ms 12");
        assert_eq!((tally.passed, tally.failed), (7, 3));
    }
}
