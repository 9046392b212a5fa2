//! Promises of the browser: waiting for one, for the first of two, for some time.

use wasm_bindgen_futures::JsFuture;

use super::{Promise, Value};

/// `await`
pub(crate) async fn settled(promise: Promise) -> Result<Value, Value> {
    JsFuture::from(promise).await.map(Value::from).map_err(Value::from)
}

/// `await`, but for no longer than until the signal is aborted: then the error is `None`.
pub(crate) async fn settled_unless(promise: Promise, signal: &Value) -> Result<Value, Option<Value>> {
    let aborted = || signal.get("aborted").flag() == Some(true);
    if aborted() {
        return Err(None);
    }
    let abortion = Promise::new(&mut |_, reject| {
        let once = Value::object();
        once.set("once", true);
        let reject: wasm_bindgen::JsValue = reject.into();
        signal.call("addEventListener", vec!["abort".into(), reject.into(), once]);
    });
    let both = js_sys::Array::of2(&promise, &abortion);
    let first = settled(Promise::race(&both)).await;
    first.map_err(|error| if aborted() { None } else { Some(error) })
}

/// Resolves after some milliseconds.
pub(crate) async fn pause(milliseconds: f64) {
    let timer = Promise::new(&mut |resolve, _| {
        let resolve: wasm_bindgen::JsValue = resolve.into();
        let _ =
            Value::global("setTimeout").apply(&Value::UNDEFINED, vec![resolve.into(), milliseconds.into()]);
    });
    let _ = settled(timer).await;
}
