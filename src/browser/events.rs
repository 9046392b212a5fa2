//! Events of the page. A listener is removed when its signal is aborted.

pub(crate) use js_sys::Function;
use wasm_bindgen::prelude::*;
pub(crate) use web_sys::{AbortSignal, EventTarget};
use web_sys::{Event, MessageEvent, StorageEvent};

use super::json;
use crate::document::{Document, Value};

/// A function for JavaScript.
pub(crate) fn function(inner: impl Fn(Event) + 'static) -> Function {
    let closure: Box<dyn Fn(Event)> = Box::new(inner);
    Closure::wrap(closure).into_js_value().unchecked_into()
}

/// The global object, which dispatches the events of a window or worker.
pub(crate) fn everywhere() -> EventTarget {
    js_sys::global().unchecked_into()
}

/// Calls `listener` for these events of `target`, in the capture phase, until `signal` is aborted.
pub(crate) fn listen(
    target: &EventTarget,
    names: &[&str],
    signal: Option<&AbortSignal>,
    listener: impl Fn(Event) + 'static,
) {
    add(target, names, signal, &function(listener));
}

#[inline(never)]
pub(super) fn add(target: &EventTarget, names: &[&str], signal: Option<&AbortSignal>, listener: &Function) {
    let signal = signal.map(|signal| Value::Page(signal.into()));
    let options = json::to_js(&Document::of("capture", true).with_some("signal", signal));
    for name in names {
        // Outside of a page the global object may have no `addEventListener`.
        let _ = target.add_event_listener_with_callback_and_add_event_listener_options(
            name,
            listener,
            options.unchecked_ref(),
        );
    }
}

/// Dispatches an event without data.
pub(crate) fn dispatch(target: &EventTarget, name: &str) {
    if let Ok(event) = Event::new(name) {
        let _ = target.dispatch_event(&event);
    }
}

/// The key and the new text that another tab has stored. `None` for any other event.
pub(crate) fn stored(event: &Event) -> Option<(String, String)> {
    let event = (event.type_() == "storage").then(|| event.unchecked_ref::<StorageEvent>())?;
    Some((event.key()?, event.new_value()?))
}

/// The text that another tab has sent.
pub(crate) fn message(event: &Event) -> Option<String> {
    event.unchecked_ref::<MessageEvent>().data().as_string()
}
