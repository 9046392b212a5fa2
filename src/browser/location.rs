//! Where the page is.

use wasm_bindgen::prelude::*;
use web_sys::{Document, Location, Url};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = document)]
    static DOCUMENT: Option<Document>;
    #[wasm_bindgen(thread_local_v2, js_name = location)]
    static LOCATION: Option<Location>;
}

/// The page's own origin, where there is one.
pub(crate) fn origin() -> Option<String> {
    LOCATION.with(|location| location.as_ref()?.origin().ok())
}

/// The URL of an address on this page; `None` unless it is http or https.
pub(crate) fn resolve(address: &str) -> Option<Url> {
    let of_page = DOCUMENT.with(|document| document.as_ref()?.base_uri().ok()?);
    let base = of_page.or_else(|| LOCATION.with(|location| location.as_ref()?.href().ok()));
    let url = match base {
        Some(base) => Url::new_with_base(address, &base),
        None => Url::new(address),
    };
    let url = url.ok()?;
    matches!(&*url.protocol(), "http:" | "https:").then_some(url)
}

/// A text as one step of a path.
pub(crate) fn in_path(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}
