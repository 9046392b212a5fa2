//! The page that the client is on: is it looked at, its timers, and the channel between its tabs.

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

/// The language of the page, or else of the browser. A test environment may imitate a page with less than a browser has, so
/// that every step may fail.
pub(crate) fn language() -> Option<String> {
    let element = object::get(&object::global("document"), "documentElement");
    let of_page = object::text(&element, "lang").filter(|lang| !lang.is_empty());
    of_page.or_else(|| object::text(&object::global("navigator"), "language"))
}

/// Can the page use keys? Browsers offer WebCrypto on https and localhost only.
pub(crate) fn is_secure() -> bool {
    !object::is_absent(&object::get(&object::global("crypto"), "subtle"))
}

/// Does the page have an origin that a server can allow? A page from a file and a sandboxed frame do not.
pub(crate) fn has_origin() -> bool {
    object::global("origin").as_string().as_deref() != Some("null")
}

/// Is there a page at all, and no worker or server?
pub(crate) fn is_there() -> bool {
    DOCUMENT.with(Option::is_some)
}

/// Is this a worker of a page, of any kind?
pub(crate) fn is_worker() -> bool {
    object::global("WorkerGlobalScope").is_function()
}

/// Does a person see it?
pub(crate) fn is_visible() -> bool {
    let is_visible = |document: &Document| document.visibility_state() == VisibilityState::Visible;
    DOCUMENT.with(|document| document.as_ref().is_some_and(is_visible))
}

/// Calls a function once.
pub(crate) fn call_after(function: &Function, milliseconds: f64) {
    let _ = set_timeout(function, milliseconds);
}

/// A timer that calls a function once; stopped when this is dropped.
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

/// A channel to the other tabs, where the browser has one.
pub(crate) fn channel(name: &str) -> Option<BroadcastChannel> {
    BroadcastChannel::new(name).ok()
}
