//! Ids that files cite must be defined: decisions (`D-1`) in docs/decisions.md, requirements (`SECURITY T08`, `sec_t08_…`) in
//! docs/requirements.md, and lines of the seed systems (`seed K21`, `seed_k21_…`) in docs/coverage.md.

use std::collections::HashSet;
use std::path::Path;

use crate::repo::Repo;
use crate::run::{Outcome, command, output};

/// The kinds of files that cite ids.
const ENDINGS: [&str; 10] = ["css", "html", "js", "jinja", "md", "mjs", "py", "rs", "sql", "toml"];

/// The folder of a file name without a path in docs/requirements.md.
const TESTS: &str = "server/tests/";

/// The page that defines an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Page {
    Decisions,
    Requirements,
    Coverage,
}

impl Page {
    const fn path(self) -> &'static str {
        match self {
            Page::Decisions => "docs/decisions.md",
            Page::Requirements => "docs/requirements.md",
            Page::Coverage => "docs/coverage.md",
        }
    }
}

/// An id: its page, its letter in upper case, and its number. `T8` and `T08` are the same.
type Id = (Page, char, u32);

/// Checks all files in git (new ones included); an error lists every id without a definition, with file and line.
pub(crate) fn hold(repo: &Repo) -> Outcome {
    let mut git = command("git ls-files --cached --others --exclude-standard");
    let listed = output(git.current_dir(&repo.root))?;
    let files: Vec<&str> = listed.lines().filter(|file| repo.root.join(file).is_file()).collect();
    let read = |page: Page| {
        let text = std::fs::read_to_string(repo.root.join(page.path()));
        text.map_err(|error| format!("{}: {error}", page.path()))
    };
    let requirements = read(Page::Requirements)?;
    let mut defined: HashSet<Id> = rows(Page::Requirements, &requirements).collect();
    defined.extend(rows(Page::Coverage, &read(Page::Coverage)?));
    defined.extend(sections(&read(Page::Decisions)?));
    let mut undefined = missing_files(&requirements, &files);
    for file in files.iter().filter(|file| ENDINGS.contains(&ending(file))) {
        // A file that is not text contains no citations.
        let text = std::fs::read_to_string(repo.root.join(file)).unwrap_or_default();
        for (line, (page, letter, number)) in cited(&text) {
            if !defined.contains(&(page, letter, number)) {
                let hyphen = if page == Page::Decisions { "-" } else { "" };
                undefined
                    .push(format!("{file}:{line}: {} does not define {letter}{hyphen}{number}", page.path()));
            }
        }
    }
    if undefined.is_empty() { Ok(()) } else { Err(undefined.join("\n")) }
}

fn ending(file: &str) -> &str {
    Path::new(file).extension().and_then(|ending| ending.to_str()).unwrap_or_default()
}

/// The ids of the tables of a page: rows begin with `| T08 |`.
fn rows(page: Page, text: &str) -> impl Iterator<Item = Id> {
    text.lines().filter_map(move |line| {
        let (letter, number) = id(line.strip_prefix("| ")?.split_once(" |")?.0)?;
        Some((page, letter, number))
    })
}

/// The decisions of docs/decisions.md: headings begin with `### D-1 `.
fn sections(text: &str) -> impl Iterator<Item = Id> {
    text.lines().filter_map(|line| {
        let (number, _) = line.strip_prefix("### D-")?.split_once(' ')?;
        Some((Page::Decisions, 'D', number.parse().ok()?))
    })
}

/// Files that docs/requirements.md names and git does not have.
fn missing_files(requirements: &str, files: &[&str]) -> Vec<String> {
    let mut missing = Vec::new();
    for (number, line) in (1..).zip(requirements.lines()) {
        for name in line.split('`').skip(1).step_by(2).filter(|name| matches!(ending(name), "rs" | "mjs")) {
            let path = if name.contains('/') { name.to_owned() } else { format!("{TESTS}{name}") };
            if !files.contains(&path.as_str()) {
                missing.push(format!("{}:{number}: there is no {path}", Page::Requirements.path()));
            }
        }
    }
    missing
}

/// The ids that a text cites, with the numbers of their lines.
fn cited(text: &str) -> Vec<(usize, Id)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut add = |page: Page, (letter, id): (char, u32)| found.push((number, (page, letter, id)));
        for rest in after(line, "D-") {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let goes_on = rest.get(end..).is_some_and(|more| more.starts_with(is_of_word));
            if let Some(Ok(decision)) = rest.get(..end).filter(|_| !goes_on).map(str::parse) {
                add(Page::Decisions, ('D', decision));
            }
        }
        for (prefix, page) in [("sec_", Page::Requirements), ("seed_", Page::Coverage)] {
            after(line, prefix).for_each(|rest| of_name(page, rest, &mut add));
        }
        for (word, page) in [
            ("SECURITY ", Page::Requirements),
            ("seed ", Page::Coverage),
            ("seeds ", Page::Coverage),
            ("Seed ", Page::Coverage),
            ("Seeds ", Page::Coverage),
        ] {
            after(line, word).for_each(|rest| of_list(page, rest, &mut add));
        }
    }
    found
}

/// The texts after a prefix, at each place where the prefix begins a word.
fn after<'l>(line: &'l str, prefix: &'static str) -> impl Iterator<Item = &'l str> {
    line.match_indices(prefix).filter_map(move |(at, _)| {
        let (before, rest) = line.split_at_checked(at)?;
        if before.ends_with(|c| is_of_word(c) || c == '-') { None } else { rest.strip_prefix(prefix) }
    })
}

/// The ids of a test's name: `seed_a56_to_a60_…`, `seed_k35_sec_r01_…`. A prefix of several ids, like `sec_c0`, is not an id.
fn of_name(first: Page, rest: &str, add: &mut impl FnMut(Page, (char, u32))) {
    let mut page = first;
    let name = rest.find(|c| !is_of_word(c)).and_then(|end| rest.get(..end)).unwrap_or(rest);
    for part in name.split('_') {
        match (part, id(part)) {
            (_, Some(id)) => add(page, id),
            ("sec", _) => page = Page::Requirements,
            ("seed", _) => page = Page::Coverage,
            ("to", _) => {}
            _ => return,
        }
    }
}

/// The ids of a list in a sentence: `T08`, `A08, A17 and A23`, `S13-S15`, `A56 to A60`.
fn of_list(page: Page, mut rest: &str, add: &mut impl FnMut(Page, (char, u32))) {
    loop {
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let Some((word, more)) = rest.split_at_checked(end) else { return };
        let Some(id) = id(word) else { return };
        add(page, id);
        let next =
            [", ", " to ", " and ", " or ", "-", "–"].iter().find_map(|comma| more.strip_prefix(comma));
        let Some(next) = next else { return };
        rest = next;
    }
}

/// A letter and one or two digits.
fn id(text: &str) -> Option<(char, u32)> {
    let mut characters = text.chars();
    let letter = characters.next().filter(char::is_ascii_alphabetic)?;
    let digits = characters.as_str();
    let is_number = (1..=2).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|number| is_number && *number > 0)?;
    Some((letter.to_ascii_uppercase(), number))
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::{Page, cited, id, missing_files, rows, sections};

    fn ids(line: &str) -> Vec<String> {
        let name = |page: Page| match page {
            Page::Decisions => "decision",
            Page::Requirements => "requirement",
            Page::Coverage => "seed",
        };
        cited(line)
            .into_iter()
            .map(|(_, (page, letter, id))| format!("{} {letter}{id}", name(page)))
            .collect()
    }

    #[test]
    fn decisions_are_cited_with_a_hyphen() {
        assert_eq!(
            ids("/// The rules (D-1, D-22); as in D-3."),
            ["decision D1", "decision D22", "decision D3"]
        );
        assert_eq!(ids("ED-25 and RD-1x and D-1x and AD-D-1 and D-"), [""; 0]);
    }

    #[test]
    fn a_name_of_a_test_has_one_id_or_several() {
        assert_eq!(ids("fn sec_t08_reuse() {"), ["requirement T8"]);
        assert_eq!(ids("fn seed_k35_sec_r01_alike() {"), ["seed K35", "requirement R1"]);
        assert_eq!(
            ids("test(\"seed_A38_seed_A61_to_seed_A88_a profile"),
            ["seed A38", "seed A61", "seed A88"]
        );
        assert_eq!(
            ids("`sec_D02 sec_D03 ${name}`; \"sec_S1: {x}\""),
            ["requirement D2", "requirement D3", "requirement S1"]
        );
        assert_eq!(ids("(\"code_scene::sec_c0\", seed_the_database, insec_t01, sec_t100)"), [""; 0]);
    }

    #[test]
    fn a_sentence_cites_after_a_word() {
        assert_eq!(ids("(SECURITY C08, S15; seed K40)"), ["requirement C8", "requirement S15", "seed K40"]);
        assert_eq!(
            ids("SECURITY S13-S15; seeds A56 to A60."),
            ["requirement S13", "requirement S15", "seed A56", "seed A60"]
        );
        assert_eq!(ids("see SECURITY.md, seed 003's words, a seed of T08"), [""; 0]);
    }

    #[test]
    fn tables_and_headings_define() {
        let table =
            "| id | requirement |\n| --- | --- |\n| T08 | reuse ends |\n| S5 | restart |\ntext | T09 |";
        let defined: Vec<_> = rows(Page::Requirements, table).collect();
        assert_eq!(defined, [(Page::Requirements, 'T', 8), (Page::Requirements, 'S', 5)]);
        let headings: Vec<_> = sections("# D-1 x\n### D-5 Single use\n### Other").collect();
        assert_eq!(headings, [(Page::Decisions, 'D', 5)]);
        assert_eq!((id("T8"), id("t08"), id("C0"), id("8")), (Some(('T', 8)), Some(('T', 8)), None, None));
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        let page = "| T08 | `typ` | `session_bound.rs`, `tests/web/gone.rs`, `no.toml` |";
        let missing = missing_files(page, &["server/tests/session_bound.rs"]);
        assert_eq!(missing, ["docs/requirements.md:1: there is no tests/web/gone.rs"]);
    }
}
