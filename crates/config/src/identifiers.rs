//! Settings of the names that identify an account, and of the data that a user stores.

use std::collections::BTreeMap;

use doorward_protocol::data::ValueType;
use doorward_protocol::profile::{PROFILE, UpdateProfileRequest};
use doorward_protocol::settings::Visibility;
use doorward_protocol::signup::SignupRequest;
use doorward_protocol::{Request, field_named, is_same_name};
use serde::{Deserialize, Serialize};

use super::{Config, Explain, Explained, Layers, settings};

settings! {
    /// E-mail addresses.
    pub struct Email {
        /// Allows sign-in and sign-up with a code sent by mail.
        codes: bool = true,
        /// Changing a verified address also needs a code sent to the old address.
        verify_old: bool = true,
    }

    /// Phone numbers. They need `sms`, or --dev.
    pub struct Phone {
        /// Region of numbers without `+`, like `CN`. Empty: such numbers are refused.
        region: String = String::new(),
        /// Accepts only numbers that are valid in the numbering plan of a country. Otherwise `+` and 5 to 15 digits are enough.
        strict: bool = false,
        /// Changing a number also needs a code sent to the old number.
        verify_old: bool = true,
    }

    /// Device ids, which an app generates. Every client that knows a device id can sign in with it.
    pub struct DeviceId {
        /// Allows sign-in with a device id. On with --dev.
        enabled: bool = false,
    }

    /// User ids of another system of yours.
    pub struct CustomId {
        /// Allows sign-in with such an id and a service key of the scope `trusted`. On with --dev.
        enabled: bool = false,
        /// Allows sign-in without a service key. A client that guesses an id is then signed in. On with --dev.
        open: bool = false,
    }

    /// Sign-in methods that create an account at a user's first sign-in. A page can turn off a method that is on
    /// here, but not turn on one that is off. With `password`, the page must also request it.
    pub struct AutoRegister {
        /// With a password: creates an account with the given name and password, if the page requests it.
        password: bool = false,
        /// With a code sent by mail: creates the account.
        email_code: bool = false,
        /// With a code sent by SMS: creates the account.
        phone_code: bool = true,
        /// With a device id: creates the account.
        device: bool = true,
        /// With an id of another system: creates the account.
        custom: bool = true,
        /// With a provider: creates the account at once, without asking the user for further data.
        provider: bool = false,
    }

    /// The profile of a user.
    pub struct Profile {
        /// Allowed values of `gender`, like `["M", "F", "U"]`. Empty: any.
        genders: Vec<String> = Vec::new(),
        /// Fields of your own: `[profile.extras.NAME]` with `type` and `visibility`. Requests may spell NAME in snake_case or camelCase; answers use the declared spelling.
        extras: Declared<Extra> = Declared::default(),
    }
}

/// Declarations under names that the operator chooses.
pub type Declared<T> = BTreeMap<String, T>;

/// `[profile.extras.NAME]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// The users who can see it. Default: `owner`.
    #[serde(default)]
    pub visibility: Visibility,
}

/// `[user_data.NAME]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Datum {
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: ValueType,
}

impl<T: Serialize> Explain for Declared<T> {
    fn explain(&self, key: &str, doc: &'static str, list: &mut Vec<Explained>) {
        let value = serde_json::to_string(self).unwrap_or_default();
        list.push(Explained { key: key.to_owned(), value, doc });
    }
}

impl Config {
    /// Turns on the settings of this file that `--dev` turns on, unless they are set (D-23).
    pub(super) fn develop_identifiers(&mut self, layers: &Layers) {
        for (key, flag) in [
            ("device_id.enabled", &mut self.device_id.enabled),
            ("custom_id.enabled", &mut self.custom_id.enabled),
            ("custom_id.open", &mut self.custom_id.open),
        ] {
            *flag = *flag || layers.origin(key).is_none();
        }
    }

    /// Renames the fields in `defaults` to their declared spelling in `profile.extras`.
    pub(super) fn respell_extras(&mut self) {
        for defaults in self.defaults.values_mut() {
            for (name, value) in std::mem::take(&mut defaults.extras) {
                let declared = self.profile.extras.keys().find(|declared| is_same_name(declared, &name));
                // If a field is given in both spellings, the second keeps its name, and is reported as not declared.
                let declared = declared.filter(|declared| !defaults.extras.contains_key(*declared));
                defaults.extras.insert(declared.cloned().unwrap_or(name), value);
            }
        }
    }

    pub(super) fn identifier_errors(&self) -> Vec<(String, &'static str)> {
        let mut errors = Vec::new();
        if !self.phone.region.is_empty() && self.phone.region.parse::<phonenumber::country::Id>().is_err() {
            errors.push(("phone.region".to_owned(), "must be a region like CN, two capital letters"));
        }
        let names: Vec<&str> = self.profile.extras.keys().map(String::as_str).collect();
        for (at, name) in names.iter().enumerate() {
            if let Some(message) = extra_error(name, names.get(..at).unwrap_or_default()) {
                errors.push((format!("profile.extras.{name}"), message));
            }
        }
        for name in self.user_data.keys() {
            if name.is_empty() || name.len() > 64 || name.chars().any(|c| c.is_control() || c == '/') {
                errors.push((format!("user_data.{name}"), "a key has 1 to 64 characters and no /"));
            }
        }
        errors
    }
}

/// The reason why a field of the operator cannot have this name, if there is one.
fn extra_error(name: &str, others: &[&str]) -> Option<&'static str> {
    // A field with the name of an existing field of a request or an answer would be read as that field.
    let in_requests = [UpdateProfileRequest::FIELDS, SignupRequest::FIELDS];
    if !is_name(name) {
        Some(
            "a name consists of ASCII letters and digits, in snake_case or camelCase, and begins with a lower-case letter",
        )
    } else if field_named(PROFILE, name).is_some() {
        Some("is a built-in field of the profile: it works without a declaration")
    } else if in_requests.iter().any(|fields| field_named(fields, name).is_some())
        || ANSWER_FIELDS.iter().any(|built_in| is_same_name(built_in, name))
    {
        Some("is the name of a field that doorward uses itself: choose another")
    } else if others.iter().any(|other| is_same_name(other, name)) {
        Some("is declared twice, in snake_case and in camelCase: both spellings are accepted for each field")
    } else {
        None
    }
}

/// Fields that exist in answers but in no request.
const ANSWER_FIELDS: &[&str] = &[
    "user_id",
    "code",
    "email_verified",
    "phone_number_verified",
    "roles",
    "disabled",
    "logins_count",
    "last_login",
    "created_at",
    "updated_at",
];

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
