//! A key-value store: the browser's, or the page's own.

use gloo_storage::{LocalStorage, SessionStorage, Storage as _};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Storage;

use super::{Promise, Value, page};

/// `localStorage` or `sessionStorage`, if a value written there can be read back; or if it is full, but has a session
/// under this key. Outside a page every user of the process would share it.
pub(crate) fn of_browser(place: &str, key: &str) -> Value {
    let open = || {
        let storage = page::is_there().then(|| raw(place))??;
        let (session, probe) = ([key, ".session"].concat(), [key, ".session.probe"].concat());
        if storage.set_item(&probe, "1").is_err() {
            return storage.get_item(&session).ok()?.map(|_| storage);
        }
        let back = storage.get_item(&probe).ok()?;
        storage.remove_item(&probe).ok()?;
        back.filter(|back| back == "1").map(|_| storage)
    };
    open().map_or(Value::UNDEFINED, |storage| JsValue::from(storage).into())
}

/// gloo-storage throws where the browser denies its storage, and where a page is imitated: so it is asked first, without
/// a throw.
fn raw(place: &str) -> Option<Storage> {
    let name = if place == "local" { "localStorage" } else { "sessionStorage" };
    let found = Value::global(name);
    if found.is_absent() {
        return None;
    }
    Some(match (web_sys::window(), place) {
        (None, _) => JsValue::from(found).unchecked_into(),
        (_, "local") => LocalStorage::raw(),
        _ => SessionStorage::raw(),
    })
}

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
