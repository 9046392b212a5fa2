//! The JSON of a request: the protocol's table of fields, their canonical form, then the struct.

use doorward_core::canonical;
use doorward_core::strict_json::Strict;
use doorward_protocol::{Field, Given, Invalid, Request, Rule, Source, field_named};
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
    /// Makes a repetition harmless, where the caller asked for it.
    pub idempotency: Option<Idempotency>,
    /// Fields that were given as `null` or as an empty text: absent, unless the request says that this clears them.
    /// A nested one is `address.locality`.
    pub emptied: Vec<String>,
    /// What it was read from, under the names of the table. Kept only where there are hooks, which may want to see it.
    pub given: Option<Map<String, Value>>,
    /// What a hook gave beside that.
    pub granted: Granted,
}

impl<T: Request + DeserializeOwned> Json<T> {
    /// Checks an object whose fields have the names of the table, and brings them into canonical form. `is_kept`: hooks may
    /// want to see what was given.
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
        // The table has accepted every field, so that a refusal here is a gap between the table and the struct.
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

/// A JSON object as the protocol's tables see it.
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
        // The name comes from outside and goes into the answer and the log: keep it short and printable.
        let printable = |name: &String| name.chars().filter(|c| !c.is_control()).take(64).collect();
        self.0.keys().find(|name| !known(name)).map(printable)
    }
}

fn texts(array: &[Value]) -> Option<Given<'static>> {
    let lengths = array.iter().map(|value| value.as_str().map(|text| text.chars().count()));
    let longest = lengths.collect::<Option<Vec<_>>>()?.into_iter().max().unwrap_or(0);
    Some(Given::Texts { count: array.len(), longest })
}

/// Gives the fields the names that they have in the table, whatever spelling they came in. Where the table has
/// `extras`, what it does not know is one of those.
pub fn rename(object: &mut Map<String, Value>, fields: &[Field], parent: &str) -> Result<(), Invalid> {
    let open = fields.iter().any(|field| field.name == "extras");
    let mut extras = Map::new();
    for (given, mut value) in std::mem::take(object) {
        let known = field_named(fields, &given);
        if let (Some(Rule::Object(inner) | Rule::TextOrObject(inner)), Value::Object(nested)) =
            (known.map(|field| field.rule), &mut value)
        {
            rename(nested, inner, &format!("{parent}{given}."))?;
        }
        let (to, name) = match known {
            Some(field) => (&mut *object, field.name.to_owned()),
            None if open => (&mut extras, given.clone()),
            None => (&mut *object, given.clone()),
        };
        if to.insert(name, value).is_some() {
            let field = format!("{parent}{given}");
            return Err(Invalid { field, message: "This is given twice, under two names.".into() });
        }
    }
    if !extras.is_empty() {
        match object.entry("extras").or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(named) => {
                if let Some(name) = extras.keys().find(|name| named.contains_key(*name)) {
                    return Err(Invalid { field: name.clone(), message: "This is given twice.".into() });
                }
                named.append(&mut extras);
            }
            Value::Null => object["extras"] = Value::Object(extras),
            // Refused by its rule.
            _ => {}
        }
    }
    Ok(())
}

/// The rule of a field.
fn rule_of(fields: &[Field], name: &str) -> Rule {
    fields.iter().find(|field| field.name == name).map_or(Rule::Any, |field| field.rule)
}

/// Where any value may stand, an empty text is one.
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

/// What counts as absent for the table is absent for the struct too. What is the operator's or the app's own is left
/// as it is.
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
