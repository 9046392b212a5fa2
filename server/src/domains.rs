//! Of which domains a person may take an address: the operator's choice, for every way but the operator's own.

use doorward_protocol::error::ErrorCode;
use url::Url;

use crate::config::Signup;
use crate::error::ApiError;

/// Refuses an address, given in canonical form, of a domain that nobody may take.
pub fn admit(settings: &Signup, email: &str) -> Result<(), ApiError> {
    let (_, domain) = email.rsplit_once('@').unwrap_or_default();
    let listed = settings.domains.is_empty() || settings.domains.iter().any(|one| one == domain);
    let blocked = settings.blocked_domains.iter().any(|one| {
        domain.strip_suffix(one.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    });
    if listed && !blocked {
        return Ok(());
    }
    let detail = "This server takes no address of this domain.";
    Err(ApiError { field: Some("email".into()), detail: Some(detail.into()), ..ErrorCode::Forbidden.into() })
}

/// A domain as it stands in addresses: in small letters and ASCII (RFC 5891). `None` when it is none.
pub fn canonical(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-')) || text.ends_with('.') {
        return None;
    }
    Url::parse(&format!("http://{text}/")).ok()?.domain().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_written_in_one_way() {
        for (text, domain) in [
            ("Example.COM", Some("example.com")),
            (" bücher.example ", Some("xn--bcher-kva.example")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("*.example.com", None),
            ("example.com/", None),
            ("example.com.", None),
            ("example.com:25", None),
            ("ada@example.com", None),
            ("@example.com", None),
            ("127.0.0.1", None),
            ("", None),
        ] {
            assert_eq!(canonical(text).as_deref(), domain, "{text}");
        }
    }

    #[test]
    fn a_blocked_domain_blocks_what_is_below_it_and_a_list_is_exact() {
        let may = |domains: &[&str], blocked: &[&str], email: &str| {
            let list = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
            let settings =
                Signup { domains: list(domains), blocked_domains: list(blocked), ..Signup::default() };
            admit(&settings, email).is_ok()
        };
        assert!(may(&[], &[], "a@b.example"));
        assert!(may(&["b.example"], &[], "a@b.example") && !may(&["b.example"], &[], "a@c.b.example"));
        assert!(
            !may(&["b.example"], &[], "a@bb.example") && !may(&["b.example"], &[], "b.example@c.example")
        );
        assert!(!may(&[], &["b.example"], "a@b.example") && !may(&[], &["b.example"], "a@d.c.b.example"));
        assert!(may(&[], &["b.example"], "a@bb.example"));
        assert!(!may(&["c.b.example"], &["b.example"], "a@c.b.example"));
    }
}
