//! Clients for OAuth 1.0a (RFC 5849) and OAuth 2 (RFC 6749).

pub(super) mod client_secret;
pub(super) mod oauth1;
pub(super) mod oauth2;
