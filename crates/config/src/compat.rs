//! Settings of the APIs that are compatible with other systems.

use super::{Config, Span, settings};

settings! {
    /// APIs that are compatible with other systems.
    pub struct Compat {
        /// Serves `/api/v1/auth/…`, for programs that were written for that API. Its sessions have no key binding.
        auth_v1: bool = false,
        /// Lifetime of the access tokens of that API. Its programs have no other token: to stay signed in, they refresh the access token before it expires.
        token_lifetime: Span = Span::hours(24),
    }
}

impl Config {
    pub(super) fn compat_errors(&self) -> Vec<(&'static str, &'static str)> {
        let mut errors = Vec::new();
        if !self.compat.auth_v1 {
            return errors;
        }
        if self.session.require_proof {
            errors.push((
                "compat.auth_v1",
                "must be off when session.require_proof is on: that API has no DPoP proofs",
            ));
        }
        if self.compat.token_lifetime.as_seconds() == 0 || self.compat.token_lifetime >= self.session.idle {
            errors.push(("compat.token_lifetime", "must be at least 1s, and shorter than session.idle"));
        }
        errors
    }
}
