//! The browser SDK of doorward, compiled to WebAssembly.
//!
//! [`client::AuthClient`] is the class that pages use; its methods are in `methods`. `session` manages the
//! tokens, `api` and `transport` talk to the server, and only `browser` uses the interfaces of the browser.
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
// Outside of the browser only the unit tests use this code.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "the exports are for wasm32"))]

mod client;
mod methods;
mod session;

mod api;
mod document;
mod error;
mod messages;
mod options;
mod transport;

mod browser;

pub use client::AuthClient;

/// The page runs an instance of the wasm in one thread.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
#[expect(unsafe_code, reason = "an allocator for one thread, where there is one")]
static ALLOCATOR: lol_alloc::AssumeSingleThreaded<lol_alloc::FreeListAllocator> =
    unsafe { lol_alloc::AssumeSingleThreaded::new(lol_alloc::FreeListAllocator::new()) };
