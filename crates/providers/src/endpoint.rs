//! Endpoints of providers without a discovery document.

use url::Url;

use crate::outcome::{Refusal, Wrong};

/// The configured endpoint, or else the documented one.
pub(super) fn endpoint(key: &'static str, set: &str, known: &str) -> Result<Url, Wrong> {
    Url::parse(if set.is_empty() { known } else { set }).map_err(|_| (key, "is not a valid URL"))
}

/// Checks `iss` (RFC 9207) for a provider that does not announce it.
pub(super) fn is_from(issuer: &str, iss: Option<&str>) -> Result<(), Refusal> {
    match iss {
        Some(iss) if iss != issuer => Err(Refusal::Mismatch("The answer is not from this provider.".into())),
        _ => Ok(()),
    }
}
