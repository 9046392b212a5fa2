//! Settings of what accounts are known by, and of what is kept of a person.

use std::collections::BTreeMap;

use doorward_protocol::Request;
use doorward_protocol::data::ValueType;
use doorward_protocol::field_named;
use doorward_protocol::profile::{PROFILE, UpdateProfileRequest};
use doorward_protocol::settings::Visibility;
use doorward_protocol::signup::SignupRequest;
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

    /// Ids that an app makes for its device. Whoever knows one is signed in by it.
    pub struct DeviceId {
        /// May they be used to sign in? On with --dev.
        enabled: bool = false,
    }

    /// Ids that another system of yours has for a person.
    pub struct CustomId {
        /// May they be used to sign in, with a service key of the scope `trusted`? On with --dev.
        enabled: bool = false,
        /// May they be used without a key? Then whoever guesses one is signed in. On with --dev.
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

    /// What a person says of themself.
    pub struct Profile {
        /// The words that `gender` takes, like `["M", "F", "U"]`. Empty: any.
        genders: Vec<String> = Vec::new(),
        /// Fields of your own: `[profile.extras.NAME]` with `type` and `visibility`.
        extras: Declared<Extra> = Declared::default(),
    }
}

/// What is declared under names of the operator's own.
pub type Declared<T> = BTreeMap<String, T>;

/// `[profile.extras.NAME]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Extra {
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: ValueType,
    /// Who sees it; default `owner`.
    #[serde(default)]
    pub visibility: Visibility,
}

/// `[user_data.NAME]`
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Datum {
    /// What it takes.
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
    /// What `--dev` turns on that is off by default (D-23).
    pub(super) fn develop_identifiers(&mut self, layers: &Layers) {
        for (key, flag) in [
            ("device_id.enabled", &mut self.device_id.enabled),
            ("custom_id.enabled", &mut self.custom_id.enabled),
            ("custom_id.open", &mut self.custom_id.open),
        ] {
            *flag = *flag || layers.origin(key).is_none();
        }
    }

    pub(super) fn identifier_errors(&self) -> Vec<(String, &'static str)> {
        let mut errors = Vec::new();
        if !self.phone.region.is_empty() && self.phone.region.parse::<phonenumber::country::Id>().is_err() {
            errors.push(("phone.region".to_owned(), "must be a region like CN, in two capital letters"));
        }
        for name in self.profile.extras.keys() {
            if !is_name(name) {
                errors.push((
                    format!("profile.extras.{name}"),
                    "a name has small letters, digits and _, and begins with a letter",
                ));
            }
            // One that a request or an answer has already would be read as that.
            let taken = [PROFILE, UpdateProfileRequest::FIELDS, SignupRequest::FIELDS];
            if taken.iter().any(|fields| field_named(fields, name).is_some()) || OURS.contains(&name.as_str())
            {
                errors.push((format!("profile.extras.{name}"), "is a field of doorward's own"));
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

/// Fields of the answers that nobody gives.
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
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}
