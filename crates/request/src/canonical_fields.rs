//! The canonical form of a value. The server stores and compares values in this form, sends messages to it, and shows it
//! to hooks (D-41, D-44). A request is converted when it is read, and a hook's value when it is set.

use std::borrow::Cow;

use doorward_config::Config;
use doorward_core::canonical::{email, password};
use doorward_protocol::{ENTER_EMAIL, Field, Invalid, Rule};
use serde_json::{Map, Value};

use crate::{phones, typed_values, usernames};

/// Converts the fields of an object, which its table has accepted, into canonical form.
pub fn object(object: &mut Map<String, Value>, fields: &[Field], config: &Config) -> Result<(), Invalid> {
    for field in fields {
        match (field.rule, object.get_mut(field.name)) {
            (Rule::AnyObject, Some(Value::Object(extras))) => typed_values::respell(extras, &config.profile)?,
            (rule, Some(Value::String(text))) if !text.is_empty() => {
                let refused =
                    |message| Invalid { field: field.name.to_owned(), message: Cow::Borrowed(message) };
                if let Some(canonical) = self::text(rule, text, config).map_err(refused)? {
                    *text = canonical;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The canonical form of a text that its rule accepts; `None` if the text stays as it is. The error is a sentence for
/// the user: only the server knows all domains and phone numbers.
///
/// A password that is compared with a stored hash ([`Rule::Password`]) stays as it was typed:
/// `Hasher::verify` (crate `credentials`) may need that form.
pub fn text(rule: Rule, text: &str, config: &Config) -> Result<Option<String>, &'static str> {
    match rule {
        Rule::Email => email(text).map(Some).ok_or(ENTER_EMAIL),
        Rule::Phone => phones::canonical(text, &config.phone).map(Some),
        // An impossible username stays as it is: a sign-in does not find it, and a sign-up refuses it with the reason.
        Rule::Username => Ok(usernames::canonical(text)),
        Rule::NewPassword => Ok(Some(password(text).into_owned())),
        _ => Ok(None),
    }
}
