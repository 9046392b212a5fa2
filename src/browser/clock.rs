//! The two clocks of a page: the date, which the user can change, and the time since the page began, which
//! may stop while the machine sleeps.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now, catch)]
    fn running() -> Result<f64, JsValue>;
}

/// The time on both clocks, in milliseconds.
#[derive(Clone, Copy)]
pub(crate) struct Instant {
    /// Milliseconds since 1970, by the device's date.
    pub(crate) date: f64,
    /// Milliseconds since the page began. Never goes back.
    pub(crate) running: f64,
}

pub(crate) fn now() -> Instant {
    Instant { date: js_sys::Date::now(), running: running().unwrap_or(0.0) }
}
