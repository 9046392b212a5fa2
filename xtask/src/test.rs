//! `cargo xtask test`: runs everything that CI runs.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::check::linted;
use crate::cluster::Cluster;
use crate::plan::{self, World};
use crate::repo::Repo;
use crate::run::{Log, Outcome, command, say, words};
use crate::setup;
use crate::since;
use crate::steps::STEPS;
use crate::tally::Tally;

/// The steps of a full run. steps.rs has their dependencies.
pub(crate) const TESTS: &[&str] = &[
    "format",
    "types",
    "deny",
    "directions",
    "compile",
    "compile-wasm",
    "unit",
    "server",
    "postgres",
    "web",
    "package",
    "api",
    "schema",
    "e2e",
];

/// The server tests that the quick run executes on PostgreSQL, as file::prefix of the name, with a reason:
/// SQL, locks or several nodes can change their results. `--long` runs all tests there.
const ON_POSTGRES: &[(&str, &str)] = &[
    ("store_connect::", "TLS, passwords, a standby"),
    ("store_write::", "transactions and their errors"),
    ("nodes::", "several nodes on one database"),
    ("nodes_outage::", "a database that fails and recovers"),
    ("server_run::", "start, kill and stop of the program"),
    ("account_race::", "unique indexes under concurrent calls"),
    ("account_signup::", "idempotency keys and unique addresses"),
    ("account_delete::", "cascades"),
    ("identity_link::", "one identity at each provider"),
    ("session_bound::", "compare-and-swap of generations"),
    ("session_refresh::", "compare-and-swap of generations"),
    ("session_revoke::", "a revoke during a refresh"),
    ("token_revoke::", "a revoke during a refresh"),
    ("proof_replay::", "a proof that is used once"),
    ("method_code::sec_a03_", "an address that moves to another account in one transaction"),
    ("method_code::sec_c03_", "the count of tries of a code, under a lock"),
    ("method_code::a_request_repeated_with_its_idempotency_key_signs_in_once", "idempotency keys"),
    ("code_scene::sec_c0", "the count of tries of a code, and one code of two kinds, under a lock"),
    ("email_unicode::operators_can_find_", "a search without regard to case"),
    ("email_verify::", "a link that is used once"),
    ("password_reset::", "codes and sessions in one transaction"),
    ("limit_flood::", "budgets"),
    ("limit_send::", "budgets"),
    ("limit_sign_in::", "budgets"),
    ("sms_budget::", "budgets"),
    ("outbox_deliver::", "leases between nodes"),
    (
        "first_proof::sec_a03_an_address_leaves_an_account_that_is_proven_by_a_phone",
        "claims, locks and the rows that a takeover deletes",
    ),
    (
        "first_proof::sec_a03_a_first_proof_keeps_a_password_account",
        "claims, locks and the rows that a takeover deletes",
    ),
    ("hook_way_in::every_new_account_needs_the_approval", "one check before the transaction and within it"),
    ("webhook_deliver::", "leases between nodes"),
    ("provider_login::a_flow_is_over_", "flows that are used once"),
    ("provider_login::a_registration_that_is_repeated_", "idempotency keys"),
    ("provider_login::sec_o06_", "flows that are used once"),
    ("provider_login::seed_m45_", "registrations that are used once"),
    ("provider_login::seed_m50_", "flows that are used once"),
    ("provider_login::two_tabs_", "concurrent flows"),
    ("provider_login::flows_that_are_over_", "deletes during other transactions"),
    ("provider_login::a_second_request_waits_", "a lease on a flow"),
    ("signing_rotate::", "a lease and the first key"),
    ("rows_prune::", "deletes during other transactions"),
    ("user_data::", "upserts"),
    ("admin_http::", "cursors and collation"),
    ("admin_keys::", "commands while a server runs"),
];

/// Runs the steps, prints their durations, and ends with `N passed, N failed`.
pub(crate) fn run(repo: Repo, arguments: &[String]) -> Outcome {
    let asked = Asked::read(&repo, arguments)?;
    if asked.steps.is_empty() {
        say("no step tests the changed files");
        return Ok(());
    }
    let started = Instant::now();
    let mut world = World::of(repo)?;
    world.long = asked.long;
    world.filters = asked.filters;
    fs::create_dir_all(&world.scratch.0).map_err(|error| error.to_string())?;
    let steps = plan::with_needs(STEPS, &asked.steps);
    let rows = plan::run(&steps, &world, asked.steps.len() == 1)?;
    let mut total = Tally::default();
    rows.iter().for_each(|row| total.merge(row.tally.clone()));
    say(&format!("\n{}", plan::table(&rows, started.elapsed())));
    let failed: Vec<String> = rows
        .iter()
        .filter_map(|row| match &row.outcome {
            Some(Ok(())) => None,
            Some(Err(error)) => Some(format!("{}: {error}", row.name)),
            None => Some(format!("{}: not run", row.name)),
        })
        .collect();
    let logs = world.repo.target.join("logs");
    if !failed.is_empty() {
        say(&format!("\nfailed (the whole output is in {}):\n  {}", logs.display(), failed.join("\n  ")));
    }
    // The last line of the output, on stdout, for people and scripts.
    _ = writeln!(std::io::stdout(), "{} passed, {} failed", total.passed, total.failed);
    if failed.is_empty() { Ok(()) } else { Err(String::new()) }
}

/// The arguments of the command line.
struct Asked {
    steps: Vec<&'static str>,
    filters: Vec<String>,
    long: bool,
}

impl Asked {
    fn read(repo: &Repo, arguments: &[String]) -> Outcome<Self> {
        let mut asked = Asked { steps: Vec::new(), filters: Vec::new(), long: false };
        let mut since = None;
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--long" => asked.long = true,
                "--since" => {
                    since = Some(arguments.next().ok_or("--since needs the name of a commit or branch")?)
                }
                flag if flag.starts_with("--") => return Err(format!("test: unknown flag {flag}")),
                word => match TESTS.iter().chain(&["long"]).find(|step| **step == word) {
                    Some(step) => asked.steps.push(step),
                    None => asked.filters.push(word.to_owned()),
                },
            }
        }
        if asked.steps.is_empty() {
            asked.steps = match since {
                Some(reference) => since::steps(repo, reference)?,
                None => TESTS.to_vec(),
            };
            if asked.long {
                asked.steps.push("long");
            }
            if !asked.filters.is_empty() {
                // Compile steps run if other steps need them; the remaining steps have no named tests.
                asked.steps.retain(|step| {
                    !["format", "types", "deny", "directions", "compile", "compile-wasm"].contains(step)
                });
            }
        }
        Ok(asked)
    }
}

/// Runs the unit tests of all crates, and the simulation of many tabs. Doc comments have no examples that
/// run.
pub(crate) fn unit(world: &World, log: &Log) -> Outcome {
    rust(world, log, "cargo test --workspace --lib --bins", &[], None)
}

/// Tests the server over HTTP.
pub(crate) fn server(world: &World, log: &Log) -> Outcome {
    rust(world, log, "cargo test --workspace --test api", &[], None)
}

/// Tests the server over HTTP on a PostgreSQL that is created for this step.
pub(crate) fn postgres(world: &World, log: &Log) -> Outcome {
    let cluster = Cluster::start(&world.scratch.0)?;
    let files: Vec<&str> = ON_POSTGRES.iter().map(|(file, _)| *file).filter(|_| !world.long).collect();
    rust(world, log, "cargo test --workspace --test api", &files, Some(cluster.url()))
}

/// Runs tests that the step `compile` has compiled.
fn rust(world: &World, log: &Log, line: &str, files: &[&str], postgres: Option<String>) -> Outcome {
    let mut cargo = linted(&world.repo, line)?;
    // The test runner prints the time of each test only with unstable options.
    cargo.args(["--config", "target.'cfg(unix)'.runner = ['env', 'RUSTC_BOOTSTRAP=1']", "--"]);
    cargo.args(words("-Zunstable-options --report-time"));
    if world.filters.is_empty() {
        cargo.args(files);
    } else {
        cargo.args(&world.filters);
    }
    if world.long {
        cargo.env("DOORWARD_TEST_LONG", "1");
    }
    if let Some(url) = postgres {
        cargo.env("DOORWARD_TEST_POSTGRES", url);
    }
    log.run(cargo.env("TMPDIR", &world.scratch.0))
}

/// Runs the SDK's own tests, compiled to wasm, in headless Chromium.
pub(crate) fn web(world: &World, log: &Log) -> Outcome {
    let browser = setup::browser()?;
    let capabilities = world.scratch.0.join("webdriver.json");
    browser.write_capabilities(&capabilities)?;
    let line = "cargo test --package doorward --target wasm32-unknown-unknown --test web";
    let mut cargo = linted(&world.repo, line)?;
    if !world.filters.is_empty() {
        cargo.arg("--").args(&world.filters);
    }
    cargo.env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
        world.repo.own_program("wasm-bindgen-test-runner"),
    );
    cargo.env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", capabilities);
    log.run(cargo.env("CHROMEDRIVER", browser.driver).env("TMPDIR", &world.scratch.0))
}

/// Tests the npm package, as `npm pack` makes it.
pub(crate) fn package(world: &World, log: &Log) -> Outcome {
    node(world, log, "tests/package", |node| {
        node.env("DOORWARD_CHROMIUM", setup::browser()?.chromium);
        Ok(())
    })
}

/// Tests the server with generic OAuth clients and with APIs in other languages, the examples of
/// docs/examples.
pub(crate) fn api(world: &World, log: &Log) -> Outcome {
    node(world, log, "tests/api", |node| {
        node.env("DOORWARD_PYTHON", world.repo.tools.join("python/bin/python"));
        node.env("DOORWARD_EXAMPLE_API", world.repo.debug_program("doorward-example-api"));
        Ok(())
    })
}

/// Tests the API against its own description with schemathesis.
pub(crate) fn schema(world: &World, log: &Log) -> Outcome {
    node(world, log, "tests/schema", |node| {
        node.env("DOORWARD_SCHEMATHESIS", world.repo.tools.join("schema/bin/schemathesis"));
        Ok(())
    })
}

/// Tests the demo site in a browser. tests/e2e/run.mjs runs the files, which share a browser.
pub(crate) fn e2e(world: &World, log: &Log) -> Outcome {
    let folder = world.repo.root.join("tests/e2e");
    let files = match chosen(&folder, &world.filters) {
        (files, None) if world.filters.is_empty() || !files.is_empty() => files,
        _ => {
            log.keep(&format!("no file of tests/e2e has {} in its name", world.filters.join(" or ")));
            return Ok(());
        }
    };
    let mut node = command("node");
    node.arg(folder.join("run.mjs")).current_dir(&world.repo.root);
    if !world.filters.is_empty() {
        node.args(files);
    }
    node.env("DOORWARD_BIN", world.repo.debug_program("doorward")).env("TMPDIR", &world.scratch.0);
    node.env("DOORWARD_CHROMIUM", setup::browser()?.chromium);
    log.run(&mut node)
}

/// Runs tests that take minutes and need a browser.
pub(crate) fn long(world: &World, log: &Log) -> Outcome {
    node(world, log, "tests/long", |node| {
        node.env("DOORWARD_CHROMIUM", setup::browser()?.chromium);
        Ok(())
    })
}

/// Runs Node's test runner on the `*.test.mjs` files of a folder, with the server that the step `compile` has
/// compiled: unlike the optimised server, it detects integer overflows.
fn node(world: &World, log: &Log, folder: &str, prepare: impl FnOnce(&mut Command) -> Outcome) -> Outcome {
    let (files, pattern) = chosen(&world.repo.root.join(folder), &world.filters);
    if files.is_empty() {
        return Ok(());
    }
    let mut node = command("node --test --test-concurrency=2 --test-reporter=spec --test-timeout=300000");
    if let Some(pattern) = pattern {
        node.arg(format!("--test-name-pattern={pattern}"));
    }
    node.args(files).current_dir(&world.repo.root);
    node.env("DOORWARD_BIN", world.repo.debug_program("doorward")).env("TMPDIR", &world.scratch.0);
    if world.long {
        node.env("DOORWARD_TEST_LONG", "1");
    }
    prepare(&mut node)?;
    log.run(&mut node)
}

/// The test files of a folder. With words: the files with one of them in their name, or else all files and a
/// pattern of test names.
fn chosen(folder: &Path, filters: &[String]) -> (Vec<PathBuf>, Option<String>) {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    files.sort();
    let name = |file: &PathBuf| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let named = |file: &&PathBuf| filters.iter().any(|word| name(file).contains(word.as_str()));
    let some: Vec<PathBuf> = files.iter().filter(named).cloned().collect();
    if !some.is_empty() {
        (some, None)
    } else if filters.is_empty() {
        (files, None)
    } else {
        (files, Some(filters.join("|")))
    }
}

#[cfg(test)]
mod tests {
    use super::ON_POSTGRES;

    #[test]
    fn each_file_and_test_that_runs_on_postgres_exists() {
        for (entry, _) in ON_POSTGRES {
            let (file, test) = entry.split_once("::").unwrap();
            let path = format!("{}/../server/tests/{file}.rs", env!("CARGO_MANIFEST_DIR"));
            let text = std::fs::read_to_string(path).unwrap_or_default();
            assert!(text.contains(&format!("fn {test}")), "server/tests/{file}.rs has no test {test}…");
        }
    }
}
