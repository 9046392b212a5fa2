//! The protocol between the doorward SDK and server: requests, answers, field rules, error codes.
//!
//! No I/O, no clock, no randomness: the same code runs in the form and on the server, so that both
//! refuse the same input with the same code and the same field name.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod fields;
mod reading;
mod rules;

pub mod account;
#[cfg(feature = "admin")]
pub mod admin;
pub mod captcha;
pub mod client;
pub mod code;
pub mod custom;
pub mod data;
pub mod device;
pub mod email;
pub mod error;
pub mod login;
pub mod logout;
pub mod messages;
pub mod options;
pub mod password;
pub mod phone;
pub mod profile;
pub mod provider;
pub mod session;
pub mod settings;
pub mod signup;

pub use fields::{
    Field, Given, Invalid, Policy, Request, Source, field_named, is_same_name, optional, required,
};
pub use reading::{Members, Place, Reading, no_such_field};
pub use rules::{ENTER_EMAIL, ENTER_PHONE, Rule, bare_code, bare_email, bare_phone};
