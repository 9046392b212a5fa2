//! The messages of errors in the language of the person: what `Accept-Language` says, where there is a table for it.

use std::collections::HashMap;
use std::sync::LazyLock;

use doorward_protocol::error::Problem;
use doorward_protocol::translate;

type Table = HashMap<String, String>;

macro_rules! table {
    ($language:literal) => {
        ($language, include_str!(concat!("../../protocol/locales/", $language, ".json")))
    };
}

/// The tables in `protocol/locales`, by language.
static TABLES: LazyLock<HashMap<&str, Table>> = LazyLock::new(|| {
    [table!("de"), table!("id"), table!("zh")]
        .into_iter()
        .map(|(language, json)| (language, serde_json::from_str(json).unwrap_or_default()))
        .collect()
});

/// Puts the texts of an error into the language of a tag like `de-CH`. Returns the language if there is one; what has no translation, like a
/// text of the operator's own, stays as it is.
pub fn localize(problem: &mut Problem, tag: &str) -> Option<&'static str> {
    let language = tag.split('-').next()?.to_ascii_lowercase();
    let (language, table) = TABLES.get_key_value(&*language)?;
    let in_language = |text: &str| translate(text, &|english| table.get(english).cloned());
    if let Some(title) = in_language(&problem.title) {
        problem.title = title;
    }
    if let Some(detail) = problem.detail.as_deref().and_then(in_language) {
        problem.detail = Some(detail);
    }
    Some(language)
}
