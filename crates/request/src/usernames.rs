//! Usernames: the one form in which they are compared, and what keeps one from being mistaken for another.

use std::borrow::Cow;

use doorward_protocol::{Given, Policy, Rule};
use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use unicode_security::confusable_detection::skeleton;
use unicode_security::restriction_level::{RestrictionLevel, RestrictionLevelDetection};
use uuid::Uuid;

const NO_ADDRESS: &str = "A username must not look like an address, a number or an id.";

/// A username that may be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    /// In canonical form.
    pub value: String,
    /// What it looks like: two names with one look cannot be told apart by eye (UTS 39 §4).
    pub look: String,
}

/// The form in which names are stored and compared: letters small, widths and compositions made alike (RFC 8265
/// §3.3). `None` when nobody can have such a name.
pub fn canonical(text: &str) -> Option<String> {
    let name = UsernameCaseMapped::enforce(text.trim()).ok()?;
    (!name.is_empty()).then(|| name.into_owned())
}

/// A name that somebody wants to have. The error is a sentence for a person.
pub fn choose(text: &str) -> Result<Username, &'static str> {
    let value = canonical(text).ok_or("A username has letters, digits and signs like - _ . only.")?;
    // Asked again: wide signs have become narrow ones, and what was no address is one now.
    Rule::Username.check(&Given::Text(Cow::Borrowed(&value)), Policy::default()).map_err(|_| NO_ADDRESS)?;
    if Uuid::try_parse(&value).is_ok() {
        return Err(NO_ADDRESS);
    }
    // Letters of several scripts that are never written together make a name that looks like another.
    if !value.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive) {
        return Err("A username cannot mix letters of these scripts.");
    }
    let look = skeleton(&value).collect::<String>().to_lowercase();
    Ok(Username { value, look })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_only_in_case_width_or_composition_are_one() {
        for (one, other) in [("Bob", "bob"), ("ｂｏｂ", "bob"), ("e\u{301}mile", "émile"), (" bob ", "bob")]
        {
            assert_eq!(canonical(one), canonical(other), "{one}");
        }
        assert_eq!(canonical("two words"), None);
        assert_eq!(canonical("zero\u{200b}width"), None);
        assert_eq!(canonical("ﬁne"), None, "a ligature is none of a name's letters");
        assert_eq!(canonical("\u{202e}bob"), None);
    }

    #[test]
    fn names_that_look_alike_have_one_look() {
        let look = |text: &str| choose(text).unwrap().look;
        for (one, other) in [("paypal", "paypa1"), ("scope", "ѕсоре"), ("bob", "b0b")] {
            assert_eq!(look(one), look(other), "{one}");
        }
        assert_ne!(look("bob"), look("rob"));
    }

    #[test]
    fn scripts_are_not_mixed_but_where_people_do() {
        for good in ["ada", "Łukasz", "Юлия", "名前とkana", "한글abc", "x_1-2.3"] {
            assert!(choose(good).is_ok(), "{good}");
        }
        for bad in
            ["pаypal", "αdmin", "аda", "ada＠example.com", "１２３", "0199aaaa-0000-7000-8000-000000000001"]
        {
            assert!(choose(bad).is_err(), "{bad}");
        }
    }
}
