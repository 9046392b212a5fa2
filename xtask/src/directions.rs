//! Which part may know which, and what no file may hold. docs/architecture.md gives the reasons.
//!
//! The rules read text, not syntax: they are a fence where people walk, not a proof. A line that has to cross one
//! belongs somewhere else.

use std::path::Path;

use crate::repo::Repo;
use crate::run::{Outcome, command, output};

/// Lines of Rust files below `place` (and not below `except`) must not have one of `words`.
struct Rule {
    place: &'static str,
    except: &'static str,
    words: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        place: "protocol/src/",
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
        place: "src/",
        except: "src/browser/",
        words: &["web_sys", "js_sys", "gloo_"],
        why: "only src/browser/ names a browser API, so that the rest runs in plain `cargo test`",
    },
    Rule {
        place: "src/browser/",
        except: "",
        words: &["crate::api", "crate::session", "crate::methods", "crate::client"],
        why: "client → methods → session → api → browser",
    },
    Rule {
        place: "src/api",
        except: "",
        words: &["crate::session", "crate::methods", "crate::client"],
        why: "client → methods → session → api → browser",
    },
    Rule {
        place: "src/session",
        except: "",
        words: &["crate::methods", "crate::client"],
        why: "client → methods → session → api → browser",
    },
    Rule {
        place: "src/methods/",
        except: "",
        words: &["crate::client"],
        why: "client → methods → session → api → browser",
    },
    Rule {
        place: "server/src/",
        except: "server/src/store/",
        words: &["sqlx", "\"select ", "\"insert into ", "\"update ", "\"delete from "],
        why: "SQL is written in server/src/store/ alone",
    },
    Rule {
        place: "server/src/store/",
        except: "",
        words: &["axum", "crate::routes", "crate::methods", "crate::sessions", "crate::limits"],
        why: "routes, methods → sessions, passwords, limits → store",
    },
    Rule {
        place: "server/src/sessions",
        except: "",
        words: &["crate::routes", "crate::methods"],
        why: "routes, methods → sessions, passwords, limits → store",
    },
    Rule {
        place: "server/src/passwords",
        except: "",
        words: &["crate::routes", "crate::methods", "crate::sessions"],
        why: "routes, methods → sessions, passwords, limits → store",
    },
    Rule {
        place: "server/src/methods/",
        except: "",
        words: &["crate::tokens"],
        why: "a method proves who someone is; only sessions issues tokens",
    },
];

/// What no file in git may hold. Written in halves, so that this file may hold it.
const FORBIDDEN: &[(&str, &str, &str)] = &[
    ("/work", "/", "a path of the machine it was written on"),
    ("/tmp", "/wt/", "a path of the machine it was written on"),
    ("/root", "/", "a path of the machine it was written on"),
    ("\"resolved\"", ": \"http", "a download address; .npmrc has omit-lockfile-registry-resolved"),
    ("registry.npmjs", ".org", "a registry's host"),
    ("static.crates", ".io", "a registry's host"),
    ("TO", "DO", "open work belongs into an issue"),
    ("FIX", "ME", "open work belongs into an issue"),
    ("BEGIN PRIVATE", " KEY", "a secret"),
];

/// All rules over all files in git (new ones included); an error lists every line that breaks one.
pub(crate) fn hold(repo: &Repo) -> Outcome {
    let mut git = command("git ls-files --cached --others --exclude-standard");
    let files = output(git.current_dir(&repo.root))?;
    let broken: Vec<String> = files.lines().flat_map(|file| broken_in(&repo.root, file)).collect();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) }
}

fn broken_in(root: &Path, file: &str) -> Vec<String> {
    // Pictures and files that are deleted and not yet committed have no lines to look at.
    let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
    let mut broken = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut report = |what: &str, why: &str| broken.push(format!("{file}:{number}: `{what}`: {why}"));
        for rule in RULES.iter().filter(|rule| rule.holds_in(file)) {
            if let Some(word) = rule.words.iter().find(|word| is_code(line) && has_word(line, word)) {
                report(word, rule.why);
            }
        }
        for (head, tail, why) in FORBIDDEN {
            if has_word(line, &format!("{head}{tail}")) {
                report(&format!("{head}{tail}"), why);
            }
        }
    }
    broken
}

impl Rule {
    fn holds_in(&self, file: &str) -> bool {
        file.ends_with(".rs")
            && file.starts_with(self.place)
            && (self.except.is_empty() || !file.starts_with(self.except))
    }
}

fn is_code(line: &str) -> bool {
    !line.trim_start().starts_with("//")
}

/// The word is there, and does not begin in the middle of a longer name or path.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-'))
    })
}

#[cfg(test)]
mod tests {
    use super::has_word;

    #[test]
    fn a_word_counts_where_it_begins_and_not_inside_another() {
        assert!(has_word("use web_sys::Window;", "web_sys"));
        assert!(has_word("see (/work", "/work"));
        assert!(!has_word("my_web_sys::Window", "web_sys"));
        assert!(!has_word("example.com/work", "/work"));
    }
}
