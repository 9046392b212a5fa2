//! Converts the claims of a provider into the fields of a profile.

use doorward_config::Profile;
use doorward_core::profile;
use doorward_protocol::profile::{PROFILE, ProfileFields};
use doorward_protocol::{Given, Policy};
use serde_json::{Map, Value};

use crate::openid::id_token::IdClaims;
use crate::outcome::Person;

/// Claims with a profile field of the same name (OpenID Connect Core §5.1).
const CLAIMS: [&str; 13] = [
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "picture",
    "profile",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
];

/// The fields of the profile. A claim that breaks the rules for its field is left out, because the user could
/// not correct it.
fn fields(claims: &IdClaims, settings: &Profile) -> ProfileFields {
    let mut fields = Map::new();
    for name in CLAIMS {
        let text = claims.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let Some(text) = text else { continue };
        let field = PROFILE.iter().find(|field| field.name == name);
        let passes =
            field.is_some_and(|field| field.rule.check(&Given::Text(text.into()), Policy::default()).is_ok());
        let alone: Map<String, Value> = [(name.to_owned(), text.into())].into_iter().collect();
        let fits = |alone: Map<String, Value>| {
            let alone = serde_json::from_value::<ProfileFields>(Value::Object(alone));
            alone.is_ok_and(|alone| profile::check(&alone, &settings.genders).is_ok())
        };
        if passes && fits(alone) {
            fields.insert(name.to_owned(), text.into());
        }
    }
    serde_json::from_value(Value::Object(fields)).unwrap_or_default()
}

impl Person {
    /// The user with this id at an issuer, with the claims that fit into a profile. Without an e-mail address.
    pub(super) fn of(issuer: &str, subject: &str, claims: &IdClaims, settings: &Profile) -> Person {
        let profile = fields(claims, settings);
        Person {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            email: None,
            vouched: false,
            name: profile.name.clone(),
            profile,
        }
    }
}

/// Claims under the names of OpenID Connect, for providers with other names. Values that are not texts are left
/// out.
pub(super) fn claims<'a>(texts: impl IntoIterator<Item = (&'a str, &'a Value)>) -> IdClaims {
    let texts = texts.into_iter().filter(|(_, value)| value.is_string());
    texts.map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

/// True for `true`, also as text (Apple) or as a number (Microsoft).
pub(super) fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true" || text == "1",
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sec_h04_only_claims_that_pass_the_rules_of_a_profile_become_one() {
        let claims = json!({
            "name": " Ada Lovelace ", "given_name": "Ada\u{0}", "family_name": 7, "nickname": "",
            "picture": "javascript:alert(1)", "website": "https://ada.example", "locale": "not a tag",
            "zoneinfo": "Europe/London", "birthdate": "1815-13-40", "gender": "f", "email_public": true,
        });
        let fields = fields(claims.as_object().unwrap(), &Profile::default());
        let expected = json!({
            "name": "Ada Lovelace", "website": "https://ada.example", "zoneinfo": "Europe/London", "gender": "f",
        });
        assert_eq!(serde_json::to_value(&fields).unwrap(), expected);
    }
}
