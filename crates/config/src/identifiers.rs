//! Settings of what accounts are known by, and of what is kept of a person.

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
        /// May an account be signed in to, and begun, with a code sent by mail?
        codes: bool = true,
        /// Must a code from the old address be given, too, when a proven address is changed for another?
        verify_old: bool = true,
    }

    /// Phone numbers. They need `sms`, or --dev.
    pub struct Phone {
        /// The region of numbers that are given without `+`, like `CN`. Empty: such numbers are refused.
        region: String = String::new(),
        /// Are only numbers taken that exist in a country's plan? Else `+` and 5 to 15 digits are enough.
        strict: bool = false,
        /// Must a code from the old number be given, too, when it is changed for another?
        verify_old: bool = true,
    }

    /// Ids that an app makes for its device. Each client that knows one can sign in with it.
    pub struct DeviceId {
        /// May they be used to sign in? On with --dev.
        enabled: bool = false,
    }

    /// Ids that another system of yours has for a person.
    pub struct CustomId {
        /// May they be used to sign in, with a service key of the scope `trusted`? On with --dev.
        enabled: bool = false,
        /// May they be used without a key? Then a client that guesses one is signed in. On with --dev.
        open: bool = false,
    }

    /// Does a first sign-in make the account? A page can only say no to what is on here, and must ask for `password`.
    pub struct AutoRegister {
        /// With a password: an account is made of what was given, where the page asks for it.
        password: bool = false,
        /// With a code sent by mail.
        email_code: bool = false,
        /// With a code sent by SMS.
        phone_code: bool = true,
        /// With the id of a device.
        device: bool = true,
        /// With an id of another system.
        custom: bool = true,
        /// With a provider: the account is made at once, without asking the person for anything else.
        provider: bool = false,
    }

    /// The profile of a person.
    pub struct Profile {
        /// The words that `gender` takes, like `["M", "F", "U"]`. Empty: any.
        genders: Vec<String> = Vec::new(),
        /// Fields of your own: `[profile.extras.NAME]` with `type` and `visibility`. A name in snake_case may be given in camelCase, and the other way round; answers have it as it is declared.
        extras: Declared<Extra> = Declared::default(),
    }
}

/// Declarations under names of the operator's own.
pub type Declared<T> = BTreeMap<String, T>;

/// `[profile.extras.NAME]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// The people who see it; default `owner`.
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
    /// Turns on the settings that are off by default and on with `--dev` (D-23).
    pub(super) fn develop_identifiers(&mut self, layers: &Layers) {
        for (key, flag) in [
            ("device_id.enabled", &mut self.device_id.enabled),
            ("custom_id.enabled", &mut self.custom_id.enabled),
            ("custom_id.open", &mut self.custom_id.open),
        ] {
            *flag = *flag || layers.origin(key).is_none();
        }
    }

    /// Gives the fields that accounts begin with the names that they are declared with.
    pub(super) fn respell_extras(&mut self) {
        for beginning in self.defaults.values_mut() {
            for (name, value) in std::mem::take(&mut beginning.extras) {
                let declared = self.profile.extras.keys().find(|declared| is_same_name(declared, &name));
                // One that is there twice keeps its name, and is reported as not declared.
                let declared = declared.filter(|declared| !beginning.extras.contains_key(*declared));
                beginning.extras.insert(declared.cloned().unwrap_or(name), value);
            }
        }
    }

    pub(super) fn identifier_errors(&self) -> Vec<(String, &'static str)> {
        let mut errors = Vec::new();
        if !self.phone.region.is_empty() && self.phone.region.parse::<phonenumber::country::Id>().is_err() {
            errors.push(("phone.region".to_owned(), "must be a region like CN, in two capital letters"));
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

/// Why a field of the operator's own cannot have this name.
fn extra_error(name: &str, others: &[&str]) -> Option<&'static str> {
    // A field that a request or an answer has already would be read as that.
    let in_requests = [UpdateProfileRequest::FIELDS, SignupRequest::FIELDS];
    if !is_name(name) {
        Some(
            "a name has letters and digits of ASCII, in snake_case or camelCase, and begins with a small letter",
        )
    } else if field_named(PROFILE, name).is_some() {
        Some("is a field of every profile: it can be given and is answered without a declaration")
    } else if in_requests.iter().any(|fields| field_named(fields, name).is_some())
        || OURS.iter().any(|ours| is_same_name(ours, name))
    {
        Some("is the name of a field that doorward uses itself: choose another")
    } else if others.iter().any(|other| is_same_name(other, name)) {
        Some("is declared twice, in snake_case and in camelCase: both spellings are accepted for each field")
    } else {
        None
    }
}

/// Fields of the answers that no request has.
const OURS: &[&str] = &[
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
