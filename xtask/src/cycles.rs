//! Import cycles between the files of a crate: no file of a cycle can be understood, tested or moved alone.
//! Cycles of two or three closely related files are allowed.

use std::collections::BTreeMap;
use std::path::Path;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use crate::directions::code;
use crate::repo::Repo;
use crate::run::Outcome;

/// The longest cycle that is allowed, in files.
const MOST: usize = 3;

/// Checks the SDK, the protocol crate and each crate of the server.
pub(crate) fn hold(repo: &Repo) -> Outcome {
    let mut crates = ["src", "protocol/src", "server/src"].map(|source| repo.root.join(source)).to_vec();
    let folder = repo.root.join("crates");
    for entry in std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        crates.push(entry.map_err(|error| error.to_string())?.path().join("src"));
    }
    let long: Vec<String> = crates.iter().flat_map(|source| circles(source)).collect();
    if long.is_empty() { Ok(()) } else { Err(long.join("\n")) }
}

/// The cycles of a crate that are too long, as messages.
fn circles(source: &Path) -> Vec<String> {
    let mut modules = BTreeMap::new();
    collect(source, source, &mut modules);
    let circles = tarjan_scc(&arrows(&modules));
    let long = circles.into_iter().filter(|circle| circle.len() > MOST);
    long.map(|circle| {
        format!("{}: these files import each other in a circle: {}", source.display(), circle.join(", "))
    })
    .collect()
}

/// The files of a crate by module name: `sessions::refresh`; an empty name for the root.
fn collect(root: &Path, folder: &Path, modules: &mut BTreeMap<String, String>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(root, &path, modules);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(root).unwrap_or(&path).with_extension("");
            let name = name.to_string_lossy().replace('/', "::");
            let name = name.strip_suffix("::mod").unwrap_or(&name);
            let name = if name == "lib" { "" } else { name };
            modules.insert(name.to_owned(), std::fs::read_to_string(&path).unwrap_or_default());
        }
    }
}

/// An edge from each module to each module that it imports from. Re-exports do not count.
fn arrows(modules: &BTreeMap<String, String>) -> DiGraphMap<&str, ()> {
    let mut graph = DiGraphMap::new();
    for (module, text) in modules {
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for (_, line) in code(text) {
            let Some(path) = line.strip_prefix("use ") else { continue };
            let target = absolute(module, path).and_then(|path| longest(modules, &path));
            if let Some(target) = target.filter(|target| target != module) {
                graph.add_edge(module.as_str(), target, ());
            }
        }
    }
    graph
}

/// A path inside the crate, relative to its root.
fn absolute(module: &str, path: &str) -> Option<String> {
    if let Some(path) = path.strip_prefix("crate::") {
        return Some(path.to_owned());
    }
    let (mut base, mut rest) = (module, path);
    while let Some(path) = rest.strip_prefix("super::") {
        base = base.rsplit_once("::").map_or("", |(outer, _)| outer);
        rest = path;
    }
    let rest = rest.strip_prefix("self::").unwrap_or(rest);
    let joined = if base.is_empty() { rest.to_owned() } else { format!("{base}::{rest}") };
    (rest != path || !path.contains("::") || base == module).then_some(joined)
}

/// The module that a path leads to: the longest module name that is a prefix of it.
fn longest<'a>(modules: &'a BTreeMap<String, String>, path: &str) -> Option<&'a str> {
    let mut end = path.len();
    loop {
        if let Some((module, _)) =
            modules.get_key_value(path.get(..end)?).filter(|(name, _)| !name.is_empty())
        {
            return Some(module);
        }
        end = path.get(..end)?.rfind("::")?;
    }
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, arrows, tarjan_scc};

    fn longest_circle(files: &[(&str, &str)]) -> usize {
        let modules: BTreeMap<_, _> =
            files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        tarjan_scc(&arrows(&modules)).iter().map(Vec::len).max().unwrap_or(0)
    }

    #[test]
    fn a_circle_is_found_however_the_imports_are_written() {
        let circle = [
            ("", "pub use one::One;\nmod one;"),
            ("one", "use crate::two::{self, Two};"),
            ("two", "use super::three::Three;"),
            ("three", "use crate::four;"),
            ("four", "use self::inner::Inner;"),
            ("four::inner", "use crate::{\n    one::One,\n};"),
        ];
        assert_eq!(longest_circle(&circle), 5);
    }

    #[test]
    fn what_only_lists_or_tests_is_no_arrow() {
        let files = [
            ("", "pub use one::One;\nmod one;"),
            ("one", "use crate::two::Two;"),
            ("two", "pub use crate::one::One;\n#[cfg(test)]\nmod tests {\n    use crate::one;\n}"),
        ];
        assert_eq!(longest_circle(&files), 1);
    }
}
