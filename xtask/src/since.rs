//! `npm test -- --since REF`: the steps that a change can affect, by the folders that it touches.

use std::process::Command;

use crate::repo::Repo;
use crate::run::{Outcome, output};
use crate::test::TESTS;

/// The first rule that matches a file decides. A file without a rule affects every step.
const RULES: &[(&str, &[&str])] = &[
    ("server/tests/", &["format", "compile", "server", "postgres"]),
    ("crates/", &["format", "directions", "compile", "unit", "server", "postgres", "api", "schema", "e2e"]),
    ("server/", &["format", "directions", "compile", "unit", "server", "postgres", "api", "schema", "e2e"]),
    ("src/", &["format", "directions", "compile", "compile-wasm", "unit", "web", "package", "e2e"]),
    ("js/", &["format", "types", "directions", "web", "package", "e2e"]),
    ("www/", &["format", "types", "directions", "server", "e2e"]),
    ("demo/", &["format", "types", "e2e"]),
    ("bench/", &["format", "types", "compile"]),
    ("tests/web", &["format", "directions", "compile-wasm", "web"]),
    ("tests/package/", &["format", "types", "directions", "package"]),
    ("tests/api/", &["format", "types", "api"]),
    ("tests/schema/", &["format", "types", "schema"]),
    ("tests/e2e/", &["format", "types", "e2e", "api", "schema"]),
    ("docs/examples/", &["format", "types", "compile", "api"]),
    ("docs/", &["unit", "server"]),
    ("types/", &["format", "types"]),
    ("tsconfig", &["format", "types"]),
    ("biome.jsonc", &["format"]),
    ("deny.toml", &["deny"]),
    (".editorconfig", &[]),
    ("CHANGELOG.md", &[]),
    ("CONTRIBUTING.md", &[]),
    ("LICENSE", &[]),
    ("README.md", &["package"]),
];

/// The steps that a change since `reference` can affect, including uncommitted files.
pub(crate) fn steps(repo: &Repo, reference: &str) -> Outcome<Vec<&'static str>> {
    let git = |arguments: &[&str]| output(Command::new("git").args(arguments).current_dir(&repo.root));
    let base = git(&["merge-base", reference, "HEAD"])
        .map_err(|error| format!("{error}: is {reference} a commit or a branch?"))?;
    let changed = git(&["diff", "--name-only", base.trim()])?;
    let new = git(&["ls-files", "--others", "--exclude-standard"])?;
    Ok(affected(changed.lines().chain(new.lines())))
}

fn affected<'a>(files: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let mut steps: Vec<&str> = Vec::new();
    for file in files {
        let rule = RULES.iter().find(|(folder, _)| file.starts_with(folder));
        steps.extend(rule.map_or(TESTS, |(_, steps)| *steps));
    }
    TESTS.iter().copied().filter(|step| steps.contains(step)).collect()
}

#[cfg(test)]
mod tests {
    use super::{TESTS, affected};

    #[test]
    fn a_change_of_one_test_runs_its_step() {
        assert_eq!(
            affected(["tests/package/client.test.mjs"].into_iter()),
            ["format", "types", "directions", "package"]
        );
    }

    #[test]
    fn a_change_that_no_rule_names_runs_everything() {
        assert_eq!(affected(["CHANGELOG.md", "protocol/src/lib.rs"].into_iter()), TESTS);
    }

    #[test]
    fn a_change_that_no_test_reads_runs_nothing() {
        assert!(affected(["CHANGELOG.md"].into_iter()).is_empty());
    }
}
