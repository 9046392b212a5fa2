//! The parts of one request: caller, JSON, error, audit record, event for hooks, and idempotency key; and the platform
//! that all of them use.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod audit;
pub mod caller;
pub mod canonical_fields;
pub mod captcha_solution;
pub mod error;
pub mod event;
pub mod idempotency;
pub mod json;
pub mod known_device;
pub mod phones;
pub mod platform;
pub mod roles;
pub mod typed_values;
pub mod usernames;
