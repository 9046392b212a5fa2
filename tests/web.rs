//! The SDK in a real browser: forms of the page, its storage, and a server of mocked routes. The tests call
//! the exported class as a page does. The tests of the built package cover `js/face.js` (traps, subclasses,
//! disposal).
#![cfg(target_arch = "wasm32")]

#[path = "web/account.rs"]
mod account;
#[path = "web/captcha.rs"]
mod captcha;
#[path = "web/dpop.rs"]
mod dpop;
#[path = "web/errors.rs"]
mod errors;
#[path = "web/forms.rs"]
mod forms;
#[path = "web/identifiers.rs"]
mod identifiers;
#[path = "web/methods.rs"]
mod methods;
#[path = "web/providers.rs"]
mod providers;
#[path = "web/session.rs"]
mod session;
#[path = "web/sessions.rs"]
mod sessions;
#[path = "web/storage.rs"]
mod storage;
#[path = "web/wake.rs"]
mod wake;
#[path = "web/world.rs"]
mod world;

wasm_bindgen_test::wasm_bindgen_test_configure!(run_in_browser);
