//! Rules for the values of fields. The SDK and the server apply the same rules.

use std::borrow::Cow;

use crate::fields::{Field, Given, Policy};

/// The rule of a field.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// One line of text with at most this many characters and no control characters.
    Line(u32),
    /// Text with at most this many characters; line breaks and tabs are allowed.
    Text(u32),
    /// True or false.
    Flag,
    /// True or false, or a line of text (a URL, a path).
    FlagOrLine(u32),
    /// An e-mail address that [`bare_email`] accepts.
    Email,
    /// An existing password: any text up to 1,024 bytes.
    Password,
    /// A new password, by the rules of the [`Policy`].
    NewPassword,
    /// A phone number: 5 to 15 digits, with `+` and the country code unless the setting `phone.region` is set.
    /// Spaces and punctuation between digits are ignored.
    Phone,
    /// A name for sign-in. The server has further rules for its characters.
    Username,
    /// An id that an app generated: printable ASCII, with this minimum and maximum number of characters.
    Id(u32, u32),
    /// A list of texts: the maximum number of texts, and the maximum number of characters of each.
    Lines(u32, u32),
    /// Any JSON value.
    Any,
    /// An object with any fields.
    AnyObject,
    /// A real date, `YYYY-MM-DD`.
    Date,
    /// An `http:` or `https:` URL.
    Url,
    /// A full URL of a page or an app, with any scheme that a browser does not execute. The server has an allowlist of
    /// addresses.
    Address,
    /// A one-time code: up to 6 digits of any script, as text or as a number. Leading zeros may be missing. Spaces and
    /// dashes are ignored.
    Code,
    /// A one-time token from a mailed link: base64url text.
    Token,
    /// The revoke-only value of a session: base64url text.
    RevokeToken,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// An object with these fields.
    Object(&'static [Field]),
    /// A text of up to 512 characters, or an object with these fields.
    TextOrObject(&'static [Field]),
}

/// Maximum length of a password in bytes. Longer ones are refused before they are hashed.
const PASSWORD_BYTES: usize = 1024;

/// Message for a text that is not an e-mail address.
pub const ENTER_EMAIL: &str = "Enter an e-mail address, like name@example.com.";

/// Message for a text that is not a phone number.
pub const ENTER_PHONE: &str = "Enter a phone number as + and digits, like +12025550123.";

type Verdict = Result<(), Cow<'static, str>>;

impl Rule {
    /// Checks a value. The error is a sentence for the user.
    pub fn check(self, given: &Given<'_>, policy: Policy) -> Verdict {
        let text = match (self, given) {
            (Rule::Flag | Rule::FlagOrLine(_), Given::Flag(_)) => return Ok(()),
            (Rule::Flag, _) => return refuse("This must be true or false."),
            (Rule::Code, Given::Number(number)) if *number <= 999_999 => return Ok(()),
            (Rule::Any, given) => {
                return say(!matches!(given, Given::Other), "This cannot be written as JSON.");
            }
            (Rule::AnyObject, Given::Object) => return Ok(()),
            (Rule::Lines(most, max), Given::Texts { count, longest }) => {
                return lines(*count, *longest, most, max);
            }
            (Rule::Lines(..), _) => return refuse("This must be an array of texts."),
            (Rule::Object(_) | Rule::AnyObject, _) => return refuse("This must be an object."),
            (_, Given::Text(text)) => text.as_ref(),
            _ => return refuse("This must be text."),
        };
        match self {
            Rule::Line(max) | Rule::FlagOrLine(max) => line(text, max),
            Rule::Text(max) => paragraph(text, max),
            Rule::TextOrObject(_) => paragraph(text, 512),
            Rule::Email => say(bare_email(text).is_some(), ENTER_EMAIL),
            Rule::Password => say(text.len() <= PASSWORD_BYTES, "This password is too long."),
            Rule::NewPassword => new_password(text, policy),
            Rule::Phone => say(is_phone(text), ENTER_PHONE),
            Rule::Username => username(text),
            Rule::Id(least, most) => id(text, least, most),
            Rule::Date => say(is_date(text), "Enter a real date as YYYY-MM-DD."),
            Rule::Url => say(is_http_url(text), "Enter a web address that begins with https:// or http://."),
            Rule::Address => {
                say(is_address(text), "Give a full address, like https://app.example.com/signin.")
            }
            Rule::Code => say(bare_code(text).is_some(), "Enter the code of 6 digits."),
            Rule::OneOf(words) => say(words.contains(&text), "This is not one of the allowed words."),
            Rule::Token => say(is_token(text), "This link is damaged. Open it again from the mail."),
            Rule::RevokeToken => say(
                is_token(text),
                "This is not a revoke token. Send the revoke token that came with the session's tokens.",
            ),
            Rule::Flag | Rule::Object(_) | Rule::AnyObject | Rule::Any | Rule::Lines(..) => Ok(()),
        }
    }
}

fn refuse(message: &'static str) -> Verdict {
    Err(Cow::Borrowed(message))
}

fn say(holds: bool, message: &'static str) -> Verdict {
    if holds { Ok(()) } else { refuse(message) }
}

/// A set of characters. It and the functions that use it are not generic, so that the wasm contains each loop once.
type Kind<'a> = &'a dyn Fn(char) -> bool;

#[inline(never)]
fn any(text: &str, kind: Kind<'_>) -> bool {
    text.chars().any(kind)
}

fn all(text: &str, kind: Kind<'_>) -> bool {
    !any(text, &|c| !kind(c))
}

fn is_one_of(c: char, ascii: &str) -> bool {
    ascii.bytes().any(|sign| c == char::from(sign))
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

fn line(text: &str, max: u32) -> Verdict {
    say(!any(text, &char::is_control), "This must be one line without control characters.")?;
    length(text, max)
}

fn paragraph(text: &str, max: u32) -> Verdict {
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    say(!any(text, &control), "This contains a character that cannot be stored.")?;
    length(text, max)
}

fn length(text: &str, max: u32) -> Verdict {
    if characters(text) <= max as usize {
        return Ok(());
    }
    Err(sentence("This may have at most ", max, " characters."))
}

fn new_password(text: &str, policy: Policy) -> Verdict {
    // No composition rules, no truncation, any Unicode: NIST SP 800-63B-4 §3.1.1.2.
    let characters = characters(text);
    if characters < policy.password_min as usize {
        return Err(sentence("A password needs at least ", policy.password_min, " characters."));
    }
    if characters > policy.password_max as usize || text.len() > PASSWORD_BYTES {
        return Err(sentence("A password may have at most ", policy.password_max, " characters."));
    }
    say(!any(text, &|c| c == '\0'), "This contains a character that cannot be stored.")
}

/// Builds a message without `format!`, which would add its code to the wasm.
fn sentence(before: &str, number: u32, after: &str) -> Cow<'static, str> {
    let mut text = String::from(before);
    let mut scale = 1_000_000_000_u32;
    let mut begun = false;
    while scale > 0 {
        let digit = number.checked_div(scale).unwrap_or(0).checked_rem(10).unwrap_or(0);
        begun = begun || digit > 0 || scale == 1;
        if begun {
            text.push(char::from_digit(digit, 10).unwrap_or('0'));
        }
        scale = scale.checked_div(10).unwrap_or(0);
    }
    text.push_str(after);
    Cow::Owned(text)
}

/// Trims an e-mail address and converts its ASCII letters to lower case. `None` if it is not the address of exactly one
/// mailbox.
///
/// The grammar is that of HTML's `type=email` (no quoting, no comments, no lists), with at least one dot in the
/// domain. It excludes addresses that some mail programs misinterpret: routes (`a%b@c`, `b!a@c`), encoded words
/// (`=?utf-8?q?a?=@c`, RFC 2047), options and pipes (`-f@c`, `|sh@c`). Addresses that differ only in case are the
/// same: two accounts for them would only help an attacker.
///
/// The local part is ASCII. The domain may have letters of any script. The server checks it with IDNA (UTS #46) and
/// converts it to ASCII; the tables for that are too large for a page.
pub fn bare_email(text: &str) -> Option<String> {
    let text = text.trim();
    let at: Kind<'_> = &|c| c == '@';
    let (local, domain) = text.split_once(at)?;
    let atom = |c: char| c.is_ascii_alphanumeric() || is_one_of(c, "#$&'*+/=?^_`{}~-.");
    let longest = if domain.is_ascii() { (254, 63) } else { (LONGEST_UNICODE, LONGEST_UNICODE) };
    let letter = |c: char| match c {
        '-' => true,
        c if c.is_ascii() => c.is_ascii_alphanumeric(),
        c => !c.is_whitespace() && !c.is_control(),
    };
    let label = |part: &str| {
        (1..=longest.1).contains(&part.len())
            && all(part, &letter)
            && !matches!(part.as_bytes(), [b'-', ..] | [.., b'-'])
    };
    let mut labels = 0_usize;
    let (point, dot): (Kind<'_>, Kind<'_>) = (&|c| c == '.', &|c| DOTS.contains(&c));
    let holds = text.len() <= longest.0
        && (1..=64).contains(&local.len())
        && all(local, &atom)
        && local.split(point).all(|part| !part.is_empty())
        && !matches!(local.as_bytes(), [b'-', ..])
        && !local.as_bytes().windows(2).any(|pair| pair == b"=?")
        && domain.split(dot).inspect(|_| labels = labels.saturating_add(1)).all(label)
        && labels > 1;
    holds.then(|| text.to_ascii_lowercase())
}

/// Maximum length in bytes of an address with a domain that is not ASCII. After conversion to ASCII it is 254.
const LONGEST_UNICODE: usize = 1024;

/// The separators of labels in a domain (UTS #46 §4.5).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// Removes spaces and punctuation from a phone number. `None` if it is not a phone number. The server adds the
/// country code to national numbers.
pub fn bare_phone(text: &str) -> Option<String> {
    let text = text.trim();
    let (plus, rest) = text.strip_prefix("+").map_or(("", text), |rest| ("+", rest));
    let mut bare = String::from(plus);
    for c in rest.chars() {
        match c {
            '0'..='9' => bare.push(c),
            '-' | '.' | '(' | ')' | '/' => {}
            c if c.is_whitespace() && !c.is_control() => {}
            _ => return None,
        }
    }
    let digits = bare.len().saturating_sub(plus.len());
    (5..=15).contains(&digits).then_some(bare)
}

fn is_phone(text: &str) -> bool {
    bare_phone(text).is_some()
}

fn username(text: &str) -> Verdict {
    let text = text.trim();
    // A username must not look like an e-mail address or a phone number.
    let odd = |c: char| c.is_control() || c.is_whitespace() || is_one_of(c, "@+/\\");
    say(!any(text, &odd), "A username must not contain spaces or any of @ + / \\.")?;
    say(!all(text, &|c| c.is_ascii_digit()), "A username needs a letter.")?;
    length(text, 64)
}

fn id(text: &str, least: u32, most: u32) -> Verdict {
    say(all(text, &|c| c.is_ascii_graphic()), "An id may contain only ASCII letters, digits and signs.")?;
    if text.len() < least as usize {
        return Err(sentence("This needs at least ", least, " characters."));
    }
    length(text, most)
}

fn lines(count: usize, longest: usize, most: u32, max: u32) -> Verdict {
    if count > most as usize {
        return Err(sentence("This may have at most ", most, " texts."));
    }
    if longest > max as usize {
        return Err(sentence("Each of these may have at most ", max, " characters."));
    }
    Ok(())
}

/// Converts a one-time code to ASCII digits, and removes the spaces and dashes that users and mail programs insert.
/// `None` if it contains any other character, or not 1 to 6 digits.
pub fn bare_code(text: &str) -> Option<String> {
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_whitespace() || is_dash(c) {
            continue;
        }
        digits.push(decimal_digit(c)?);
    }
    (1..=6).contains(&digits.len()).then_some(digits)
}

fn is_dash(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// Converts a decimal digit of any script (Unicode category Nd) to the ASCII digit of the same value.
fn decimal_digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let value = |zero: &u32| u32::from(c).checked_sub(*zero).filter(|value| *value < 10);
    char::from_digit(ZEROS.iter().find_map(value)?, 10)
}

/// The digit zero of each script, followed in Unicode by its digits 1 to 9 (Unicode 16, category Nd). `char::to_digit`
/// converts only ASCII.
const ZEROS: [u32; 75] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066,
    0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730,
    0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50,
    0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1,
    0x1e950, 0x1fbf0,
];

fn is_token(text: &str) -> bool {
    (16..=512).contains(&text.len()) && all(text, &|c| c.is_ascii_alphanumeric() || is_one_of(c, "-_."))
}

fn is_date(text: &str) -> bool {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return false };
    let (Some(year), Some(month), Some(day)) =
        (number(&[y1, y2, y3, y4]), number(&[m1, m2]), number(&[d1, d2]))
    else {
        return false;
    };
    let divides = |by: u32| year.checked_rem(by) == Some(0);
    let leap = divides(4) && (!divides(100) || divides(400));
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    year >= 1 && (1..=days).contains(&day)
}

/// Parses ASCII digits.
fn number(digits: &[u8]) -> Option<u32> {
    let next =
        |number: u32, digit: &u8| number.checked_mul(10)?.checked_add(char::from(*digit).to_digit(10)?);
    digits.iter().try_fold(0, next)
}

fn is_http_url(text: &str) -> bool {
    let colon: Kind<'_> = &|c| c == ':';
    let Some((scheme, rest)) = text.split_once(colon) else { return false };
    let is_http = ["https", "http"].iter().any(|http| http.eq_ignore_ascii_case(scheme));
    let Some(rest) = rest.strip_prefix("//").filter(|_| is_http) else { return false };
    let end: Kind<'_> = &|c| is_one_of(c, "/?#");
    let host = rest.split(end).next().unwrap_or("");
    // User information in a URL serves only to mislead its reader.
    !matches!(host.as_bytes(), [] | [b':', ..]) && !any(host, &|c| c == '@') && is_address(text)
}

/// Schemes that a browser would execute.
const RUN: [&str; 3] = ["javascript", "vbscript", "data"];

fn is_address(text: &str) -> bool {
    let colon: Kind<'_> = &|c| c == ':';
    let scheme = text.split_once(colon).map_or("", |(scheme, _)| scheme);
    text.len() <= 2048
        && all(scheme, &|c| c.is_ascii_alphanumeric() || is_one_of(c, "+-."))
        && scheme.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && !RUN.iter().any(|run| run.eq_ignore_ascii_case(scheme))
        && !any(text, &|c| c.is_whitespace() || c.is_control() || is_one_of(c, "\\<>\"`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(rule: Rule, text: &str) -> bool {
        rule.check(&Given::Text(Cow::Borrowed(text)), Policy::default()).is_ok()
    }

    #[test]
    fn an_email_address_names_exactly_one_mailbox() {
        for good in [
            "user@email.com",
            "a.b+c@sub.example.co",
            "o'neil@example.ie",
            "X@EXAMPLE.COM",
            "a-b=c?d@example.com",
        ] {
            assert!(takes(Rule::Email, good), "{good}");
        }
        for bad in [
            "",
            "user",
            "@example.com",
            "user@",
            "user@localhost",
            "a@x.de,b@y.de",
            "\"e@evil.de\"@victim.de",
            "user\u{ff20}example.com",
            "a@b@c.de",
            "user@example..com",
            "user@-example.com",
            "us er@example.com",
            "user@exam\r\nple.com",
            ".user@example.com",
            "u..r@example.com",
            "user@example.com.",
            "u\0r@example.com",
            // Some mail programs interpret these as other addresses, as options or as programs.
            "=?utf-8?q?a?=@example.com",
            "user=?utf-7?q?&AG0-?=@example.com",
            "user%evil.example@example.com",
            "evil.example!user@example.com",
            "-oQ/tmp@example.com",
            "|sh@example.com",
            "user|sh@example.com",
        ] {
            assert!(!takes(Rule::Email, bad), "{bad:?}");
        }
        assert!(!takes(Rule::Email, &format!("{}@example.com", "a".repeat(65))));
    }

    #[test]
    fn addresses_that_differ_in_case_or_outer_spaces_are_the_same() {
        for text in [" Ada@Example.COM\n", "\u{a0}ada@example.com\u{3000}", "\u{2003}ADA@example.com\u{85}"] {
            assert_eq!(bare_email(text).as_deref(), Some("ada@example.com"), "{text:?}");
        }
    }

    #[test]
    fn a_domain_may_have_letters_of_any_script_and_a_local_part_may_not() {
        for good in [
            "joerg@m\u{fc}ller.example",
            "joerg@mu\u{308}ller.example",
            "ada@\u{4f8b}\u{3048}\u{3002}jp",
            "ada@\u{627}\u{644}.example",
            "ada@xn--mller-kva.example",
        ] {
            assert!(takes(Rule::Email, good), "{good}");
        }
        for bad in [
            "j\u{f6}rg@example.com",
            "joerg@m\u{fc}ller",
            "joerg@m\u{fc} ller.example",
            "joerg@m\u{fc}\u{a0}ller.example",
            "joerg@-m\u{fc}ller.example",
            "joerg@m\u{fc}ller..example",
            "joerg@m\u{fc}ller\u{3002}",
            "joerg@m\u{fc}ller.example/x",
            "joerg@m\u{fc}\u{85}ller.example",
        ] {
            assert!(!takes(Rule::Email, bad), "{bad:?}");
        }
    }

    #[test]
    fn seed_k04_a_new_password_has_6_to_60_characters_of_any_script() {
        for (text, good) in
            [("12345", false), ("123456", true), ("密码密码密码", true), ("🔑🔑🔑🔑🔑", false)]
        {
            assert_eq!(takes(Rule::NewPassword, text), good, "{text}");
        }
        assert!(takes(Rule::NewPassword, &"🔑".repeat(60)));
        assert!(!takes(Rule::NewPassword, &"a".repeat(61)));
        assert!(!takes(Rule::NewPassword, "pass\0word"));
    }

    #[test]
    fn a_password_message_names_the_limit_in_force() {
        let policy = Policy { password_min: 15, password_max: 128 };
        let verdict = Rule::NewPassword.check(&Given::Text("short".into()), policy);
        assert_eq!(verdict.unwrap_err(), "A password needs at least 15 characters.");
        let verdict = Rule::NewPassword.check(&Given::Text("x".repeat(129).into()), policy);
        assert_eq!(verdict.unwrap_err(), "A password may have at most 128 characters.");
    }

    #[test]
    fn seed_k06_a_phone_number_is_a_plus_and_digits() {
        for good in ["+0012341234", "+12025550123", "+12345", "188 1234-5678", "+49 (30) 12/34.56"] {
            assert!(takes(Rule::Phone, good), "{good}");
        }
        for bad in [
            "+1 202",
            "+1\n2025550123",
            "+1234",
            "+1234567890123456",
            "+12345a",
            "+",
            "++12345",
            "1+2345",
            "+１２３４５",
        ] {
            assert!(!takes(Rule::Phone, bad), "{bad}");
        }
    }

    #[test]
    fn seed_k09_a_birthdate_is_a_real_date() {
        for good in ["1990-01-31", "2000-02-29", "2024-02-29", "0001-01-01"] {
            assert!(takes(Rule::Date, good), "{good}");
        }
        for bad in [
            "1990-02-29",
            "1900-02-29",
            "1990-13-01",
            "1990-00-10",
            "1990-04-31",
            "90-01-01",
            "1990-1-1",
            "1990-01-01T00:00",
            "0000-01-01",
            "1990/01/01",
            "-990-01-01",
        ] {
            assert!(!takes(Rule::Date, bad), "{bad}");
        }
    }

    #[test]
    fn a_url_is_http_or_https_and_not_executable() {
        for good in [
            "https://example.com/me.png",
            "http://localhost:3000",
            "HTTPS://EXAMPLE.com?x#y",
            "https://例え.jp/",
        ] {
            assert!(takes(Rule::Url, good), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//example.com",
            "example.com",
            "https://",
            "https:///x",
            "https://a b.com",
            "https://user@evil.com",
            "ftp://example.com",
            "https://ex\nample.com",
            "java\tscript://x",
        ] {
            assert!(!takes(Rule::Url, bad), "{bad}");
        }
    }

    #[test]
    fn an_address_has_a_scheme_and_is_not_executable() {
        for good in
            ["https://app.example.com/signin", "capacitor://localhost/a", "com.example.app:/signin?x#y"]
        {
            assert!(takes(Rule::Address, good), "{good}");
        }
        for bad in [
            "/signin",
            "app.example.com/signin",
            "://x",
            "1a:/x",
            "a b:/x",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "https://ex\nample.com",
            "app:/<",
        ] {
            assert!(!takes(Rule::Address, bad), "{bad}");
        }
    }

    #[test]
    fn a_username_is_neither_an_address_nor_a_number() {
        for good in ["bob", " bob ", "Ünïcödé", "名前", "a.b_c-d", "7of9"] {
            assert!(takes(Rule::Username, good), "{good}");
        }
        for bad in ["a@b.de", "+123", "123456", "two words", "a\u{a0}b", "a/b", "nul\0"] {
            assert!(!takes(Rule::Username, bad), "{bad}");
        }
        assert!(!takes(Rule::Username, &"a".repeat(65)));
    }

    #[test]
    fn seed_h40_an_id_has_its_length_and_no_spaces() {
        const DEVICE: Rule = Rule::Id(16, 128);
        assert!(takes(DEVICE, "b3c1e0c2-6d1b-4a53-9c7e-0123456789ab"));
        assert!(!takes(DEVICE, "0123456789abcde") && !takes(DEVICE, &"a".repeat(129)));
        assert!(!takes(DEVICE, "0123456789 abcdef") && !takes(DEVICE, "0123456789é12345"));
    }

    #[test]
    fn seed_m64_number_and_length_of_texts_are_limited() {
        const TOKENS: Rule = Rule::Lines(2, 10);
        let verdict = |count, longest| TOKENS.check(&Given::Texts { count, longest }, Policy::default());
        assert!(verdict(2, 10).is_ok() && verdict(0, 0).is_ok());
        assert!(verdict(3, 1).is_err() && verdict(1, 11).is_err());
        assert!(!takes(TOKENS, "one"));
    }

    #[test]
    fn one_of_a_few_words_must_match_exactly() {
        const WORDS: Rule = Rule::OneOf(&["others", "global"]);
        assert!(takes(WORDS, "global") && !takes(WORDS, "Global") && !takes(WORDS, "othersglobal"));
    }

    #[test]
    fn seed_k42_a_code_is_digits_as_text_or_as_a_number() {
        assert!(takes(Rule::Code, "012345") && takes(Rule::Code, " 12345 "));
        assert!(!takes(Rule::Code, "1234567") && !takes(Rule::Code, "12a456"));
        assert!(
            !takes(Rule::Code, "- -") && !takes(Rule::Code, "\u{b2}34567"),
            "a superscript is not a digit"
        );
        assert!(Rule::Code.check(&Given::Number(12345), Policy::default()).is_ok());
        assert!(Rule::Code.check(&Given::Number(1_000_000), Policy::default()).is_err());
    }

    #[test]
    fn spaces_and_dashes_in_a_code_are_ignored_and_digits_of_any_script_accepted() {
        for text in [
            "123456",
            "123 456",
            "123-456",
            " 12\u{a0}34\u{202f}56\n",
            "123\u{2013}456",
            "\u{ff11}\u{ff12}\u{ff13}\u{3000}\u{ff14}\u{ff15}\u{ff16}",
            "\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}",
            "\u{6f1}\u{6f2}\u{6f3}456",
            "\u{967}\u{968}\u{969}\u{96a}\u{96b}\u{96c}",
            "\u{1d7cf}\u{1d7d0}\u{1d7d1}456",
        ] {
            assert_eq!(bare_code(text).as_deref(), Some("123456"), "{text}");
        }
    }

    #[test]
    fn text_keeps_every_script_and_refuses_control_characters() {
        assert!(takes(Rule::Line(64), "שלום 👩‍👩‍👧 Ünï") && takes(Rule::Text(64), "two\nlines"));
        assert!(
            !takes(Rule::Line(64), "two\nlines")
                && !takes(Rule::Text(64), "nul\0")
                && !takes(Rule::Line(3), "four")
        );
    }
}
