//! Operations on accounts: sign-up, sign-in, sessions, addresses, linked identities, administration.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod addresses;
pub mod admin;
pub mod approved;
pub mod entry;
pub mod flows;
pub mod identity_linking;
pub mod names;
pub mod profiles;
pub mod pruning;
pub mod registration;
pub mod screening;
mod service;
pub mod service_keys;
pub mod sessions;
pub mod sign_up;
pub mod signin;

pub use service::Accounts;
