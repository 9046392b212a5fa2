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
    /// Writes when another write is over: writes to a storage that answers later may overtake each other.
    #[wasm_bindgen(js_name = writeAfter)]
    pub(crate) fn write_after(before: &Promise, storage: &JsValue, key: &str, value: Option<&str>)
    -> Promise;
}

/// `localStorage` or `sessionStorage`, if a value written there can be read back; or if it is full, but has a session
/// under this key. Outside a page every user of the process would share it.
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

/// The storage of this tab, as it is; `undefined` outside a page and where the browser denies it.
pub(crate) fn of_tab() -> JsValue {
    page::is_there().then(|| raw("session")).flatten().map_or(JsValue::UNDEFINED, JsValue::from)
}

/// gloo-storage throws where the browser denies its storage, and where a page is imitated: so it is asked first, without
/// a throw.
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

/// The answer of a store: at once, or later.
pub(crate) enum Read {
    Now(Option<String>),
    Later(Promise),
}

/// The store was denied: by the browser's settings, in a sandboxed frame, for lack of space, by the page's own object.
pub(crate) struct Denied;

pub(crate) fn read(storage: &JsValue, key: &str) -> Result<Read, Denied> {
    let value = object::call(storage, "getItem", &[key.into()]).ok_or(Denied)?;
    if object::has_method(&value, "then") {
        return Ok(Read::Later(promise_of(&value)));
    }
    Ok(Read::Now(value.as_string()))
}

/// Writes, or removes when there is no value. The promise is there when the store is asynchronous.
pub(crate) fn write(storage: &JsValue, key: &str, value: Option<&str>) -> Result<Option<Promise>, Denied> {
    let done = match value {
        Some(value) => object::call(storage, "setItem", &[key.into(), value.into()]),
        None => object::call(storage, "removeItem", &[key.into()]),
    };
    let done = done.ok_or(Denied)?;
    Ok(object::has_method(&done, "then").then(|| promise_of(&done)))
}

/// Several storages. A `Map` is one, too.
pub(crate) struct Storages(Array);

impl Storages {
    /// Without the ones that are `undefined`.
    pub(crate) fn of(all: &[&JsValue]) -> Storages {
        Storages(all.iter().filter(|storage| !storage.is_undefined()).collect())
    }

    /// Changes the text under this name in each of them: `change` takes it, or `null`, and returns the new one. The promise resolves with the
    /// new texts, when all have answered, or have not done so in time.
    pub(crate) fn change(&self, name: &str, change: Box<dyn Fn(JsValue) -> JsValue>) -> Promise {
        change_all(&self.0, name, Closure::wrap(change).into_js_value().unchecked_ref())
    }
}
