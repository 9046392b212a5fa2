//! Waiting: for the first of two promises, for some time.

use super::{
    Promise, Value,
    task::{promise, settled},
};

/// `await`, but for no longer than until the signal is aborted: then the error is `None`.
pub(crate) async fn settled_unless(awaited: Promise, signal: &Value) -> Result<Value, Option<Value>> {
    let aborted = || signal.is_true("aborted");
    if aborted() {
        return Err(None);
    }
    let abortion = promise(|_, reject| {
        let once = Value::object();
        once.set("once", true);
        signal.call("addEventListener", &[&"abort".into(), &reject, &once]);
    });
    let both = js_sys::Array::of2(&awaited, &abortion);
    settled(Promise::race(&both)).await.map_err(|error| if aborted() { None } else { Some(error) })
}

/// Resolves after some milliseconds.
pub(crate) async fn pause(milliseconds: f64) {
    let timer = promise(|resolve, _| {
        Value::global("setTimeout").apply(&Value::UNDEFINED, &[&resolve, &milliseconds.into()]);
    });
    let _ = settled(timer).await;
}
