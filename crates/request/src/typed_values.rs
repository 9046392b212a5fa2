//! The operator's own values: user-defined data and extra profile fields, each with its declared type.

use doorward_config::Profile;
use doorward_core::typed_value;
use doorward_protocol::profile::Extras;
use doorward_protocol::{Invalid, is_same_name};
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The declared name of a field, which may be given in snake_case or camelCase (seed A88).
fn declared_name<'a>(name: &str, settings: &'a Profile) -> Option<&'a str> {
    settings.extras.keys().map(String::as_str).find(|declared| is_same_name(declared, name))
}

/// Renames extra fields to their declared names. An undeclared name stays as it is, and [`take_over`] refuses it.
pub fn respell(extras: &mut Map<String, Value>, settings: &Profile) -> Result<(), Invalid> {
    for (given, value) in std::mem::take(extras) {
        let name = declared_name(&given, settings).map_or(given, str::to_owned);
        if extras.insert(name.clone(), value).is_some() {
            return Err(Invalid { field: name, message: "This is given twice, under two names.".into() });
        }
    }
    Ok(())
}

/// Takes over the given extra fields, under their declared names; `null` clears a field.
pub fn take_over(extras: &mut Extras, given: Extras, settings: &Profile) -> Result<(), ApiError> {
    for (name, value) in given {
        let Some(declared) = settings.extras.get(&name) else {
            let said = match name.as_str() {
                "email" => "Change the address with updateEmail or bindEmail.",
                "phone_number" | "phone" => "Change the number with updatePhone or bindPhone.",
                "password" => "Change the password with updatePassword.",
                _ => "There is no such field.",
            };
            return Err(ApiError::field(name, said));
        };
        if value.is_null() {
            extras.remove(&name);
            continue;
        }
        typed_value::check(declared.kind, &value).map_err(|said| ApiError::field(name.clone(), said))?;
        extras.insert(name, value);
    }
    Ok(())
}
