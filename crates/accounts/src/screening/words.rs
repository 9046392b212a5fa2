//! A sorted list of words, searched by bisection. The words stay in one text, one per line, which needs less
//! memory than a list of strings.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use doorward_core::canonical;

/// The built-in list. `crates/accounts/data/README.md` names its source.
const COMMON: &str = include_str!("../../data/common_passwords.txt");

/// Sorted words in lower case.
pub(super) struct Words(Cow<'static, str>);

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words")
    }
}

impl Words {
    /// The built-in list.
    pub(super) fn common() -> Words {
        Words(Cow::Borrowed(COMMON))
    }

    /// Reads the operator's own list, one word per line.
    pub(super) fn read(path: &Path) -> Result<Words, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let words: BTreeSet<String> =
            text.lines().map(str::trim).filter(|word| !word.is_empty()).map(folded).collect();
        let mut sorted = String::with_capacity(text.len());
        for word in words {
            sorted.push_str(&word);
            sorted.push('\n');
        }
        Ok(Words(Cow::Owned(sorted)))
    }

    /// True if the whole password is on the list. Ignores case.
    pub(super) fn have(&self, password: &str) -> bool {
        let word = folded(password);
        let mut rest: &str = &self.0;
        while !rest.is_empty() {
            let (before, after) = rest.as_bytes().split_at(rest.len() / 2);
            // The line that contains the middle.
            let begin = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let end = after.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| before.len() + at);
            let line = rest.get(begin..end).unwrap_or_default();
            rest = match word.as_str().cmp(line) {
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Less => rest.get(..begin).unwrap_or_default(),
                std::cmp::Ordering::Greater => rest.get(end + 1..).unwrap_or_default(),
            };
        }
        false
    }
}

/// The canonical form of a password, in lower case.
fn folded(word: &str) -> String {
    canonical::folded(&canonical::password(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_p02_every_word_of_the_built_in_list_is_found_and_no_other() {
        let words = Words::common();
        let lines: Vec<&str> = COMMON.lines().collect();
        assert!(lines.is_sorted() && lines.len() == 20_000);
        assert!(lines.iter().all(|word| word.chars().count() >= 6 && *word == word.to_lowercase()));
        assert!(lines.iter().filter(|word| word.len() >= 8).count() >= 3_000, "also for a longer minimum");
        for word in &lines {
            assert!(words.have(word) && words.have(&word.to_uppercase()), "{word}");
            assert!(!words.have(&format!("{word}\u{1}")), "{word}");
        }
        for other in ["", "\n", "123456\n", "correct horse", "zzzzzzzzzzzz", "!"] {
            assert!(!words.have(other), "{other}");
        }
    }

    #[test]
    fn an_operators_own_list_need_not_be_sorted() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "Zebra\n\n  acme2026\r\nÄpfel und Birnen").unwrap();
        let words = Words::read(file.path()).unwrap();
        for word in ["zebra", "ACME2026", "äpfel und birnen"] {
            assert!(words.have(word), "{word}");
        }
        assert!(!words.have("acme") && !words.have(""));
        assert!(Words::read("/nowhere/at/all".as_ref()).is_err());
    }
}
