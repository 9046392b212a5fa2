//! The doorward server: sign-up and sign-in over HTTP, with an embedded database.
//!
//! Dependencies point one way: `routes`, `methods` → `sessions`, `passwords` → `store`. A method proves who
//! someone is; only [`sessions`] issues tokens; only [`store`] has SQL.
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
