//! Every step of every command, with the steps that it needs.

use std::time::{Duration, Instant};

use crate::plan::Kind::{Computes, Waits};
use crate::plan::{self, Step, World};
use crate::repo::Repo;
use crate::run::{Outcome, say, seconds};
use crate::{build, check, setup, test};

/// `typical` was measured on two idle cores, from nothing.
#[rustfmt::skip]
pub(crate) const STEPS: &[Step] = &[
    // Installing missing tools.
    Step { name: "npm", about: "npm packages", needs: &[], kind: Waits, typical: 6, work: setup::npm },
    Step { name: "npm-package", about: "npm packages of the package tests", needs: &[], kind: Waits, typical: 6, work: setup::npm_for_package },
    Step { name: "npm-bench", about: "npm packages of the peers", needs: &[], kind: Waits, typical: 20, work: setup::npm_for_bench },
    Step { name: "debian", about: "PostgreSQL and Chromium from Debian", needs: &[], kind: Waits, typical: 30, work: setup::debian },
    Step { name: "python-api", about: "Python's packages for the example API", needs: &[], kind: Waits, typical: 10, work: setup::python_for_api },
    Step { name: "python-schema", about: "schemathesis", needs: &[], kind: Waits, typical: 15, work: setup::python_for_schema },
    Step { name: "cargo-deny", about: "cargo-deny", needs: &[], kind: Waits, typical: 5, work: setup::cargo_deny },
    Step { name: "std-source", about: "the source of Rust's standard library", needs: &[], kind: Waits, typical: 10, work: setup::std_source },
    Step { name: "wasm-target", about: "Rust's standard library for wasm", needs: &["std-source"], kind: Computes, typical: 45, work: setup::wasm_target },
    Step { name: "wasm-bindgen", about: "wasm-bindgen", needs: &[], kind: Computes, typical: 30, work: setup::wasm_bindgen },
    Step { name: "test-runner", about: "wasm-bindgen's test runner", needs: &["wasm-bindgen"], kind: Computes, typical: 50, work: setup::wasm_test_runner },

    // Programs for users.
    Step { name: "sdk", about: "the npm package", needs: &["npm", "std-source", "wasm-bindgen"], kind: Computes, typical: 60, work: build::sdk },
    Step { name: "sdk-names", about: "the wasm with the names of its functions", needs: &["sdk"], kind: Computes, typical: 5, work: build::sdk_names },
    Step { name: "debug-server", about: "the server", needs: &[], kind: Computes, typical: 200, work: build::debug_server },
    Step { name: "release-server", about: "the optimised server", needs: &[], kind: Computes, typical: 600, work: build::release_server },
    Step { name: "load-generator", about: "the load generator", needs: &["release-server"], kind: Computes, typical: 30, work: build::load_generator },

    // Static checks.
    Step { name: "format", about: "rustfmt and Biome", needs: &["npm"], kind: Computes, typical: 3, work: check::formatting },
    Step { name: "types", about: "the types of JavaScript", needs: &["npm"], kind: Computes, typical: 2, work: check::types },
    Step { name: "deny", about: "licences and sources of dependencies", needs: &["cargo-deny"], kind: Computes, typical: 2, work: check::dependencies },
    Step { name: "directions", about: "allowed dependencies between parts", needs: &[], kind: Computes, typical: 1, work: check::directions },
    Step { name: "compile", about: "server, tests and lints", needs: &["format", "directions"], kind: Computes, typical: 240, work: check::compile },
    Step { name: "compile-wasm", about: "tests and lints of the SDK", needs: &["wasm-target"], kind: Computes, typical: 150, work: check::compile_wasm },

    // Tests.
    Step { name: "unit", about: "unit tests", needs: &["compile"], kind: Computes, typical: 20, work: test::unit },
    Step { name: "server", about: "the server over HTTP, on SQLite", needs: &["compile"], kind: Computes, typical: 60, work: test::server },
    Step { name: "postgres", about: "the server over HTTP, on PostgreSQL", needs: &["compile", "debian"], kind: Computes, typical: 60, work: test::postgres },
    // Its tests wait for timers: 10 CPU seconds in 15.
    Step { name: "web", about: "the SDK's own tests in a browser", needs: &["compile-wasm", "test-runner", "debian"], kind: Waits, typical: 20, work: test::web },
    Step { name: "package", about: "the packed npm package", needs: &["sdk", "npm-package", "debian"], kind: Computes, typical: 60, work: test::package },
    Step { name: "api", about: "OAuth clients and APIs in other languages", needs: &["compile", "npm", "sdk", "python-api"], kind: Computes, typical: 30, work: test::api },
    Step { name: "schema", about: "the server against its OpenAPI document", needs: &["compile", "sdk", "python-schema"], kind: Computes, typical: 40, work: test::schema },
    Step { name: "e2e", about: "the demo site in a browser", needs: &["compile", "sdk", "debian"], kind: Computes, typical: 150, work: test::e2e },
    Step { name: "long", about: "the long tests", needs: &["compile", "sdk", "debian"], kind: Computes, typical: 600, work: test::long },
];

/// Runs the steps with these names and all steps that they need, for commands without a test report.
pub(crate) fn run(repo: Repo, names: &[&str]) -> Outcome<Repo> {
    let started = Instant::now();
    let world = World::of(repo)?;
    let steps = plan::with_needs(STEPS, names);
    let rows = plan::run(&steps, &world, false)?;
    let failed: Vec<&str> = rows.iter().filter(|row| !row.is_ok()).map(|row| row.name).collect();
    if !failed.is_empty() {
        return Err(format!("failed: {}", failed.join(", ")));
    }
    if started.elapsed() > Duration::from_secs(10) {
        say(&format!("built in {}", seconds(started.elapsed())));
    }
    Ok(world.repo)
}
