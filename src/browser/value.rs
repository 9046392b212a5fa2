//! One JavaScript value, whatever it is: reading, calling and making never throw.

use wasm_bindgen::prelude::*;

pub(crate) type Promise = js_sys::Promise;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Reflect, js_name = get, catch)]
    fn get(target: &JsValue, key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = Reflect, js_name = set, catch)]
    fn set(target: &JsValue, key: &str, value: &JsValue) -> Result<bool, JsValue>;
    #[wasm_bindgen(js_namespace = Reflect, js_name = apply, catch)]
    fn apply(function: &JsValue, this: &JsValue, arguments: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = Reflect, js_name = construct, catch)]
    fn construct(class: &JsValue, arguments: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = Array, js_name = from, catch)]
    fn array_from(iterable: &JsValue) -> Result<Vec<JsValue>, JsValue>;
    #[wasm_bindgen(js_namespace = JSON, js_name = parse, catch)]
    fn parse(text: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_namespace = JSON, js_name = stringify, catch)]
    fn stringify(value: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(thread_local_v2, js_name = globalThis)]
    static GLOBAL: JsValue;
}

/// A handle on a JavaScript value.
#[derive(Clone)]
pub(crate) struct Value(JsValue);

impl Value {
    pub(crate) const UNDEFINED: Value = Value(JsValue::UNDEFINED);
    pub(crate) const NULL: Value = Value(JsValue::NULL);

    /// `globalThis`, or something in it.
    #[inline(never)]
    pub(crate) fn global(name: &str) -> Value {
        GLOBAL.with(|global| Value(get(global, name).unwrap_or_default()))
    }

    /// `{}`
    pub(crate) fn object() -> Value {
        Value::global("Object").construct(&[])
    }

    #[inline(never)]
    /// The property of an object; `undefined` if there is none, or its getter throws.
    pub(crate) fn get(&self, name: &str) -> Value {
        Value(get(&self.0, name).unwrap_or_default())
    }

    pub(crate) fn set(&self, name: &str, value: impl Into<Value>) {
        self.put(name, value.into());
    }

    #[inline(never)]
    fn put(&self, name: &str, value: Value) {
        // Fails on frozen objects only, and we set on our own.
        let _ = set(&self.0, name, &value.0);
    }

    /// Calls a method; `None` when there is none or it throws.
    #[inline(never)]
    pub(crate) fn call(&self, name: &str, arguments: &[&Value]) -> Option<Value> {
        self.get(name).apply(self, arguments)
    }

    /// Calls a function; `None` when it is none or throws.
    #[inline(never)]
    pub(crate) fn apply(&self, this: &Value, arguments: &[&Value]) -> Option<Value> {
        apply(&self.0, &this.0, &array(arguments)).ok().map(Value)
    }

    /// `new`; `undefined` when it is no class or throws.
    pub(crate) fn construct(&self, arguments: &[&Value]) -> Value {
        Value(construct(&self.0, &array(arguments)).unwrap_or_default())
    }

    /// The items of something iterable or array-like.
    pub(crate) fn items(&self) -> Vec<Value> {
        array_from(&self.0).unwrap_or_default().into_iter().map(Value).collect()
    }

    /// Its own enumerable names.
    pub(crate) fn names(&self) -> Vec<String> {
        let names = Value::global("Object").call("keys", &[self]).unwrap_or(Value::UNDEFINED);
        names.items().iter().filter_map(Value::text).collect()
    }

    /// The text under a name.
    #[inline(never)]
    pub(crate) fn text_of(&self, name: &str) -> Option<String> {
        self.get(name).text()
    }

    /// The number under a name.
    #[inline(never)]
    pub(crate) fn number_of(&self, name: &str) -> Option<f64> {
        self.get(name).number()
    }

    /// Is it `true`, what is under a name?
    #[inline(never)]
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.get(name).flag() == Some(true)
    }

    /// Is it a function, what is under a name?
    #[inline(never)]
    pub(crate) fn has_method(&self, name: &str) -> bool {
        self.get(name).is_function()
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// A text with composed letters (Unicode normalization form C).
    pub(crate) fn composed(&self) -> Option<String> {
        self.0.dyn_ref::<js_sys::JsString>().map(|text| text.normalize("NFC").into())
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        self.0.as_bool()
    }

    pub(crate) fn number(&self) -> Option<f64> {
        self.0.as_f64().filter(|number| number.is_finite())
    }

    pub(crate) fn is_undefined(&self) -> bool {
        self.0.is_undefined()
    }

    /// `undefined` or `null`?
    pub(crate) fn is_absent(&self) -> bool {
        self.0.is_undefined() || self.0.is_null()
    }

    /// An object, and no array or function?
    pub(crate) fn is_object(&self) -> bool {
        self.0.is_object() && !self.0.is_array()
    }

    pub(crate) fn is_array(&self) -> bool {
        self.0.is_array()
    }

    pub(crate) fn is_function(&self) -> bool {
        self.0.is_function()
    }

    /// Itself, or `null` for `undefined`.
    pub(crate) fn or_null(self) -> Value {
        if self.is_absent() { Value::NULL } else { self }
    }

    /// What `await` would wait for.
    pub(crate) fn promise(&self) -> Promise {
        Promise::resolve(&self.0)
    }
}

fn array(values: &[&Value]) -> JsValue {
    let array = js_sys::Array::new();
    for value in values {
        array.push(&value.0);
    }
    array.into()
}

/// `undefined` when the text is no JSON.
pub(crate) fn json_parse(text: &str) -> Value {
    Value(parse(text).unwrap_or_default())
}

/// `None` for what JSON cannot say.
pub(crate) fn json_text(value: &Value) -> Option<String> {
    stringify(&value.0).ok()?.as_string()
}

impl From<JsValue> for Value {
    fn from(value: JsValue) -> Value {
        Value(value)
    }
}
impl From<Value> for JsValue {
    fn from(value: Value) -> JsValue {
        value.0
    }
}
impl From<&Value> for Value {
    fn from(value: &Value) -> Value {
        value.clone()
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value(JsValue::from_str(text))
    }
}
impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value(JsValue::from_f64(number))
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value(JsValue::from_bool(flag))
    }
}
impl From<Promise> for Value {
    fn from(promise: Promise) -> Value {
        Value(promise.into())
    }
}
