//! The location of the page, and its URLs.

use wasm_bindgen::prelude::*;
use web_sys::{Location, Url, UrlSearchParams};

use super::page::DOCUMENT;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = location)]
    static LOCATION: Option<Location>;
}

/// The page's own origin, if it has one.
pub(crate) fn origin() -> Option<String> {
    LOCATION.with(|location| location.as_ref()?.origin().ok())
}

/// Resolves an address against this page. `None` unless the URL is http or https.
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

/// Navigates to this address.
pub(crate) fn go_to(address: &str) {
    LOCATION.with(|location| {
        if let Some(location) = location {
            let _ = location.assign(address);
        }
    });
}

/// The parameters in the query of a URL.
pub(crate) struct Query(UrlSearchParams);

impl Query {
    /// `None` if this is not an absolute URL.
    pub(crate) fn of(address: &str) -> Option<Query> {
        Url::new(address).ok().map(|url| Query(url.search_params()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.0.get(name)
    }
}

/// A URL without its query and fragment. `None` if it is not absolute.
pub(crate) fn without_query(address: &str) -> Option<String> {
    let url = Url::new(address).ok()?;
    Some([url.origin(), url.pathname()].concat())
}

/// A text as one segment of a path.
pub(crate) fn in_path(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}
