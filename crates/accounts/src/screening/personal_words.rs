//! Detects passwords that are made of public facts: the names of the service and of the user. Attackers try
//! such passwords first.

use doorward_core::canonical;
use doorward_protocol::profile::ProfileFields;
use doorward_store::accounts::Account;
use doorward_store::identities::{Identity, Kind};
use url::Url;

/// Minimum length of a piece in characters. Shorter parts of names are ignored.
const MIN_PIECE: usize = 4;
/// A password with at least this many letters besides known pieces is accepted.
const ENOUGH_LETTERS: usize = 4;
/// A password with more digits than this besides known pieces is accepted: a year has four.
const MAX_DIGITS: usize = 4;

/// Pieces of the product name and the host name.
pub(super) fn of_service(product: &str, public_url: &str) -> Vec<String> {
    let host = Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    pieces([Some(product.to_owned()), host].into_iter().flatten())
}

/// Pieces of the names and profile in a request.
pub fn of_names(names: &[Identity], profile: &ProfileFields) -> Vec<String> {
    let known = |name: &&Identity| matches!(name.kind, Kind::Email | Kind::Username | Kind::Phone);
    pieces(names.iter().filter(known).map(|name| name.value.clone()).chain(of_profile(profile)))
}

/// Pieces of the names and profile of an account that is signed in.
pub fn of_account(account: &Account) -> Vec<String> {
    let names = [&account.email, &account.username, &account.phone].into_iter().flatten().cloned();
    pieces(names.chain(of_profile(&account.profile)))
}

fn of_profile(profile: &ProfileFields) -> impl Iterator<Item = String> {
    let names = [
        &profile.name,
        &profile.given_name,
        &profile.middle_name,
        &profile.family_name,
        &profile.nickname,
        &profile.preferred_username,
    ];
    names.into_iter().flatten().cloned().collect::<Vec<_>>().into_iter()
}

/// The words of the texts, the local parts of addresses, and the whole texts, each in lower case and without
/// punctuation and spaces. Longest first.
fn pieces(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut pieces: Vec<String> = texts
        .flat_map(|text| {
            let text = canonical::folded(&text);
            let parts: Vec<String> = text.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
            let local = text.split('@').next().map(letters_and_digits);
            parts.into_iter().chain(local).chain([letters_and_digits(&text)])
        })
        .filter(|piece| piece.chars().count() >= MIN_PIECE)
        .collect();
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.len()));
    pieces.dedup();
    pieces
}

/// The letters and digits of a text, in lower case.
fn letters_and_digits(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// True if the password consists of known pieces and hardly anything else.
pub(super) fn makes_up(known: &[&str], password: &str) -> bool {
    let whole = letters_and_digits(password);
    let mut rest = whole.clone();
    for piece in known {
        rest = rest.replace(piece, "");
    }
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    rest.len() < whole.len() && digits <= MAX_DIGITS && rest.chars().count() - digits < ENOUGH_LETTERS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_easy(known: &[&str], password: &str) -> bool {
        let known = pieces(known.iter().map(|text| (*text).to_owned()));
        makes_up(&known.iter().map(String::as_str).collect::<Vec<_>>(), password)
    }

    #[test]
    fn sec_p02_a_password_made_of_names_is_easy_and_one_that_only_contains_a_name_is_not() {
        let ada = ["ada.lovelace@example.com", "Ada Lovelace", "countess_of_l"];
        for password in [
            "lovelace",
            "Lovelace1!",
            "ada.lovelace",
            "AdaLovelace2026",
            "1lovelace1",
            "ada-lovelace@example",
            "example99",
            "COUNTESS_",
            "lovelacelovelace",
            "ada.lovelace@example.com",
        ] {
            assert!(is_easy(&ada, password), "{password}");
        }
        for password in
            ["lovelace and babbage", "correct horse", "lovelace18152", "ada123", "", "!!!!!!", "love1234"]
        {
            assert!(!is_easy(&ada, password), "{password}");
        }
        assert!(!is_easy(&[], "lovelace"));
        let service = of_service("Acme Cloud", "https://login.acme.example");
        assert!(service.contains(&"acme".to_owned()) && service.contains(&"cloud".to_owned()));
    }
}
