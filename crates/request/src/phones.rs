//! Phone numbers: converts the spellings that users enter into the one form that is stored and compared.

use std::borrow::Cow;

use doorward_config::Phone;
use doorward_protocol::{ENTER_PHONE, bare_phone};
use phonenumber::{Mode, country};

/// A number in E.164: `+`, country code, number. A number without `+` belongs to the region in the settings. Zeros
/// between `+` and the country code are removed: no code begins with a zero, and gateways remove them, too. The error
/// is a sentence for the user.
pub fn canonical(text: &str, settings: &Phone) -> Result<String, &'static str> {
    let bare = bare_phone(text).ok_or(ENTER_PHONE)?;
    let international = bare.starts_with('+');
    let region = match (international, settings.region.parse::<country::Id>()) {
        (true, _) => None,
        (false, Ok(region)) => Some(region),
        (false, Err(_)) => return Err(ENTER_PHONE),
    };
    let dialled = match bare.strip_prefix('+') {
        Some(digits) => Cow::Owned(format!("+{}", digits.trim_start_matches('0'))),
        None => Cow::Borrowed(&*bare),
    };
    match phonenumber::parse(region, dialled).ok().filter(phonenumber::is_valid) {
        Some(number) => Ok(number.format().mode(Mode::E164).to_string()),
        // No numbering plan has it. It may be new, or a number of a test (seed K06).
        None if international && !settings.strict => Ok(bare),
        None => Err("This phone number does not exist. Enter it as + and digits, like +12025550123."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(region: &str, strict: bool) -> Phone {
        Phone { region: region.to_owned(), strict, ..Phone::default() }
    }

    #[test]
    fn all_spellings_of_a_number_are_one_number() {
        for text in ["+4930901820", "+49 30 901820", "+49 (30) 90-18.20", "+04930901820", "+00 49 30 901820"]
        {
            assert_eq!(canonical(text, &settings("", true)).as_deref(), Ok("+4930901820"), "{text}");
        }
        assert_eq!(canonical("030 901820", &settings("DE", true)).as_deref(), Ok("+4930901820"));
    }

    #[test]
    fn seed_a91_a_national_number_is_read_with_the_region_of_the_settings() {
        assert_eq!(canonical("18812348888", &settings("CN", true)).as_deref(), Ok("+8618812348888"));
        assert_eq!(canonical("18812348888", &settings("", false)), Err(ENTER_PHONE));
        assert!(canonical("123456", &settings("CN", false)).is_err(), "no such number in China");
    }

    #[test]
    fn seed_k06_a_number_in_no_plan_is_taken_unless_the_operator_is_strict() {
        assert_eq!(canonical("+0012341234", &settings("", false)).as_deref(), Ok("+0012341234"));
        assert!(canonical("+0012341234", &settings("", true)).is_err());
    }
}
