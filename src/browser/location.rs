//! Where the page is.

use super::Value;

/// The URL object of an address on this page; `None` unless it is http or https.
pub(crate) fn resolve(address: &str) -> Option<Value> {
    let base = Value::global("document").get("baseURI");
    let base = if base.is_absent() { Value::global("location").get("href") } else { base };
    let url = Value::global("URL").construct(&[&address.into(), &base]);
    matches!(url.text_of("protocol").as_deref(), Some("http:" | "https:")).then_some(url)
}

/// A text as one step of a path.
pub(crate) fn in_path(text: &str) -> String {
    let encode = Value::global("encodeURIComponent");
    encode.apply(&Value::UNDEFINED, &[&text.into()]).and_then(|text| text.text()).unwrap_or_default()
}
