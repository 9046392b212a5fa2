//! JSON without duplicate names, which all readers understand in the same way.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// JSON in which no object has a name twice. Otherwise two readers could see two different requests.
pub struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        // JSON has one kind of number, so 3.0 is 3. From 2^53 on, a float does not identify one whole number.
        let is_whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
        Ok(if is_whole { (number as i64).into() } else { number.into() })
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }
    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(value)) = seq.next_element()? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Strict(value))) = map.next_entry::<String, Strict>()? {
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("a name occurs twice"));
            }
        }
        match object.get(NUMBER) {
            Some(Value::String(text)) if object.len() == 1 => self.visit_number(text),
            _ => Ok(Value::Object(object)),
        }
    }
}

/// The feature `arbitrary_precision` of serde_json, which starlark turns on, passes a number as an object with this one
/// name. So a client that sends such an object has sent a number.
const NUMBER: &str = "$serde_json::private::Number";

impl StrictVisitor {
    fn visit_number<E: de::Error>(self, text: &str) -> Result<Value, E> {
        match (text.parse::<u64>(), text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), ..) => self.visit_u64(number),
            (_, Ok(number), _) => self.visit_i64(number),
            (.., Ok(number)) if number.is_finite() => self.visit_f64(number),
            _ => Err(E::custom("a number is out of range")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_occurs_twice_is_refused_at_any_depth() {
        assert!(serde_json::from_str::<Strict>(r#"{"a":1,"b":{"a":1}}"#).is_ok());
        assert!(serde_json::from_str::<Strict>(r#"{"a":1,"a":2}"#).is_err());
        assert!(serde_json::from_str::<Strict>(r#"{"b":[{"a":1,"a":1}]}"#).is_err());
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction() {
        let Strict(read) = serde_json::from_str(r#"[12345.0, 1e2, 0.5, 7, -7]"#).unwrap();
        assert_eq!(read, serde_json::json!([12345, 100, 0.5, 7, -7]));
        assert!(serde_json::from_str::<Strict>("[1e999]").is_err());
    }
}
