//! The JSON of a request: checked by the protocol's table of fields, converted into canonical form, then read into the
//! struct.

use doorward_core::canonical;
use doorward_core::strict_json::Strict;
use doorward_protocol::{
    Field, Given, Invalid, Members, Place, Reading, Request, Rule, Source, no_such_field,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::canonical_fields;
use crate::error::ApiError;
use crate::event::Granted;
use crate::idempotency::Idempotency;
use crate::platform::Platform;

/// A request that passed its table, and its `Idempotency-Key` if it came with one.
#[derive(Debug)]
pub struct Json<T> {
    /// The request.
    pub request: T,
    /// Makes a repetition harmless, if the caller sent a key.
    pub idempotency: Option<Idempotency>,
    /// Fields that were given as `null` or as an empty text. They count as absent, unless the request uses this to
    /// clear a field. A nested one is `address.locality`.
    pub emptied: Vec<String>,
    /// The object that the request was read from, with the names of the table. Kept only if there are hooks, which may
    /// need it.
    pub given: Option<Map<String, Value>>,
    /// Grants of a hook.
    pub granted: Granted,
}

impl<T: Request + DeserializeOwned> Json<T> {
    /// Checks an object, with fields named as in the table, and converts them into canonical form. `is_kept`: the object
    /// is kept for hooks.
    pub fn of(
        mut object: Map<String, Value>,
        idempotency: Option<Idempotency>,
        platform: &Platform,
        is_kept: bool,
    ) -> Result<Self, ApiError> {
        T::check(&Fields(&object, T::FIELDS), platform.policy())?;
        canonical_fields::object(&mut object, T::FIELDS, &platform.config)?;
        let given = is_kept.then(|| object.clone());
        let emptied = emptied(&object, T::FIELDS, "");
        drop_empty(&mut object, T::FIELDS);
        // The table has accepted every field: an error here is a difference between the table and the struct.
        let request = T::deserialize(Value::Object(object)).map_err(|error| ApiError {
            cause: Some(error.to_string()),
            ..ApiError::request(400, "The body has a field of the wrong type.")
        })?;
        Ok(Json { request, idempotency, emptied, given, granted: Granted::default() })
    }
}

/// Reads a JSON object.
pub fn parse(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let Strict(value) = serde_json::from_slice(bytes).map_err(|error| ApiError {
        cause: Some(error.to_string()),
        ..ApiError::request(400, "The body is not valid JSON.")
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::request(400, "The body must be a JSON object.")),
    }
}

/// A JSON object as a source of fields for the protocol's tables.
struct Fields<'a>(&'a Map<String, Value>, &'a [Field]);

impl Source for Fields<'_> {
    fn get(&self, name: &str) -> Given<'_> {
        match self.0.get(name) {
            None | Some(Value::Null) => Given::Absent,
            Some(Value::String(text)) if text.is_empty() && !takes_anything(self.1, name) => Given::Absent,
            Some(Value::String(text)) => canonical::given(rule_of(self.1, name), text),
            Some(Value::Bool(flag)) => Given::Flag(*flag),
            Some(Value::Number(number)) => number.as_u64().map_or(Given::Any, Given::Number),
            Some(Value::Object(_)) => Given::Object,
            Some(Value::Array(array)) => texts(array).unwrap_or(Given::Any),
        }
    }

    fn nested(&self, name: &str) -> Option<Self> {
        let object = self.0.get(name).and_then(Value::as_object)?;
        let inner = match self.1.iter().find(|field| field.name == name).map(|field| field.rule) {
            Some(Rule::Object(inner) | Rule::TextOrObject(inner)) => inner,
            _ => &[],
        };
        Some(Fields(object, inner))
    }

    fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<String> {
        self.0.keys().find(|name| !known(name)).map(|name| printable(name))
    }
}

fn texts(array: &[Value]) -> Option<Given<'static>> {
    let lengths = array.iter().map(|value| value.as_str().map(|text| text.chars().count()));
    let longest = lengths.collect::<Option<Vec<_>>>()?.into_iter().max().unwrap_or(0);
    Some(Given::Texts { count: array.len(), longest })
}

/// Renames fields to their names in the table, from any accepted spelling. If the table has `extras`, unknown fields
/// become extras.
pub fn rename(object: Map<String, Value>, fields: &'static [Field]) -> Result<Map<String, Value>, Invalid> {
    let tables = [fields];
    let mut reading = Reading::of(&tables);
    for (given, value) in object {
        match (reading.place(&given), value) {
            (Some(Place::Field(Field { rule: Rule::AnyObject, .. })), Value::Object(extras)) => {
                for (name, value) in extras {
                    reading.put_extra(&name, value)?;
                }
            }
            (Some(Place::Field(field)), Value::Object(nested)) => {
                let nested = match field.rule {
                    Rule::Object(inner) | Rule::TextOrObject(inner) => {
                        rename(nested, inner).map_err(|fault| fault.within(&given))?
                    }
                    _ => nested,
                };
                reading.put(&given, field, Value::Object(nested))?;
            }
            (Some(Place::Field(field)), value) => reading.put(&given, field, value)?,
            (Some(Place::Extra), value) => reading.put_extra(&given, value)?,
            (None, _) => return Err(no_such_field(&printable(&given))),
        }
    }
    let extras_field = reading.extras_field();
    let Members { fields, extras } = reading.end();
    let mut object: Map<_, _> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if let Some(field) = extras_field.filter(|_| !extras.is_empty()) {
        match object.get(field.name) {
            None | Some(Value::Null) => {
                drop(object.insert(field.name.to_owned(), Value::Object(Map::from_iter(extras))));
            }
            // Its rule refuses it.
            Some(_) => {}
        }
    }
    Ok(object)
}

/// A name from outside, which goes into the answer and the log: short and printable.
fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// The rule of a field.
fn rule_of(fields: &[Field], name: &str) -> Rule {
    fields.iter().find(|field| field.name == name).map_or(Rule::Any, |field| field.rule)
}

/// True if the field accepts any value: then an empty text is a value, too.
fn takes_anything(fields: &[Field], name: &str) -> bool {
    fields.iter().any(|field| field.name == name && matches!(field.rule, Rule::Any))
}

/// The fields that were given as `null` or as an empty text.
fn emptied(object: &Map<String, Value>, fields: &[Field], parent: &str) -> Vec<String> {
    let mut names = Vec::new();
    for field in fields {
        match (object.get(field.name), field.rule) {
            (Some(value), _) if is_empty(value) => names.push(format!("{parent}{}", field.name)),
            (Some(Value::Object(nested)), Rule::Object(inner) | Rule::TextOrObject(inner)) => {
                names.extend(emptied(nested, inner, &format!("{parent}{}.", field.name)));
            }
            _ => {}
        }
    }
    names
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// Removes the fields that the table treats as absent, so that the struct does so, too. Extra fields and fields with
/// any value stay as they are.
fn drop_empty(object: &mut Map<String, Value>, fields: &[Field]) {
    object.retain(|name, value| !is_empty(value) || (value.is_string() && takes_anything(fields, name)));
    for field in fields {
        if let (Rule::Object(inner) | Rule::TextOrObject(inner), Some(Value::Object(nested))) =
            (field.rule, object.get_mut(field.name))
        {
            drop_empty(nested, inner);
        }
    }
}
