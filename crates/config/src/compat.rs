//! Settings of the surfaces that programs know from other systems.

use super::{Config, Span, settings};

settings! {
    /// Surfaces that programs know from other systems.
    pub struct Compat {
        /// Is `/api/v1/auth/…` served, for programs that were written for that API? Its sessions are not bound to a key.
        auth_v1: bool = false,
        /// How long its access tokens live. They are all that such a program has: to stay signed in it refreshes one before this is over.
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
                "must be off where session.require_proof is on: it knows no proofs",
            ));
        }
        if self.compat.token_lifetime.as_seconds() == 0 || self.compat.token_lifetime >= self.session.idle {
            errors.push(("compat.token_lifetime", "must be at least 1s, and shorter than session.idle"));
        }
        errors
    }
}
