//! Mail and SMS: templates, the outbox, and delivery.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod mail;
pub mod outbox;
pub mod sms;
