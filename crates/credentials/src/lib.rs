//! Credentials: password hashes, signing keys, tokens, and proofs of keys (DPoP, RFC 9449).
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod dpop;
pub mod passwords;
pub mod rotation;
pub mod signing;
pub mod tokens;
