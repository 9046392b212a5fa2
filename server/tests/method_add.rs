//! How many files must be touched to add a way to sign in: docs/architecture.md says which, and this holds it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of a method itself, and the lists that it is a line of.
fn places(method: &str) -> BTreeSet<String> {
    [
        &format!("protocol/src/{method}.rs"),
        &format!("server/src/methods/{method}.rs"),
        &format!("src/methods/{method}.rs"),
        "protocol/src/lib.rs",
        "server/src/methods/mod.rs",
        "server/src/routes/openapi/requests.rs",
        "src/methods/mod.rs",
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn a_method_is_a_file_on_each_side_and_a_line_in_each_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (method, request) in [("device", "DeviceLoginRequest"), ("custom", "CustomLoginRequest")] {
        let mut named: BTreeSet<String> = ["protocol/src", "crates", "server/src", "src", "js"]
            .iter()
            .flat_map(|folder| sources(&root.join(folder)))
            .filter(|file| names(&std::fs::read_to_string(file).unwrap(), method, request))
            .map(|file| file.strip_prefix(root).unwrap().to_string_lossy().into_owned())
            .collect();
        for side in ["protocol/src", "server/src/methods", "src/methods"] {
            let own = format!("{side}/{method}.rs");
            assert!(root.join(&own).exists(), "{own}");
            named.insert(own);
        }
        assert_eq!(named, places(method));
    }
}

/// Does it name the module or its request?
fn names(source: &str, method: &str, request: &str) -> bool {
    let module = [format!("mod {method};"), format!("{method}::"), format!("    {method},\n")];
    source.contains(request) || module.iter().any(|name| has_word(source, name))
}

/// Is it there, and not as the end of a longer name?
fn has_word(source: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    source
        .match_indices(word)
        .any(|(at, _)| word.starts_with(' ') || !source[..at].chars().next_back().is_some_and(is_part))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}
