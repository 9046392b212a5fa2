//! Events of the page. A listener ends with the signal it was given; there is nothing to remove by hand.

use wasm_bindgen::prelude::*;

use super::Value;

/// A function for JavaScript.
pub(crate) fn function(inner: impl Fn(Value) + 'static) -> Value {
    let closure: Box<dyn Fn(JsValue)> = Box::new(move |argument| inner(argument.into()));
    Closure::wrap(closure).into_js_value().into()
}

/// Calls `listener` for these events of `target`, in the capture phase, until `signal` is aborted.
pub(crate) fn listen(target: &Value, names: &[&str], signal: Value, listener: impl Fn(Value) + 'static) {
    let function = function(listener);
    let options = Value::object();
    options.set("capture", true);
    options.set("signal", signal);
    for name in names {
        target.call("addEventListener", &[&(*name).into(), &function, &options]);
    }
}
