//! Canonical forms of texts. They are stored and compared, messages are sent to them, and hooks see them (D-41, D-44).

use std::borrow::Cow;

use doorward_protocol::{Given, Policy, Rule, bare_email};
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;
use unicode_security::restriction_level::{RestrictionLevel, RestrictionLevelDetection};

/// Checks a text by a rule. The characters of a new password are counted in its canonical form.
pub fn check(rule: Rule, text: &str, policy: Policy) -> Result<(), Cow<'static, str>> {
    rule.check(&given(rule, text), policy)
}

/// A text as the input of its rule: a new password in its canonical form, any other text unchanged.
pub fn given(rule: Rule, text: &str) -> Given<'_> {
    Given::Text(if matches!(rule, Rule::NewPassword) { password(text) } else { text.into() })
}

/// An e-mail address in the form in which it is compared and sent to: white space trimmed, lower case, the domain in
/// ASCII (IDNA, UTS #46). `None` if it is not an address of exactly one mailbox.
pub fn email(text: &str) -> Option<String> {
    let bare = bare_email(text)?;
    let (local, domain) = bare.split_once('@')?;
    if domain.is_ascii() && !domain.contains(PUNYCODE) {
        return Some(bare);
    }
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Verify,
    );
    // Checked again, because the conversion maps characters to ASCII and drops some.
    bare_email(&format!("{local}@{}", ascii.ok()?)).filter(|address| address.is_ascii())
}

/// Prefix of a label that IDNA has encoded.
const PUNYCODE: &str = "xn--";

/// A canonical e-mail address for display, with the domain in Unicode. A label stays in ASCII if it mixes scripts
/// that are not written together, because it may look like another domain (UTS #39 §5.2).
pub fn shown_email(address: &str) -> String {
    match address.split_once('@') {
        Some((local, domain)) if domain.contains(PUNYCODE) => {
            let (shown, sound) = Uts46::new().to_user_interface(
                domain.as_bytes(),
                AsciiDenyList::STD3,
                Hyphens::CheckFirstLast,
                |label, _, _| {
                    let label: String = label.iter().collect();
                    label.as_str().check_restriction_level(RestrictionLevel::HighlyRestrictive)
                },
            );
            if sound.is_ok() { format!("{local}@{shown}") } else { address.to_owned() }
        }
        _ => address.to_owned(),
    }
}

/// A password in the form in which it is counted, screened and hashed: NFC, and every space as U+0020 (RFC 8265
/// §4.2.2).
pub fn password(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let space = |c: char| if c.is_whitespace() && !c.is_control() && !is_line_end(c) { ' ' } else { c };
    text.chars().map(space).nfc().collect::<String>().into()
}

/// U+2028 and U+2029 are white space, but not in the category Zs of spaces.
fn is_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

/// Text for searches and comparisons that ignore case: NFC in lower case.
pub fn folded(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_displayed_address_has_the_same_canonical_form_as_the_typed_one() {
        for (typed, canonical, shown) in [
            ("joerg@Müller.example", "joerg@xn--mller-kva.example", "joerg@müller.example"),
            ("ada@例え.jp", "ada@xn--r8jz45g.jp", "ada@例え.jp"),
            ("ada@faß.de", "ada@xn--fa-hia.de", "ada@faß.de"),
            ("ada@مثال.example", "ada@xn--mgbh0fb.example", "ada@مثال.example"),
            (
                "ada@bücher.müller.example",
                "ada@xn--bcher-kva.xn--mller-kva.example",
                "ada@bücher.müller.example",
            ),
            ("ada@r3---sn.example", "ada@r3---sn.example", "ada@r3---sn.example"),
            ("ada@еxample.com", "ada@xn--xample-2of.com", "ada@xn--xample-2of.com"),
            // Full-width letters normalise to the ASCII domain.
            ("ada@ｅｘａｍｐｌｅ.com", "ada@example.com", "ada@example.com"),
        ] {
            assert_eq!(email(typed).as_deref(), Some(canonical), "{typed}");
            assert_eq!(email(canonical).as_deref(), Some(canonical), "{typed}");
            assert_eq!(shown_email(canonical), shown, "{typed}");
            assert_eq!(email(shown).as_deref(), Some(canonical), "{typed}");
        }
        for bad in ["ada@xn--a.example", "ada@\u{ad}.example", "ada@ü", "ada@℀.example"] {
            assert_eq!(email(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_password_is_normalised_to_nfc_and_its_spaces_to_u_0020() {
        assert_eq!(password("cafe\u{301}\u{a0}au\u{3000}lait"), "caf\u{e9} au lait");
        for kept in ["correct horse", "Pass\u{2028}word", "\u{fb01}ne", "\u{ff21}bc", "\u{1f511}\u{200d}"] {
            assert_eq!(password(kept), kept, "compatibility characters stay apart (NFC, not NFKC)");
        }
    }
}
