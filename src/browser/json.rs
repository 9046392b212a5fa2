//! JSON, read and written by the browser.

use js_sys::JSON;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::UrlSearchParams;

use super::object;
use crate::document::{Document, Value};

/// The maximum depth of nesting. Deeper values could exhaust the stack of the wasm.
const DEEPEST: usize = 64;

/// The value of a JSON text. `None` if it is not JSON.
pub(crate) fn parse(text: &str) -> Option<Value> {
    read(&JSON::parse(text).ok()?, DEEPEST)
}

/// The object of a JSON text. `None` if it is not an object.
pub(crate) fn parse_object(text: &str) -> Option<Document> {
    parse(text)?.into_object()
}

/// The value as a JavaScript value.
pub(crate) fn to_js(value: &(impl Serialize + ?Sized)) -> JsValue {
    value.serialize(&Serializer::json_compatible()).unwrap_or_default()
}

/// The value as JSON text.
#[cfg(target_arch = "wasm32")]
pub(crate) fn text(value: &(impl Serialize + ?Sized)) -> String {
    stringify(&to_js(value)).unwrap_or_default()
}

/// The same for tests, which run without a browser.
#[cfg(all(test, not(target_arch = "wasm32")))]
pub(crate) fn text(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).unwrap()
}

/// A placeholder, because the SDK does not run without a browser.
#[cfg(all(not(test), not(target_arch = "wasm32")))]
pub(crate) fn text(_: &(impl Serialize + ?Sized)) -> String {
    String::new()
}

/// A document as the body of a request, as JSON or form-encoded. The body stays in JavaScript.
pub(crate) fn body(document: &Document, is_form: bool) -> JsValue {
    let object = to_js(document);
    if is_form {
        return UrlSearchParams::new_with_record_from_str_to_str(object.unchecked_ref())
            .map_or(JsValue::UNDEFINED, |form| form.to_string().into());
    }
    JSON::stringify(&object).map_or(JsValue::UNDEFINED, JsValue::from)
}

/// A copy of a value of the page, as far as JSON can express it. `None` for a function, a cycle, NaN or
/// `null`.
pub(crate) fn copy(value: &JsValue) -> Option<JsValue> {
    let text = stringify(value).filter(|text| text != "null")?;
    JSON::parse(&text).ok()
}

/// The JSON text of a value of the page. `None` if JSON cannot express it.
pub(crate) fn stringify(value: &JsValue) -> Option<String> {
    // `JSON.stringify` returns `undefined` for a function.
    JsValue::from(JSON::stringify(value).ok()?).as_string()
}

/// Converts a result of `JSON.parse`.
fn read(value: &JsValue, levels: usize) -> Option<Value> {
    let inner = levels.checked_sub(1)?;
    Some(if let Some(text) = value.as_string() {
        Value::Text(text)
    } else if let Some(number) = value.as_f64() {
        Value::Number(number)
    } else if let Some(flag) = value.as_bool() {
        Value::Flag(flag)
    } else if value.is_array() {
        let mut list = Vec::new();
        for item in object::items(value) {
            list.push(read(&item, inner)?);
        }
        Value::List(list)
    } else if value.is_object() {
        let mut document = Document::default();
        for name in object::names(value) {
            // As a member of an object of the page, this name would change the object's prototype.
            if name != "__proto__" {
                let member = read(&object::get(value, &name), inner)?;
                document.push(name, member);
            }
        }
        Value::Object(document)
    } else {
        Value::Null
    })
}
