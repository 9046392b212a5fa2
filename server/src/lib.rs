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

pub mod extract;
pub mod http;
pub mod methods;
pub mod oauth;
pub mod routes;
pub mod translations;

pub mod pages;
pub mod site;
