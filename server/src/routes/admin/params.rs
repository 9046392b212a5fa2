//! Query parameters: only names that the call knows, each at most once.

use std::collections::BTreeMap;

use axum::http::Uri;
use doorward_request::error::ApiError;
use url::form_urlencoded;

/// The default number of rows in an answer.
const USUAL: u32 = 50;
/// The maximum number of rows in an answer.
const MOST: u32 = 500;
/// The maximum length of a value in characters.
const LONGEST: usize = 512;

#[derive(Debug)]
pub(super) struct Params(BTreeMap<&'static str, String>);

impl Params {
    /// Reads the known parameters. An unknown parameter is rejected by name.
    pub(super) fn read(uri: &Uri, known: &[&'static str]) -> Result<Params, ApiError> {
        let mut params = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let Some(known) = known.iter().find(|known| **known == name) else {
                let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(ApiError::field(shown, "There is no such field."));
            };
            if value.chars().any(char::is_control) || value.chars().count() > LONGEST {
                return Err(ApiError::field(*known, "This must be one line of at most 512 characters."));
            }
            if params.insert(*known, value.into_owned()).is_some() {
                return Err(ApiError::field(*known, "This is given twice."));
            }
        }
        Ok(Params(params))
    }

    /// The value of a parameter. `None` if it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The requested number of rows.
    pub(super) fn limit(&self) -> Result<u32, ApiError> {
        let Some(text) = self.get("limit") else { return Ok(USUAL) };
        let limit = text.parse().ok().filter(|limit| (1..=MOST).contains(limit));
        limit.ok_or_else(|| ApiError::field("limit", "This must be a number from 1 to 500."))
    }

    /// The name of a list with its filters, in one spelling. A cursor is valid for this list only.
    pub(super) fn list(&self, name: &str) -> String {
        let mut list = form_urlencoded::Serializer::new(format!("{name}?"));
        list.extend_pairs(self.0.iter().filter(|(name, _)| !matches!(**name, "cursor" | "limit")));
        list.finish()
    }
}
