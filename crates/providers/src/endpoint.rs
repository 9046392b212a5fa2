//! Endpoints of providers that announce none (no discovery).

use url::Url;

use crate::outcome::{Refusal, Wrong};

/// An endpoint: as set, else as documented.
pub(super) fn endpoint(key: &'static str, set: &str, known: &str) -> Result<Url, Wrong> {
    Url::parse(if set.is_empty() { known } else { set }).map_err(|_| (key, "is no address"))
}

/// RFC 9207, for a provider that does not announce it.
pub(super) fn is_from(issuer: &str, iss: Option<&str>) -> Result<(), Refusal> {
    match iss {
        Some(iss) if iss != issuer => {
            Err(Refusal::Mismatch("The answer does not come from this provider.".into()))
        }
        _ => Ok(()),
    }
}
