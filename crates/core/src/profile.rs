//! Rules for profiles that only the server checks, in addition to those of the protocol.

use std::borrow::Cow;

use doorward_protocol::Invalid;
use doorward_protocol::profile::ProfileFields;

/// Checks gender, time zone and locale. `genders` are the values of `profile.genders`; empty allows any.
pub fn check(fields: &ProfileFields, genders: &[String]) -> Result<(), Invalid> {
    let wrong = |text: &Option<String>, good: &dyn Fn(&str) -> bool| {
        text.as_ref().is_some_and(|text| !text.is_empty() && !good(text))
    };
    if wrong(&fields.gender, &|text| genders.is_empty() || genders.iter().any(|one| one == text)) {
        return Err(refused("gender", format!("This must be one of {}.", genders.join(", ")).into()));
    }
    if wrong(&fields.zoneinfo, &|text| jiff::tz::TimeZone::get(text).is_ok()) {
        return Err(refused("zoneinfo", "Enter a time zone like Europe/Paris.".into()));
    }
    if wrong(&fields.locale, &is_language_tag) {
        return Err(refused("locale", "Enter a language tag like de or zh-Hans-CN.".into()));
    }
    Ok(())
}

fn refused(field: &str, message: Cow<'static, str>) -> Invalid {
    Invalid { field: field.to_owned(), message }
}

/// True for the syntax of a BCP 47 tag (RFC 5646 §2.1). Also accepts `_` instead of `-`, which some platforms use.
fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split(['-', '_']);
    let first = parts.next().unwrap_or("");
    (2..=8).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
