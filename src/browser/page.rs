//! The page that the client runs on: its language and visibility, timers, and the channel between tabs.

use js_sys::Function;
use wasm_bindgen::prelude::*;
pub(crate) use web_sys::BroadcastChannel;
use web_sys::{Document, VisibilityState};

use super::object;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    pub(super) static DOCUMENT: Option<Document>;
    #[wasm_bindgen(js_name = setTimeout, catch)]
    fn set_timeout(function: &Function, milliseconds: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The language of the page, or else of the browser. Every step may fail, because a test environment may
/// imitate only a part of a page.
pub(crate) fn language() -> Option<String> {
    let element = object::get(&object::global("document"), "documentElement");
    let of_page = object::text(&element, "lang").filter(|lang| !lang.is_empty());
    of_page.or_else(|| object::text(&object::global("navigator"), "language"))
}

/// True if the page can use keys. Browsers offer WebCrypto on https and localhost only.
pub(crate) fn is_secure() -> bool {
    !object::is_absent(&object::get(&object::global("crypto"), "subtle"))
}

/// True if the page has an origin that a server can allow. A page from a file and a sandboxed frame have
/// none.
pub(crate) fn has_origin() -> bool {
    object::global("origin").as_string().as_deref() != Some("null")
}

/// True on a page, and false in a worker or on a server.
pub(crate) fn is_there() -> bool {
    DOCUMENT.with(Option::is_some)
}

/// True in a worker of any kind.
pub(crate) fn is_worker() -> bool {
    object::global("WorkerGlobalScope").is_function()
}

/// True if the page is visible to the user.
pub(crate) fn is_visible() -> bool {
    let is_visible = |document: &Document| document.visibility_state() == VisibilityState::Visible;
    DOCUMENT.with(|document| document.as_ref().is_some_and(is_visible))
}

/// Calls a function once.
pub(crate) fn call_after(function: &Function, milliseconds: f64) {
    let _ = set_timeout(function, milliseconds);
}

/// A timer that calls a function once. Dropping it stops the timer.
pub(crate) struct Timer(JsValue);

impl Timer {
    pub(crate) fn start(function: &Function, milliseconds: f64) -> Timer {
        Timer(set_timeout(function, milliseconds).unwrap_or_default())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        clear_timeout(&self.0);
    }
}

/// A channel to the other tabs, if the browser supports it.
pub(crate) fn channel(name: &str) -> Option<BroadcastChannel> {
    BroadcastChannel::new(name).ok()
}
