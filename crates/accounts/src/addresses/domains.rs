//! Allow and block lists of e-mail domains, applied to everything except operator commands.

use doorward_config::Signup;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;

/// Rejects an address, given in canonical form, if its domain is blocked or not on the allowlist.
pub fn admit(settings: &Signup, email: &str) -> Result<(), ApiError> {
    let (_, domain) = email.rsplit_once('@').unwrap_or_default();
    let listed = settings.domains.is_empty() || settings.domains.iter().any(|allowed| allowed == domain);
    let blocked = settings.blocked_domains.iter().any(|blocked| {
        domain.strip_suffix(blocked.as_str()).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    });
    if listed && !blocked {
        return Ok(());
    }
    let detail = "This server does not accept addresses of this domain.";
    Err(ApiError { field: Some("email".into()), detail: Some(detail.into()), ..ErrorCode::Forbidden.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_domain_blocks_its_subdomains_and_an_allowed_domain_does_not_allow_its_subdomains() {
        let admits = |domains: &[&str], blocked: &[&str], email: &str| {
            let list = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect();
            let settings =
                Signup { domains: list(domains), blocked_domains: list(blocked), ..Signup::default() };
            admit(&settings, email).is_ok()
        };
        assert!(admits(&[], &[], "a@b.example"));
        assert!(admits(&["b.example"], &[], "a@b.example") && !admits(&["b.example"], &[], "a@c.b.example"));
        assert!(
            !admits(&["b.example"], &[], "a@bb.example")
                && !admits(&["b.example"], &[], "b.example@c.example")
        );
        assert!(
            !admits(&[], &["b.example"], "a@b.example") && !admits(&[], &["b.example"], "a@d.c.b.example")
        );
        assert!(admits(&[], &["b.example"], "a@bb.example"));
        assert!(!admits(&["c.b.example"], &["b.example"], "a@c.b.example"));
    }
}
