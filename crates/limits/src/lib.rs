//! Limits: how often an expensive action or a guess is allowed, for each source, account and destination, and in total.
//! Every node counts in the database, before it hashes or sends anything (D-6).
//!
//! A call is admitted in one or two transactions. `count` spends the budgets of the source and checks the others. If a
//! captcha is needed, `admit_solved` spends the others after it. The budgets of messages, and of accounts that a first
//! sign-in creates, are spent in the transaction that creates them.
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
