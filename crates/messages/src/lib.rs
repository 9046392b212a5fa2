//! Mail and SMS: what they say, the outbox that they wait in, and how they leave.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod mail;
pub mod outbox;
pub mod sms;
