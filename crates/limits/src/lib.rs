//! Limits: how often what costs or guesses may happen, counted by source, by account, by destination and in all. Every node
//! counts in the database, before anything is hashed or sent (D-6).
//!
//! A call is admitted in one or two transactions: `count` spends what the source has and looks at the rest; where a captcha is
//! asked for, `admit_solved` spends that rest after it. Messages, and accounts that a first sign-in makes, are spent in the
//! transaction that makes them.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod admit;
mod budget;
pub mod captcha;
mod exhausted_budgets;
mod failures;
mod known_devices;
mod messages;
mod names;
mod purpose;
mod service;

pub use admit::{
    Failed, admit, admit_captcha, admit_form, admit_instead, give_back, hash_priority, settle, spend_signup,
};
pub use exhausted_budgets::ExhaustedBudgets;
pub use failures::{code_met, failed, forgiven, inherited, succeeded};
pub use known_devices::{is_at_home, mint};
pub use messages::spend as spend_message;
pub use names::source;
pub use purpose::{Purpose, Subject};
pub use service::Limits;
