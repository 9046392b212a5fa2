//! A key-value store: the browser's, the page's own, or memory when these are denied.

use super::{Promise, Value};

/// What a store answers: at once, or later.
pub(crate) enum Read {
    Now(Option<String>),
    Later(Promise),
}

/// It was denied: by the browser's settings, in a sandboxed frame, for lack of space, by the page's own object.
pub(crate) struct Denied;

/// `localStorage` or `sessionStorage`, if a value written there can be read back; or if it is full, but has one of
/// this key.
pub(crate) fn open(name: &str, key: &str) -> Option<Value> {
    // Outside a page every user of the process would share it.
    if Value::global("document").is_absent() {
        return None;
    }
    let storage = Value::global(name);
    let mut probe = String::from(key);
    probe.push_str(".probe");
    if storage.call("setItem", &[&probe.as_str().into(), &"1".into()]).is_none() {
        return storage.call("getItem", &[&key.into()])?.text().map(|_| storage);
    }
    let back = storage.call("getItem", &[&probe.as_str().into()])?.text();
    storage.call("removeItem", &[&probe.as_str().into()])?;
    (back.as_deref() == Some("1")).then_some(storage)
}

pub(crate) fn read(storage: &Value, key: &str) -> Result<Read, Denied> {
    let value = storage.call("getItem", &[&key.into()]).ok_or(Denied)?;
    if value.has_method("then") {
        return Ok(Read::Later(value.promise()));
    }
    Ok(Read::Now(value.text()))
}

/// Writes, or removes when there is no value. The promise is there when the store is asynchronous.
pub(crate) fn write(storage: &Value, key: &str, value: Option<&str>) -> Result<Option<Promise>, Denied> {
    let done = match value {
        Some(value) => storage.call("setItem", &[&key.into(), &value.into()]),
        None => storage.call("removeItem", &[&key.into()]),
    };
    let done = done.ok_or(Denied)?;
    Ok(done.has_method("then").then(|| done.promise()))
}
