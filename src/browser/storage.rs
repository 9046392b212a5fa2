//! A key-value store: the browser's, or the page's own.

use gloo_storage::{LocalStorage, SessionStorage, Storage as _};
use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use web_sys::Storage;

use super::{object, page, wait::promise_of};

#[wasm_bindgen(module = "/js/keys.js")]
extern "C" {
    #[wasm_bindgen(js_name = changeAll)]
    fn change_all(storages: &Array, name: &str, change: &Function) -> Promise;
    /// Writes after an earlier write has ended, because writes to an asynchronous storage may overtake each
    /// other.
    #[wasm_bindgen(js_name = writeAfter)]
    pub(crate) fn write_after(before: &Promise, storage: &JsValue, key: &str, value: Option<&str>)
    -> Promise;
}

/// `localStorage` or `sessionStorage`, if a written value can be read back, or if the storage is full but has
/// a session under this key. `undefined` outside of a page, where all users of the process would share it.
pub(crate) fn of_browser(place: &str, key: &str) -> JsValue {
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
    open().map_or(JsValue::UNDEFINED, JsValue::from)
}

/// The storage of this tab, untested. `undefined` outside of a page, and where the browser denies it.
pub(crate) fn of_tab() -> JsValue {
    page::is_there().then(|| raw("session")).flatten().map_or(JsValue::UNDEFINED, JsValue::from)
}

/// gloo-storage throws if the browser denies its storage or a test imitates a page. This check comes first,
/// and does not throw.
fn raw(place: &str) -> Option<Storage> {
    let name = if place == "local" { "localStorage" } else { "sessionStorage" };
    let found = object::global(name);
    if object::is_absent(&found) {
        return None;
    }
    Some(match (web_sys::window(), place) {
        (None, _) => found.unchecked_into(),
        (_, "local") => LocalStorage::raw(),
        _ => SessionStorage::raw(),
    })
}

/// The answer of a store, immediate or asynchronous.
pub(crate) enum Read {
    Now(Option<String>),
    Later(Promise),
}

/// The store is denied: by the browser's settings, in a sandboxed frame, for lack of space, or by the page's
/// own object.
pub(crate) struct Denied;

pub(crate) fn read(storage: &JsValue, key: &str) -> Result<Read, Denied> {
    let value = object::call(storage, "getItem", &[key.into()]).ok_or(Denied)?;
    if object::has_method(&value, "then") {
        return Ok(Read::Later(promise_of(&value)));
    }
    Ok(Read::Now(value.as_string()))
}

/// Writes a value, or removes it if it is `None`. Returns a promise if the store is asynchronous.
pub(crate) fn write(storage: &JsValue, key: &str, value: Option<&str>) -> Result<Option<Promise>, Denied> {
    let done = match value {
        Some(value) => object::call(storage, "setItem", &[key.into(), value.into()]),
        None => object::call(storage, "removeItem", &[key.into()]),
    };
    let done = done.ok_or(Denied)?;
    Ok(object::has_method(&done, "then").then(|| promise_of(&done)))
}

/// Several storages. A `Map` also counts as one.
pub(crate) struct Storages(Array);

impl Storages {
    /// Skips the storages that are `undefined`.
    pub(crate) fn of(all: &[&JsValue]) -> Storages {
        Storages(all.iter().filter(|storage| !storage.is_undefined()).collect())
    }

    /// Changes the text under this name in each storage. `change` gets the old text, or `null`, and returns
    /// the new one. The promise resolves with the new texts, when all storages have answered or their time
    /// has run out.
    pub(crate) fn change(&self, name: &str, change: Box<dyn Fn(JsValue) -> JsValue>) -> Promise {
        change_all(&self.0, name, Closure::wrap(change).into_js_value().unchecked_ref())
    }
}
