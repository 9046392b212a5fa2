//! Checks values of fields that the operator declares against their declared types.

use doorward_protocol::data::ValueType;
use serde_json::Value;

/// Maximum size of a value, in bytes of its JSON.
const LONGEST: usize = 16 * 1024;
/// Maximum depth of a value.
const DEEPEST: usize = 16;

/// Checks type, size and depth of a value. The error is a sentence for the user.
pub fn check(kind: ValueType, value: &Value) -> Result<(), &'static str> {
    let holds = match kind {
        ValueType::String => value.is_string(),
        ValueType::Number => value.is_number(),
        ValueType::Boolean => value.is_boolean(),
        ValueType::Datetime => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        ValueType::Object => value.is_object() || value.is_array(),
        ValueType::Strings => value.as_array().is_some_and(|all| all.iter().all(Value::is_string)),
    };
    if !holds {
        return Err(match kind {
            ValueType::String => "This must be text.",
            ValueType::Number => "This must be a number.",
            ValueType::Boolean => "This must be true or false.",
            ValueType::Datetime => "This must be a moment like 2026-01-31T12:00:00Z.",
            ValueType::Object => "This must be an object or an array.",
            ValueType::Strings => "This must be an array of texts.",
        });
    }
    match value.to_string().len() > LONGEST || depth(value) > DEEPEST {
        true => Err("This is too large: 16 KiB and 16 levels at most."),
        false => Ok(()),
    }
}

fn depth(value: &Value) -> usize {
    let inner = match value {
        Value::Array(array) => array.iter().map(depth).max(),
        Value::Object(object) => object.values().map(depth).max(),
        _ => return 0,
    };
    1 + inner.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn seed_a58_a_value_must_have_its_declared_type() {
        for (kind, good, bad) in [
            (ValueType::String, json!("x"), json!(1)),
            (ValueType::Number, json!(1.5), json!("1")),
            (ValueType::Boolean, json!(true), json!(1)),
            (ValueType::Datetime, json!("2026-01-31T12:00:00+01:00"), json!("2026-02-30T12:00:00Z")),
            (ValueType::Object, json!({ "a": [1] }), json!("{}")),
            (ValueType::Strings, json!(["a"]), json!(["a", 1])),
        ] {
            assert!(check(kind, &good).is_ok() && check(kind, &bad).is_err(), "{kind:?}");
            assert!(check(kind, &Value::Null).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn sec_x04_size_and_depth_of_a_value_are_limited() {
        assert!(check(ValueType::String, &json!("x".repeat(LONGEST))).is_err());
        let deep = (0..=DEEPEST).fold(json!(1), |inner, _| json!([inner]));
        assert!(check(ValueType::Object, &deep).is_err());
    }
}
