//! Values of the page: its options, its objects, its functions. Reading one never throws.

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

/// A property; `undefined` if there is none, or its getter throws.
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

/// The own enumerable names of an object; none if it is a `Proxy` that does not tell them.
pub(crate) fn names(object: &JsValue) -> Vec<String> {
    let mut names = Vec::new();
    for name in keys(object).unwrap_or_default().iter() {
        names.extend(name.as_string());
    }
    names
}

/// The items of an array; none if it is none.
pub(crate) fn items(array: &JsValue) -> Vec<JsValue> {
    let mut items = Vec::new();
    if array.is_array() {
        for item in array.unchecked_ref::<Array>().iter() {
            items.push(item);
        }
    }
    items
}

/// `undefined` or `null`?
pub(crate) fn is_absent(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}

/// An object, and no array or function?
pub(crate) fn is_object(value: &JsValue) -> bool {
    value.is_object() && !value.is_array()
}

/// An object literal, and not of a class with a tag of its own, like a `FormData`?
pub(crate) fn is_plain(value: &JsValue) -> bool {
    is_a(value, "Object")
}

/// Is it of this class? Also of a class of another frame, where `instanceof` says no.
pub(crate) fn is_a(value: &JsValue, class: &str) -> bool {
    let tag = to_string_tag(value).unwrap_or_default();
    tag.strip_prefix("[object ").and_then(|tag| tag.strip_suffix(']')) == Some(class)
}

pub(crate) fn has_method(object: &JsValue, name: &str) -> bool {
    get(object, name).is_function()
}

/// Calls a method; `None` if there is none or it throws.
#[inline(never)]
pub(crate) fn call(object: &JsValue, name: &str, arguments: &[JsValue]) -> Option<JsValue> {
    let method = get(object, name);
    let method = method.dyn_ref::<Function>()?;
    Reflect::apply(method, object, &arguments.iter().collect::<Array>()).ok()
}

/// The value as a function, if it is one.
pub(crate) fn function(value: JsValue) -> Option<Function> {
    value.dyn_into().ok()
}

/// Calls a function with a text; `None` if the value is not a function, or throws.
pub(crate) fn apply(function: &JsValue, text: &str) -> Option<JsValue> {
    function.dyn_ref::<Function>()?.call1(&JsValue::UNDEFINED, &text.into()).ok()
}

/// An object with one member.
pub(crate) fn literal(name: &str, value: &JsValue) -> JsValue {
    let object = Object::new();
    let _ = Reflect::set(&object, &name.into(), value);
    object.into()
}

/// A copy of an object in which the members of its member `inner` stand beside the others. Fails with the name of a member that has two
/// different values.
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

/// JSON text of arguments, to tell whether another call has the same ones. `None` if one of them belongs to one call alone: a form, its
/// event, a FormData, or options with a signal.
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

/// A text with composed letters (Unicode Normalization Form C); `None` if the value is no text.
pub(crate) fn composed(value: &JsValue) -> Option<String> {
    value.dyn_ref::<JsString>().map(|text| text.normalize("NFC").into())
}

/// Shows an error of the page's own code where uncaught errors are shown.
pub(crate) fn report(error: &JsValue) {
    if report_error(error).is_err() {
        console_error(error);
    }
}
