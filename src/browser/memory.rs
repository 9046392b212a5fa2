//! JavaScript maps that the clients of a page share, and that outlive this instance of the wasm.

pub(crate) use js_sys::Map;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::EventTarget;

/// The entries of one client, or of all clients of a page that share a storage.
#[derive(Clone)]
pub(crate) struct Memory(pub(crate) Map);

impl Memory {
    /// The entries with this name in the memory of the page.
    pub(crate) fn shared(page: &Map, name: &str) -> Memory {
        Memory(entry(page, name, &|| Map::new().into()).unchecked_into())
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.get(&name.into()).as_string()
    }

    /// Returns the object with this name. Creates it with `make` if it does not exist.
    pub(crate) fn entry(&self, name: &str, make: &dyn Fn() -> JsValue) -> JsValue {
        entry(&self.0, name, make)
    }

    #[inline(never)]
    pub(crate) fn set_text(&self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => drop(self.0.set(&name.into(), &text.into())),
            None => drop(self.0.delete(&name.into())),
        }
    }
}

thread_local! {
    static PAGE: Map = Map::new();
}

/// The default memory, for a page that passes none to its clients.
pub(crate) fn of_page() -> Map {
    PAGE.with(Clone::clone)
}

/// The event target on which the clients of a page notify each other of changes. The browser's `storage` event
/// reaches only other pages.
pub(crate) fn bus(page: &Map) -> Option<EventTarget> {
    let bus = entry(page, ".bus", &|| EventTarget::new().map_or(JsValue::UNDEFINED, Into::into));
    (!bus.is_undefined()).then(|| bus.unchecked_into())
}

#[inline(never)]
fn entry(map: &Map, name: &str, make: &dyn Fn() -> JsValue) -> JsValue {
    let name = JsValue::from_str(name);
    let found = map.get(&name);
    if !found.is_undefined() {
        return found;
    }
    let made = make();
    map.set(&name, &made);
    made
}
