//! The doorward server: sign-up and sign-in over HTTP, with an embedded database.
//!
//! Dependencies point one way: `routes`, `methods` → `sessions`, `passwords` → `store`. A method proves who
//! someone is; only [`sessions`] issues tokens; only [`store`] has SQL.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cli;

mod connections;
mod log;
pub mod serve;
pub mod state;

pub mod entry;
pub mod extract;
pub mod http;
pub mod messages;
pub mod methods;
pub mod oauth;
pub mod routes;

pub mod mail;
pub mod outbox;
pub mod pages;
pub mod site;
pub mod sms;

pub mod accounts;
pub mod addresses;
pub mod admin;
pub mod captcha;
pub mod challenges;
pub mod contacts;
pub mod domains;
pub mod dpop;
pub mod first_proof;
pub mod flows;
pub mod hooks;
pub mod limits;
pub mod links;
pub mod passwords;
pub mod profiles;
pub mod prune;
pub mod registration;
pub mod rotation;
pub mod screening;
pub mod service_keys;
pub mod sessions;
pub mod signin;
pub mod signing;
pub mod tokens;
