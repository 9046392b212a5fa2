//! Where the page is, and going elsewhere.

use super::{Value, promise::pause};

/// `window.location.origin` of a page on http or https; nothing for `file:` and outside a browser.
pub(crate) fn origin() -> Option<String> {
    Value::global("location").text_of("origin").filter(|origin| origin.starts_with("http"))
}

/// The URL object of an address on this page; `None` unless it is http or https.
pub(crate) fn resolve(address: &str) -> Option<Value> {
    let base = Value::global("document").get("baseURI");
    let base = if base.is_absent() { Value::global("location").get("href") } else { base };
    let url = Value::global("URL").construct(&[&address.into(), &base]);
    matches!(url.text_of("protocol").as_deref(), Some("http:" | "https:")).then_some(url)
}

/// Of an address on the web.
pub(crate) fn origin_of(address: &str) -> Option<String> {
    resolve(address)?.text_of("origin")
}

/// A text as one step of a path.
pub(crate) fn in_path(text: &str) -> String {
    let encode = Value::global("encodeURIComponent");
    encode.apply(&Value::UNDEFINED, &[&text.into()]).and_then(|text| text.text()).unwrap_or_default()
}

/// The language that the page is in, else the browser's.
pub(crate) fn language() -> Option<String> {
    let page = Value::global("document").get("documentElement").text_of("lang");
    page.filter(|lang| !lang.is_empty()).or_else(|| Value::global("navigator").text_of("language"))
}

/// Goes to an address, in a later task than the handlers of the promise that is being resolved (D-27).
/// `navigate` is the client's option: `false`, or a function that takes over.
pub(crate) async fn follow(url: Value, navigate: Value) {
    if navigate.flag() == Some(false) {
        return;
    }
    pause(0.0).await;
    if navigate.is_function() {
        navigate.apply(&Value::UNDEFINED, &[&url]);
    } else {
        Value::global("location").call("assign", &[&url.get("href")]);
    }
}
