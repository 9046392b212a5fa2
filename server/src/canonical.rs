//! The canonical form of a value: what is stored and compared, what messages are sent to, and what hooks see (D-41).
//! A request is brought into it when it is read, and what a hook sets when it is set.

use std::borrow::Cow;

use doorward_protocol::{Field, Invalid, Rule, canonical_email};
use serde_json::{Map, Value};

use crate::config::Phone;
use crate::{phones, usernames};

/// Brings the fields of an object that passed its table into canonical form.
pub fn object(object: &mut Map<String, Value>, fields: &[Field], phone: &Phone) -> Result<(), Invalid> {
    for field in fields {
        let Some(Value::String(text)) = object.get_mut(field.name) else { continue };
        if text.is_empty() {
            continue;
        }
        let refused = |message| Invalid { field: field.name.to_owned(), message: Cow::Borrowed(message) };
        if let Some(canonical) = self::text(field.rule, text, phone).map_err(refused)? {
            *text = canonical;
        }
    }
    Ok(())
}

/// The canonical form of a text that its rule accepts; none where that is the text itself. The error is a sentence for
/// a person: only the server knows which phone numbers there are.
pub fn text(rule: Rule, text: &str, phone: &Phone) -> Result<Option<String>, &'static str> {
    match rule {
        Rule::Email => Ok(canonical_email(text)),
        Rule::Phone => phones::canonical(text, phone).map(Some),
        // An impossible name stays as it is: a sign-in does not find it, a signup refuses it with the reason.
        Rule::Username => Ok(usernames::canonical(text)),
        _ => Ok(None),
    }
}
