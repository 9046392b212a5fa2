//! Counts the files that a common change touches. CONTRIBUTING.md lists them, and existing code serves as
//! example.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files of a sign-in method, and the lists that name it.
fn places(method: &str) -> BTreeSet<String> {
    [
        &format!("protocol/src/{method}.rs"),
        &format!("server/src/methods/{method}.rs"),
        &format!("src/methods/{method}.rs"),
        "protocol/src/lib.rs",
        "server/src/methods/mod.rs",
        "src/methods/mod.rs",
    ]
    .map(str::to_owned)
    .into()
}

#[test]
fn a_sign_in_method_is_a_file_on_each_side_and_a_line_in_each_list() {
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
        assert!(named.len() <= MOST, "{named:?}");
    }
}

/// The largest number of files that one of these changes may touch.
const MOST: usize = 6;

/// The source files that contain one of these words. Unit tests do not count.
fn naming(words: &[&str]) -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let code = |file: &PathBuf| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        words.iter().any(|word| has_word(&text, word))
    };
    ["protocol/src", "crates", "server/src", "src"]
        .iter()
        .flat_map(|folder| sources(&root.join(folder)))
        .chain([root.join("js/index.d.ts")])
        .filter(|file| file.extension().is_some_and(|ending| ending == "rs" || ending == "ts"))
        .filter(code)
        .map(|file| file.strip_prefix(root).unwrap().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn another_field_of_the_profile_touches_few_files() {
    let named = naming(&["website"]);
    assert!(named.contains("protocol/src/profile.rs") && named.len() <= MOST, "{named:?}");
}

#[test]
fn another_budget_touches_few_files() {
    let named = naming(&["Purpose::Check", "check: Rates"]);
    let has = |file: &str| named.contains(file);
    assert!(has("crates/config/src/limits.rs") && has("crates/limits/src/purpose.rs"), "{named:?}");
    assert!(named.len() <= MOST, "{named:?}");
}

#[test]
fn another_provider_touches_few_files() {
    let named = naming(&["twitter", "Twitter"]);
    let has = |file: &str| named.contains(file);
    assert!(
        has("crates/providers/src/kinds/twitter.rs") && has("crates/config/src/providers.rs"),
        "{named:?}"
    );
    assert!(named.len() <= MOST, "{named:?}");
}

/// True if the source names the module or its request.
fn names(source: &str, method: &str, request: &str) -> bool {
    let module = [format!("mod {method};"), format!("{method}::"), format!("    {method},\n")];
    source.contains(request) || module.iter().any(|name| has_word(source, name))
}

/// True if the source contains the word and not only as the end of a longer name.
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
