//! Value types and small tools that every crate of the server may use: time and randomness, secrets and keys, names of
//! messages, scenes and operations.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod base64url;
pub mod canonical;
pub mod clock;
pub mod delivery_queue;
pub mod domain;
pub mod escape;
pub mod files;
pub mod local_address;
pub mod message;
pub mod one_time_code;
pub mod operation;
pub mod password_hash;
pub mod profile;
pub mod secret;
pub mod secret_keys;
pub mod service_key;
pub mod strict_json;
pub mod tasks;
pub mod typed_value;
pub mod webhook_signature;
