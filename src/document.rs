//! JSON documents: the bodies of requests and the answers of the server.
//!
//! One dynamic type, because answers pass through: a profile has fields that the operator declares, and a newer server may send
//! fields that this SDK does not know.

use std::borrow::Cow;

use doorward_protocol::{Field, Given, Source};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use wasm_bindgen::JsValue;

/// A JSON value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Value {
    #[default]
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(Document),
    /// A copy of a value of the page that JSON can express. Only the server inspects it.
    Page(JsValue),
    /// A value that JSON cannot express, like a function. Every rule rejects it.
    Invalid,
}

/// A JSON object. Its members keep their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document(Vec<(Cow<'static, str>, Value)>);

impl Document {
    /// A document with one member.
    pub(crate) fn of(name: &'static str, value: impl Into<Value>) -> Document {
        Document::default().with(name, value)
    }

    /// The document with one more member.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Document {
        self.put(name, value.into());
        self
    }

    /// The document with one more member, if there is a value for it.
    pub(crate) fn with_some(self, name: &'static str, value: Option<impl Into<Value>>) -> Document {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Sets a member.
    #[inline(never)]
    pub(crate) fn put(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, before)) => *before = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Adds a member with a name from the page or the server. The caller has checked that no member has this
    /// name.
    pub(crate) fn push(&mut self, name: String, value: Value) {
        self.0.push((name.into(), value));
    }

    /// Removes a member and returns it.
    #[inline(never)]
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(other, _)| other == name)?;
        Some(self.0.remove(at).1)
    }

    #[inline(never)]
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    #[inline(never)]
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Value::Flag(flag)) => Some(*flag),
            _ => None,
        }
    }

    #[inline(never)]
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(crate) fn object(&self, name: &str) -> Option<&Document> {
        match self.get(name) {
            Some(Value::Object(object)) => Some(object),
            _ => None,
        }
    }

    /// True if the member exists and is not `null`, `false` or an empty text.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        match self.get(name) {
            None | Some(Value::Flag(false) | Value::Null) => false,
            Some(Value::Text(text)) => !text.is_empty(),
            Some(_) => true,
        }
    }

    /// True if all members are `null`.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, value)| matches!(value, Value::Null))
    }

    /// Removes the members that are not in a table.
    pub(crate) fn keep(&mut self, fields: &[Field]) {
        self.0.retain(|(name, _)| fields.iter().any(|field| field.name == name));
    }

    /// Moves the members of another document into this one. They replace members with the same name.
    pub(crate) fn extend(&mut self, other: Document) {
        for (name, value) in other.0 {
            self.take(&name);
            self.0.push((name, value));
        }
    }
}

impl Value {
    pub(crate) fn into_object(self) -> Option<Document> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null | Value::Invalid => serializer.serialize_unit(),
            Value::Flag(flag) => serializer.serialize_bool(*flag),
            Value::Number(number) => serializer.serialize_f64(*number),
            Value::Text(text) => serializer.serialize_str(text),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Value::Object(object) => object.serialize(serializer),
            Value::Page(value) => serde_wasm_bindgen::preserve::serialize(value, serializer),
        }
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(&**name, value)?;
        }
        map.end()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}
impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}
impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Flag(flag)
    }
}
impl From<Document> for Value {
    fn from(object: Document) -> Value {
        Value::Object(object)
    }
}

/// The largest whole number that JSON represents exactly, plus one.
const UNSAFE: f64 = 9_007_199_254_740_992.0;

/// The number, if it is whole, not negative, and JSON represents it exactly.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by the comparison")]
pub(crate) fn whole(number: f64) -> Option<u64> {
    let truncated = number as u64;
    (number == truncated as f64 && number < UNSAFE).then_some(truncated)
}

impl Source for &Document {
    fn get(&self, name: &str) -> Given<'_> {
        match Document::get(self, name) {
            None | Some(Value::Null) => Given::Absent,
            Some(Value::Text(text)) if text.is_empty() => Given::Absent,
            Some(Value::Text(text)) => Given::Text(Cow::Borrowed(text)),
            Some(Value::Flag(flag)) => Given::Flag(*flag),
            Some(Value::Number(number)) => whole(*number).map_or(Given::Other, Given::Number),
            Some(Value::Object(_)) => Given::Object,
            Some(Value::List(items)) => texts(items),
            Some(Value::Page(_)) => Given::Any,
            Some(Value::Invalid) => Given::Other,
        }
    }

    fn nested(&self, name: &str) -> Option<Self> {
        self.object(name)
    }

    /// The first name that is not a field of this request, although the method knows it.
    fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<String> {
        let given = self.0.iter().filter(|(_, value)| !matches!(value, Value::Text(text) if text.is_empty()));
        given.map(|(name, _)| &**name).find(|name| !known(name)).map(str::to_owned)
    }
}

fn texts(items: &[Value]) -> Given<'_> {
    let mut longest = 0;
    for item in items {
        let Value::Text(text) = item else { return Given::Other };
        longest = longest.max(text.chars().count());
    }
    Given::Texts { count: items.len(), longest }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use doorward_protocol::{Policy, Request, login::LoginRequest};

    use super::*;

    #[test]
    fn a_document_is_written_as_json_in_the_order_of_its_members() {
        let document = Document::of("email", "a\"\\\n\u{1}é🔑@x")
            .with("email_public", true)
            .with("code", 12345.5)
            .with_some("name", None::<&str>)
            .with("address", Document::of("locality", "Köln"))
            .with("list", Value::List(vec![Value::Null, "x".into()]));
        assert_eq!(
            serde_json::to_string(&document).unwrap(),
            r#"{"email":"a\"\\\n\u0001é🔑@x","email_public":true,"code":12345.5,"address":{"locality":"Köln"},"list":[null,"x"]}"#
        );
    }

    #[test]
    fn the_protocol_checks_a_document() {
        let mut document = Document::of("email", "ada@example.com");
        let fault = LoginRequest::check(&&document, Policy::default()).unwrap_err();
        assert_eq!(fault.field, "password");
        document.put("password", "secret".into());
        assert!(LoginRequest::check(&&document, Policy::default()).is_ok());
        document.put("password", true.into());
        assert_eq!(LoginRequest::check(&&document, Policy::default()).unwrap_err().field, "password");
    }

    #[test]
    fn only_numbers_that_json_represents_exactly_are_whole() {
        assert_eq!(whole(0.0), Some(0));
        assert_eq!(whole(9_007_199_254_740_991.0), Some(9_007_199_254_740_991));
        for number in [-1.0, 0.5, 9_007_199_254_740_992.0, f64::NAN, f64::INFINITY] {
            assert_eq!(whole(number), None, "{number}");
        }
    }
}
