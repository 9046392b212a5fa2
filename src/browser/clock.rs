//! The two clocks of a page: the date, which people change, and the time since the page began, which may
//! stand still while the machine sleeps.

use wasm_bindgen::prelude::*;
use web_sys::Performance;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = performance)]
    static PERFORMANCE: Option<Performance>;
}

/// Milliseconds on both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Instant {
    /// Since 1970, by the device's date.
    pub(crate) date: f64,
    /// Since the page began; never goes back.
    pub(crate) running: f64,
}

pub(crate) fn now() -> Instant {
    let running = PERFORMANCE.with(|clock| clock.as_ref().map_or(0.0, Performance::now));
    Instant { date: js_sys::Date::now(), running }
}
