//! Values of the page: options, objects and functions. Reading one never throws.

use js_sys::{Array, Function, JsString, Object, Reflect};
use wasm_bindgen::prelude::*;

use super::json;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["Object", "prototype", "toString"], js_name = call, catch)]
    fn to_string_tag(value: &JsValue) -> Result<String, JsValue>;
    #[wasm_bindgen(js_namespace = Reflect, js_name = get, catch)]
    fn reflect_get(target: &JsValue, name: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = Object, js_name = keys, catch)]
    fn keys(object: &JsValue) -> Result<Array, JsValue>;
    #[wasm_bindgen(js_name = reportError, catch)]
    fn report_error(error: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(error: &JsValue);
}

/// A property. `undefined` if it does not exist, or its getter throws.
#[inline(never)]
pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    reflect_get(object, name).unwrap_or_default()
}

/// A property that is a text.
#[inline(never)]
pub(crate) fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name).as_string()
}

/// A property of `globalThis`.
pub(crate) fn global(name: &str) -> JsValue {
    get(&js_sys::global(), name)
}

/// The own enumerable names of an object. Empty for a `Proxy` that does not list them.
pub(crate) fn names(object: &JsValue) -> Vec<String> {
    let mut names = Vec::new();
    for name in keys(object).unwrap_or_default().iter() {
        names.extend(name.as_string());
    }
    names
}

/// The items of an array. Empty for another value.
pub(crate) fn items(array: &JsValue) -> Vec<JsValue> {
    let mut items = Vec::new();
    if array.is_array() {
        for item in array.unchecked_ref::<Array>().iter() {
            items.push(item);
        }
    }
    items
}

/// True for `undefined` and `null`.
pub(crate) fn is_absent(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}

/// True for an object that is neither an array nor a function.
pub(crate) fn is_object(value: &JsValue) -> bool {
    value.is_object() && !value.is_array()
}

/// True for an object literal, and not for a class with its own tag, like `FormData`.
pub(crate) fn is_plain(value: &JsValue) -> bool {
    is_a(value, "Object")
}

/// True if the value has this class, even from another frame, where `instanceof` fails.
pub(crate) fn is_a(value: &JsValue, class: &str) -> bool {
    let tag = to_string_tag(value).unwrap_or_default();
    tag.strip_prefix("[object ").and_then(|tag| tag.strip_suffix(']')) == Some(class)
}

pub(crate) fn has_method(object: &JsValue, name: &str) -> bool {
    get(object, name).is_function()
}

/// Calls a method. `None` if it does not exist or throws.
#[inline(never)]
pub(crate) fn call(object: &JsValue, name: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let method = get(object, name);
    let method = method.dyn_ref::<Function>()?;
    Reflect::apply(method, object, &arguments.iter().collect::<Array>()).ok()
}

/// The value, if it is a function.
pub(crate) fn function(value: JsValue) -> Option<Function> {
    value.dyn_into().ok()
}

/// Calls a function with a text. `None` if the value is not a function, or throws.
pub(crate) fn apply(function: &JsValue, text: &str) -> Option<JsValue> {
    function.dyn_ref::<Function>()?.call1(&JsValue::UNDEFINED, &text.into()).ok()
}

/// An object with one member.
pub(crate) fn literal(name: &str, value: &JsValue) -> JsValue {
    let object = Object::new();
    let _ = Reflect::set(&object, &name.into(), value);
    object.into()
}

/// A copy of an object into which the members of its member `inner` are moved up. Fails with the name of a
/// member that has two different values.
pub(crate) fn flattened(object: &JsValue, inner: &str) -> Result<JsValue, String> {
    let copy = Object::new();
    let put = |name: &str, value: &JsValue| drop(Reflect::set(&copy, &name.into(), value));
    let within = get(object, inner);
    for name in names(&within) {
        let (value, beside) = (get(&within, &name), get(object, &name));
        if !beside.is_undefined() && json::stringify(&beside) != json::stringify(&value) {
            return Err(name);
        }
        put(&name, &value);
    }
    for name in names(object).iter().filter(|name| *name != inner) {
        put(name, &get(object, name));
    }
    Ok(copy.into())
}

/// The JSON text of arguments, to detect another call with the same ones. `None` if an argument belongs to
/// one call only: a form, its event, a FormData, or options with a signal.
pub(crate) fn snapshot(arguments: &[&JsValue]) -> Option<String> {
    let list = Array::new();
    for argument in arguments {
        let is_data = !argument.is_object() || is_plain(argument);
        if !is_data || !is_absent(&get(argument, "signal")) || has_method(argument, "preventDefault") {
            return None;
        }
        list.push(argument);
    }
    json::stringify(&list)
}

/// A text with composed letters (Unicode Normalization Form C). `None` if the value is not a text.
pub(crate) fn composed(value: &JsValue) -> Option<String> {
    value.dyn_ref::<JsString>().map(|text| text.normalize("NFC").into())
}

/// Reports an error of the page's own code like an uncaught error.
pub(crate) fn report(error: &JsValue) {
    if report_error(error).is_err() {
        console_error(error);
    }
}
