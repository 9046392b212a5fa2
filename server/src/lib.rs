//! The doorward server: sign-up and sign-in over HTTP, with an embedded database.
//!
//! This crate is the HTTP surface and the command line. A method proves an identity and hands it to the crate `accounts`,
//! which issues the tokens. Only the crate `store` has SQL. docs/architecture.md shows all crates.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod cli;

pub mod app;
mod connections;
mod log;
pub mod serve;

pub mod extract;
pub mod http;
pub mod methods;
mod request_schema;
pub mod routes;
pub mod translations;

pub mod pages;
