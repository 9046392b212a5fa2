//! Counts words and sentence openings that make prose hard to read: "whoever", "nobody", "What is …" as a subject.
//! It is a reminder; the goal is that each sentence is understood at first reading.
//!
//! `cargo xtask prose` prints the figures and the worst places. The check fails where a figure is higher than in
//! xtask/prose.txt; `cargo xtask prose --record` writes the file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::repo::Repo;
use crate::run::{Outcome, command, output, say, write};

/// Words without a referent.
const WORDS: [&str; 11] = [
    "whoever",
    "whomever",
    "whom",
    "whose",
    "somebody",
    "someone",
    "nobody",
    "anybody",
    "anyone",
    "whatever",
    "whichever",
];

/// First words of sentences whose subject is a clause.
const OPENINGS: [&str; 4] = ["What", "Who", "Where", "That"];

/// Up to these figures (1.0 in 1,000 words, 2 % of sentences) prose is plain. Records below them do not count.
const PLAIN: (usize, usize) = (10, 20);

/// Places that the command prints for each part.
const PLACES: usize = 5;

/// The figures of one part of the repository.
#[derive(Debug, Default)]
struct Figures {
    words: usize,
    riddles: usize,
    sentences: usize,
    openings: usize,
    places: Vec<String>,
}

impl Figures {
    /// Words without a referent, in 10,000 words.
    fn riddles(&self) -> usize {
        (self.riddles * 10_000).checked_div(self.words).unwrap_or(0)
    }

    /// Sentences with such an opening, in 1,000 sentences.
    fn openings(&self) -> usize {
        (self.openings * 1_000).checked_div(self.sentences).unwrap_or(0)
    }

    fn add(&mut self, file: &str, line: usize, sentence: &str) {
        let words = || {
            sentence
                .split_whitespace()
                .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\''))
                .filter(|word| !word.is_empty())
        };
        let riddles = words()
            .filter(|word| {
                let word = word.strip_suffix("'s").unwrap_or(word).to_ascii_lowercase();
                WORDS.contains(&word.as_str())
            })
            .count();
        let is_opening =
            words().next().is_some_and(|first| OPENINGS.contains(&first)) && !sentence.ends_with('?');
        self.words += words().count();
        self.riddles += riddles;
        self.sentences += 1;
        self.openings += usize::from(is_opening);
        if riddles > 0 || is_opening {
            self.places.push(format!("{file}:{line}: {sentence}"));
        }
    }
}

/// `cargo xtask prose`.
pub(crate) fn run(repo: &Repo, arguments: &[String]) -> Outcome {
    let parts = measure(repo)?;
    let mut record = String::new();
    for (part, figures) in &parts {
        let (riddles, openings) = (figures.riddles(), figures.openings());
        say(&format!(
            "{part:22} {:2}.{} in 1,000 words, {:2}.{} % of sentences",
            riddles / 10,
            riddles % 10,
            openings / 10,
            openings % 10
        ));
        for place in figures.places.iter().take(PLACES) {
            say(&format!("  {place}"));
        }
        let _ = writeln!(record, "{part} {riddles} {openings}");
    }
    if arguments.iter().any(|argument| argument == "--record") {
        write(&recorded(repo), &record)?;
    }
    Ok(())
}

/// Fails if a figure is higher than the recorded one.
pub(crate) fn hold(repo: &Repo) -> Outcome {
    let path = recorded(repo);
    let record = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut errors = Vec::new();
    for (part, figures) in measure(repo)? {
        let (riddles, openings) = limits(&record, &part);
        if figures.riddles() > riddles || figures.openings() > openings {
            let places = figures.places.join("\n  ");
            errors.push(format!(
                "{part}: prose is harder to read than before (see \"Plain words\" in CONTRIBUTING.md):\n  {places}"
            ));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

fn recorded(repo: &Repo) -> PathBuf {
    repo.root.join("xtask/prose.txt")
}

/// The figures that a part may have: the recorded ones, or those of plain prose.
fn limits(record: &str, part: &str) -> (usize, usize) {
    let line = record.lines().find_map(|line| line.strip_prefix(part)?.strip_prefix(' '));
    let mut figures = line.unwrap_or_default().split(' ').map(|figure| figure.parse().unwrap_or(0));
    let mut limit = |plain: usize| figures.next().unwrap_or(0).max(plain);
    (limit(PLAIN.0), limit(PLAIN.1))
}

fn measure(repo: &Repo) -> Outcome<BTreeMap<String, Figures>> {
    let mut git = command("git ls-files --cached --others --exclude-standard");
    let listed = output(git.current_dir(&repo.root))?;
    let mut parts: BTreeMap<String, Figures> = BTreeMap::new();
    for file in listed.lines() {
        let Some(prose) = prose_of(file) else { continue };
        // A file that was removed, or is not text, has no prose.
        let Ok(text) = std::fs::read_to_string(repo.root.join(file)) else { continue };
        let figures = parts.entry(part(file)).or_default();
        for (line, paragraph) in paragraphs(&text, prose) {
            for sentence in sentences(&paragraph) {
                figures.add(file, line, sentence);
            }
        }
    }
    Ok(parts)
}

/// The part of the repository that a file belongs to: `crates/store`, `server/src`, `docs`, or `.` for the root.
fn part(file: &str) -> String {
    let mut folders = file.split('/');
    match (folders.next(), folders.next(), folders.next()) {
        (Some(outer @ ("crates" | "server")), Some(inner), Some(_)) => format!("{outer}/{inner}"),
        (Some(outer), Some(_), _) => outer.to_owned(),
        _ => ".".to_owned(),
    }
}

/// The kinds of prose in a file.
#[derive(Clone, Copy)]
enum Prose {
    Markdown,
    /// After one of these marks at the beginning of a line.
    Comments(&'static [&'static str]),
}

fn prose_of(file: &str) -> Option<Prose> {
    Some(match Path::new(file).extension()?.to_str()? {
        "md" => Prose::Markdown,
        "rs" => Prose::Comments(&["///", "//!", "//"]),
        "js" | "mjs" | "ts" => Prose::Comments(&["//", "/**", "* ", "/*"]),
        "sql" => Prose::Comments(&["--"]),
        _ => return None,
    })
}

/// The paragraphs of a text, each with the number of its first line.
fn paragraphs(text: &str, prose: Prose) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let (mut is_code, mut goes_on) = (false, false);
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        let line = match prose {
            Prose::Markdown => Some(line),
            Prose::Comments(marks) => marks.iter().find_map(|mark| line.strip_prefix(mark)).map(str::trim),
        };
        let Some(line) = line else {
            (is_code, goes_on) = (false, false);
            continue;
        };
        if line.starts_with("```") {
            (is_code, goes_on) = (!is_code, false);
            continue;
        }
        let is_row = line.starts_with('|');
        let is_item = line.starts_with("- ") || line.starts_with("* ");
        if is_code || line.is_empty() || line.starts_with('#') {
            goes_on = false;
        } else if is_row {
            found.extend(line.split('|').map(|cell| (number, cell.trim().to_owned())));
            goes_on = false;
        } else if goes_on && !is_item {
            if let Some((_, paragraph)) = found.last_mut() {
                paragraph.push(' ');
                paragraph.push_str(line);
            }
        } else {
            found.push((number, line.trim_start_matches(['-', '*', ' ']).to_owned()));
            goes_on = true;
        }
    }
    for (_, paragraph) in &mut found {
        *paragraph = without_code(paragraph);
    }
    found
}

/// Replaces each piece of code in backticks by one word.
fn without_code(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part } else { "code" }).collect()
}

fn sentences(paragraph: &str) -> impl Iterator<Item = &str> {
    paragraph
        .split_inclusive([' '])
        .scan((0, 0), |(begin, end), word| {
            *end += word.len();
            let is_end = word.trim_end().ends_with(['.', '!', '?', ':', ';']);
            let sentence = if is_end || *end == paragraph.len() { paragraph.get(*begin..*end) } else { None };
            if sentence.is_some() {
                *begin = *end;
            }
            Some(sentence)
        })
        .flatten()
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Figures, Prose, limits, paragraphs, part, sentences};

    fn figures(text: &str) -> (usize, usize, usize, usize) {
        let mut figures = Figures::default();
        for (line, paragraph) in paragraphs(text, Prose::Markdown) {
            for sentence in sentences(&paragraph) {
                figures.add("a.md", line, sentence);
            }
        }
        (figures.words, figures.riddles, figures.sentences, figures.openings)
    }

    #[test]
    fn words_and_openings_are_counted_in_prose_alone() {
        assert_eq!(figures("Whoever asks waits.\nNobody's request is lost."), (7, 2, 2, 0));
        assert_eq!(
            figures("What is none is told. `Who` it is: that says the token. Who asks?"),
            (14, 0, 4, 1)
        );
        assert_eq!(figures("# Who\n\n```\nnobody\n```\n\n| a | b c |\n- one\n- two"), (5, 0, 4, 0));
    }

    #[test]
    fn comments_are_prose_and_code_is_not() {
        let source = "//! One.\nlet nobody = 1;\n/// Two\n/// lines.\nfn f() {}\n    // Three.";
        let found = paragraphs(source, Prose::Comments(&["///", "//!", "//"]));
        let expected = [(1, "One."), (3, "Two lines."), (6, "Three.")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
    }

    #[test]
    fn a_file_belongs_to_its_crate_or_folder() {
        assert_eq!(part("crates/store/src/lib.rs"), "crates/store");
        assert_eq!(part("server/tests/a.rs"), "server/tests");
        assert_eq!(part("src/methods/call.rs"), "src");
        assert_eq!(part("README.md"), ".");
    }

    #[test]
    fn a_part_that_is_not_recorded_has_to_be_plain() {
        assert_eq!(limits("docs 3 12\nsrc 30 40\n", "src"), (30, 40));
        assert_eq!(limits("docs 30 12\n", "docs"), (30, 20));
        assert_eq!(limits("docs 30 42\n", "doc"), (10, 20));
    }
}
