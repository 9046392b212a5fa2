//! The browser SDK of doorward, compiled to WebAssembly.
//!
//! `js/client.js` is what pages see. It calls [`client::Core`], which takes a call's input in at once and
//! returns a promise; `methods` has the calls, `session` keeps the tokens, `api` talks to the server, and only
//! `browser` touches JavaScript.
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
// Off the browser only the unit tests use any of this.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "the exports are for wasm32"))]

pub mod client;
mod methods;
mod session;

mod api;
mod context;
mod error;
mod fields;
mod json;
mod options;

mod browser;

pub use options::Settings;
