//! Messages for people in other languages than English: a table for each language, by the English message.

/// The message in another language; `None` if `find` knows no text for it. Where a message has a number, the texts on both sides have a
/// `#`: `find` is asked for `A password needs at least # characters.`
pub fn translate(message: &str, find: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let mut english = String::new();
    let mut numbers: Vec<String> = Vec::new();
    let mut is_in_number = false;
    for letter in message.chars() {
        let is_digit = letter.is_ascii_digit();
        if is_digit && !is_in_number {
            english.push('#');
            numbers.push(String::new());
        }
        match numbers.last_mut().filter(|_| is_digit) {
            Some(number) => number.push(letter),
            None => english.push(letter),
        }
        is_in_number = is_digit;
    }
    let text = find(&english)?;
    let mut translated = String::new();
    let mut numbers = numbers.iter();
    for letter in text.chars() {
        match numbers.as_slice() {
            [number, ..] if letter == '#' => {
                translated.push_str(number);
                numbers.next();
            }
            _ => translated.push(letter),
        }
    }
    Some(translated)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::translate;
    use crate::error::ErrorCode;

    fn tables() -> [(&'static str, BTreeMap<String, String>); 3] {
        let table = |json| serde_json::from_str(json).expect("a table is an object of texts");
        [
            ("de", table(include_str!("../locales/de.json"))),
            ("id", table(include_str!("../locales/id.json"))),
            ("zh", table(include_str!("../locales/zh.json"))),
        ]
    }

    #[test]
    fn every_language_has_every_error_code_and_the_same_messages_with_the_same_numbers() {
        let [(_, first), ..] = tables();
        for (language, table) in tables() {
            assert!(table.keys().eq(first.keys()), "{language}");
            for (english, text) in &table {
                assert_eq!(english.matches('#').count(), text.matches('#').count(), "{language}: {english}");
            }
            for code in ErrorCode::ALL {
                assert!(table.contains_key(code.message()), "{language}: {}", code.message());
            }
        }
    }

    #[test]
    fn every_message_of_a_rule_is_in_the_tables() {
        let [(_, table), ..] = tables();
        let rules = include_str!("rules.rs").split("#[cfg(test)]").next().unwrap_or_default();
        let mut messages = 0;
        for text in rules.split('"').skip(1).step_by(2).filter(|text| text.starts_with(char::is_uppercase)) {
            let text = text.replace("\\\\", "\\");
            let is_known = match text.strip_suffix(' ') {
                // A number follows.
                Some(_) => table.keys().any(|english| english.starts_with(&format!("{text}#"))),
                None => translate(&text, &|english| table.get(english).cloned()).is_some(),
            };
            assert!(is_known, "{text}");
            messages += 1;
        }
        assert!(messages > 20, "the messages were not found");
    }

    #[test]
    fn numbers_are_carried_over_in_their_order() {
        let german = |english: &str| {
            let text = match english {
                "Please sign in." => "Bitte melde dich an.",
                "Between # and # characters." => "Zwischen # und # Zeichen.",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(translate("Please sign in.", &german).as_deref(), Some("Bitte melde dich an."));
        assert_eq!(
            translate("Between 6 and 60 characters.", &german).as_deref(),
            Some("Zwischen 6 und 60 Zeichen.")
        );
        assert_eq!(translate("Something else.", &german), None);
    }
}
