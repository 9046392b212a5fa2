//! A key-value store: the browser's, or the page's own.

use super::{Promise, Value};

/// What a store answers: at once, or later.
pub(crate) enum Read {
    Now(Option<String>),
    Later(Promise),
}

/// It was denied: by the browser's settings, in a sandboxed frame, for lack of space, by the page's own object.
pub(crate) struct Denied;

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
