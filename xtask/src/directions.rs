//! Rules that the compiler cannot check: which part of the SDK may use which, which files may contain SQL and
//! similar, and which texts no file may contain. docs/architecture.md has the reasons.
//!
//! The rules match text, not syntax: they prevent mistakes and prove nothing. Move a line that has to break a
//! rule to another file.

use std::path::Path;

use crate::repo::Repo;
use crate::run::{Outcome, command, output};

/// Lines of Rust files below one of `place` (and not below `except`) must not contain one of `words`.
struct Rule {
    place: &'static [&'static str],
    except: &'static str,
    words: &'static [&'static str],
    why: &'static str,
}

/// The code of the server. The Cargo.toml of a crate determines which crates it may use.
const SERVER: [&str; 2] = ["crates/", "server/src/"];

/// The layers of the SDK. Each may use the layers after it.
const SDK: &str = "methods → client → session → api → transport, browser";

const RULES: &[Rule] = &[
    Rule {
        place: &["protocol/src/"],
        except: "",
        words: &[
            "wasm_bindgen",
            "web_sys",
            "js_sys",
            "tokio",
            "sqlx",
            "axum",
            "std::fs",
            "std::net",
            "std::time::SystemTime",
        ],
        why: "protocol does no I/O and compiles for both sides",
    },
    Rule {
        place: &["src/"],
        except: "src/browser/",
        words: &["web_sys", "js_sys", "gloo_"],
        why: "only src/browser/ names a browser API, so that the rest runs in plain `cargo test`",
    },
    Rule {
        place: &["src/browser/"],
        except: "",
        words: &["crate::api", "crate::session", "crate::options", "crate::methods", "crate::client"],
        why: SDK,
    },
    Rule {
        place: &["src/transport"],
        except: "",
        words: &[
            "crate::api",
            "crate::browser",
            "crate::session",
            "crate::options",
            "crate::methods",
            "crate::client",
        ],
        why: "src/transport.rs decides what is sent and repeated without a browser, so that plain `cargo test` can test it",
    },
    Rule {
        place: &["src/api"],
        except: "",
        words: &["crate::session", "crate::options", "crate::methods", "crate::client"],
        why: SDK,
    },
    Rule { place: &["src/session"], except: "", words: &["crate::methods", "crate::client"], why: SDK },
    Rule { place: &["src/client"], except: "", words: &["crate::methods"], why: SDK },
    Rule {
        place: &SERVER,
        except: "crates/store/",
        words: &["\"select ", "\"insert into ", "\"update ", "\"delete from "],
        why: "only crates/store/ contains SQL",
    },
    Rule {
        place: &SERVER,
        except: "crates/outbound/",
        words: &["TcpStream::connect"],
        why: "one guarded client sends all requests to other servers (SECURITY H01)",
    },
    Rule {
        place: &SERVER,
        except: "server/src/cli/mod.rs",
        words: &["runtime::Builder", "Runtime::new"],
        why: "every command runs inside the one runtime that server/src/cli/mod.rs creates",
    },
    Rule {
        place: &SERVER,
        except: "crates/core/src/files.rs",
        words: &["fs::rename(", "File::create(", ".create_new("],
        why: "crates/core/src/files.rs writes files, so that a file appears whole or not at all",
    },
    Rule {
        place: &SERVER,
        except: "crates/config/src/address.rs",
        words: &["format!(\"{}/v1/", "format!(\"{issuer}", "format!(\"{public_url}", "Redirect::to(\"/"],
        why: "crates/config/src/address.rs builds the URLs of this server, because it knows the path of public_url",
    },
    Rule {
        place: &["server/src/methods/"],
        except: "",
        words: &["doorward_credentials::tokens"],
        why: "a method authenticates the user; only the module sessions issues tokens",
    },
];

/// Texts that no file in git may contain. Written in halves, because this file is checked too.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("/work", "/", "a path of the author's machine"),
    ("/tmp", "/wt/", "a path of the author's machine"),
    ("/root", "/", "a path of the author's machine"),
    ("\"resolved\"", ": \"http", "a download address; .npmrc has omit-lockfile-registry-resolved"),
    ("registry.npmjs", ".org", "a registry's host"),
    ("static.crates", ".io", "a registry's host"),
    ("TO", "DO", "open work belongs in an issue"),
    ("FIX", "ME", "open work belongs in an issue"),
    ("BEGIN PRIVATE", " KEY", "a secret"),
];

/// Checks all rules on all files in git, including new ones. The error lists every line that breaks a rule.
pub(crate) fn hold(repo: &Repo) -> Outcome {
    let mut git = command("git ls-files --cached --others --exclude-standard");
    let files = output(git.current_dir(&repo.root))?;
    let broken: Vec<String> = files.lines().flat_map(|file| broken_in(&repo.root, file)).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

fn broken_in(root: &Path, file: &str) -> Vec<String> {
    // Pictures, and deleted files that are not committed yet, have no lines to check.
    let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let mut broken = Vec::new();
    for (number, line) in code(&text) {
        for rule in RULES.iter().filter(|rule| rule.holds_in(file)) {
            if let Some(word) = rule.words.iter().find(|word| has_word(&line, word)) {
                broken.push(format!("{file}:{number}: `{word}`: {}", rule.why));
            }
        }
    }
    for (number, line) in (1..).zip(text.lines()) {
        for (head, tail, why) in FORBIDDEN {
            if has_word(line, &format!("{head}{tail}")) {
                broken.push(format!("{file}:{number}: `{head}{tail}`: {why}"));
            }
        }
    }
    broken
}

impl Rule {
    fn holds_in(&self, file: &str) -> bool {
        file.ends_with(".rs")
            && self.place.iter().any(|place| file.starts_with(place))
            && (self.except.is_empty() || !file.starts_with(self.except))
    }
}

/// The lines without comments, with their numbers. A `use` with braces becomes one line per path.
pub(crate) fn code(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut import: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.starts_with("//") {
            continue;
        }
        if import.is_none() && is_import(line) {
            import = Some((number, String::new()));
        }
        match &mut import {
            None => lines.push((number, line.to_owned())),
            Some((first, statement)) => {
                statement.push_str(line);
                if line.ends_with(';') {
                    let mut paths = Vec::new();
                    expand("", statement.trim_end_matches(';'), &mut paths);
                    lines.extend(paths.into_iter().map(|path| (*first, path)));
                    import = None;
                }
            }
        }
    }
    lines
}

fn is_import(line: &str) -> bool {
    let visibility = line.split_once("use ").map(|(before, _)| before.trim());
    visibility.is_some_and(|before| before.is_empty() || (before.starts_with("pub") && !before.contains(' ')))
}

/// Expands `a::{b, c::{d, e}}` to `a::b`, `a::c::d` and `a::c::e`.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        paths.push(format!("{prefix}{tree}"));
        return;
    };
    let (prefix, inner) = (format!("{prefix}{head}"), rest.strip_suffix('}').unwrap_or(rest));
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = inner.get(start..at).unwrap_or("").trim();
                if !part.is_empty() {
                    expand(&prefix, part, paths);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// True if the line contains the word, and not in the middle of a longer name or path.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
    })
}

#[cfg(test)]
mod tests {
    use super::{code, has_word};

    #[test]
    fn an_import_counts_however_it_is_written() {
        let text = "// use crate::no;\npub(crate) use crate::{\n    api::Api,\n    client::{Client, Core},\n};\nuse std::{fs, io};\nlet used = 1;";
        let expected = [
            (2, "pub(crate) use crate::api::Api"),
            (2, "pub(crate) use crate::client::Client"),
            (2, "pub(crate) use crate::client::Core"),
            (6, "use std::fs"),
            (6, "use std::io"),
            (7, "let used = 1;"),
        ];
        assert_eq!(code(text), expected.map(|(number, line)| (number, line.to_owned())));
    }

    #[test]
    fn a_word_counts_where_it_begins_and_not_inside_another() {
        assert!(has_word("use web_sys::Window;", "web_sys"));
        assert!(has_word("see (/work", "/work"));
        assert!(!has_word("my_web_sys::Window", "web_sys"));
        assert!(!has_word("example.com/work", "/work"));
    }
}
