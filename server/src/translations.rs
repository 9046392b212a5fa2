//! The messages of errors in the language of the request (`Accept-Language`), where there is a table for it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use doorward_protocol::error::Problem;

/// Messages by their English text. A `#` represents each number.
type Table = BTreeMap<String, String>;

macro_rules! table {
    ($language:literal) => {
        ($language, include_str!(concat!("../../protocol/locales/", $language, ".json")))
    };
}

/// The tables in `protocol/locales`, by language. The SDK has the same ones (`js/instance.js`).
static TABLES: LazyLock<BTreeMap<&str, Table>> = LazyLock::new(|| {
    [table!("de"), table!("id"), table!("zh")]
        .into_iter()
        .map(|(language, json)| (language, serde_json::from_str(json).unwrap_or_default()))
        .collect()
});

/// Translates the texts of an error into the language of a tag like `de-CH`, and returns that language. Returns `None` if
/// doorward has no table of the language. A text that the table lacks, like an operator's own, stays as it is.
pub fn localize(problem: &mut Problem, tag: &str) -> Option<&'static str> {
    let language = tag.split('-').next()?.to_ascii_lowercase();
    let (language, table) = TABLES.get_key_value(&*language)?;
    if let Some(title) = translate(&problem.title, table) {
        problem.title = title;
    }
    if let Some(detail) = problem.detail.as_deref().and_then(|detail| translate(detail, table)) {
        problem.detail = Some(detail);
    }
    Some(language)
}

/// The translation of a message, with the numbers of the message. `None` if the table does not have it.
fn translate(message: &str, table: &Table) -> Option<String> {
    let numbers = || message.split(|c: char| !c.is_ascii_digit()).filter(|number| !number.is_empty());
    let english = numbers().fold(message.to_owned(), |text, number| text.replacen(number, "#", 1));
    let translated = table.get(&english)?;
    Some(numbers().fold(translated.clone(), |text, number| text.replacen('#', number, 1)))
}

#[cfg(test)]
mod tests {
    use doorward_protocol::error::ErrorCode;

    use super::*;

    #[test]
    fn numbers_are_carried_over_in_their_order() {
        let german =
            [("Please sign in.", "Bitte melden Sie sich an."), ("Between # and #.", "Zwischen # und #.")];
        let german = german.map(|(english, text)| (english.to_owned(), text.to_owned())).into();
        let translated = |message| translate(message, &german);
        assert_eq!(translated("Please sign in.").as_deref(), Some("Bitte melden Sie sich an."));
        assert_eq!(translated("Between 6 and 16.").as_deref(), Some("Zwischen 6 und 16."));
        assert_eq!(translated("Between 16 and 6.").as_deref(), Some("Zwischen 16 und 6."));
        assert_eq!(translated("Something else."), None);
    }

    #[test]
    fn every_language_has_every_error_code_and_the_same_messages_with_the_same_numbers() {
        assert_eq!(TABLES.len(), 3);
        let first = &TABLES["de"];
        for (language, table) in &*TABLES {
            assert!(table.keys().eq(first.keys()), "{language}");
            for (english, text) in table {
                assert_eq!(english.matches('#').count(), text.matches('#').count(), "{language}: {english}");
            }
            for code in ErrorCode::ALL {
                assert!(table.contains_key(code.message()), "{language}: {}", code.message());
            }
        }
    }

    #[test]
    fn every_message_of_a_rule_is_in_the_tables() {
        let table = &TABLES["de"];
        let rules = include_str!("../../protocol/src/rules.rs").split("#[cfg(test)]").next().unwrap();
        let mut messages = 0;
        for text in rules.split('"').skip(1).step_by(2).filter(|text| text.starts_with(char::is_uppercase)) {
            let text = text.replace("\\\\", "\\");
            let is_known = match text.strip_suffix(' ') {
                // A number follows.
                Some(_) => table.keys().any(|english| english.starts_with(&format!("{text}#"))),
                None => translate(&text, table).is_some(),
            };
            assert!(is_known, "{text}");
            messages += 1;
        }
        assert!(messages > 20, "the messages were not found");
    }
}
