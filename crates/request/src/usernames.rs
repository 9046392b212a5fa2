//! Usernames: the canonical form in which they are compared, and the rules against names that look like another name.

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
    /// The look of the name: two names with one look cannot be distinguished by eye (UTS 39 §4).
    pub look: String,
}

/// The form in which usernames are stored and compared: lower case, with normalised width and composition (RFC 8265
/// §3.3). `None` if no user can have such a name.
pub fn canonical(text: &str) -> Option<String> {
    let name = UsernameCaseMapped::enforce(text.trim()).ok()?;
    (!name.is_empty()).then(|| name.into_owned())
}

/// Checks a username that a user chooses. The error is a sentence for the user.
pub fn choose(text: &str) -> Result<Username, &'static str> {
    let value = canonical(text).ok_or("A username has letters, digits and signs like - _ . only.")?;
    // Checked again: after normalisation, wide characters may have become an address.
    Rule::Username.check(&Given::Text(Cow::Borrowed(&value)), Policy::default()).map_err(|_| NO_ADDRESS)?;
    if Uuid::try_parse(&value).is_ok() {
        return Err(NO_ADDRESS);
    }
    // Letters of scripts that are never written together can make a name look like another name.
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
        assert_eq!(canonical("ﬁne"), None, "a ligature is not a letter of a name");
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
    fn only_scripts_that_are_written_together_are_mixed() {
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
