//! Reads the fields of a request from an object of the page or from a form, immediately: later changes of the
//! object have no effect.
//!
//! An object may have only names of the tables, unless the operator may have declared the name. A form may
//! have any other control. The rule of a field decides what kind of value its control becomes.

use doorward_protocol::{Field, Invalid, Members, Place, Reading, Rule, no_such_field};
use wasm_bindgen::JsValue;

use super::{json, object};
use crate::document::{Document, Value, whole};

/// The meaning of an empty or absent value.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Empty {
    /// The field is absent.
    Absent,
    /// The stored value is cleared.
    Clears,
}

impl Empty {
    /// The value of an empty field.
    fn value(self) -> Option<Value> {
        (self == Empty::Clears).then_some(Value::Null)
    }
}

/// Reads the fields of the tables from an object of the page. Skips the names in `others`.
pub(crate) fn of_object(
    tables: &[&'static [Field]],
    others: &[&str],
    empty: Empty,
    given: &JsValue,
) -> Result<Document, Invalid> {
    read(tables, From::Object(others), empty, given)
}

/// Reads the fields of the tables from a form. `values` are the values from `js/forms.js`.
pub(crate) fn of_form(
    tables: &[&'static [Field]],
    empty: Empty,
    values: &JsValue,
) -> Result<Document, Invalid> {
    read(tables, From::Form, empty, values)
}

/// The source of the values.
#[derive(Clone, Copy)]
enum From<'a> {
    /// An object of the page, which may also have these other names.
    Object(&'a [&'a str]),
    /// The controls of a form.
    Form,
}

impl From<'_> {
    /// The fields inside a value that is an object, or of several controls with a common prefix.
    fn inner(self, value: &JsValue) -> Option<JsValue> {
        let inner = match self {
            From::Object(_) => value.clone(),
            From::Form => object::get(value, "inner"),
        };
        object::is_object(&inner).then_some(inner)
    }

    fn value(self, rule: Rule, empty: Empty, given: &JsValue) -> Read {
        match self {
            From::Object(_) => of_value(rule, empty, given),
            From::Form => of_control(rule, empty, given),
        }
    }
}

fn read(
    tables: &[&'static [Field]],
    from: From<'_>,
    empty: Empty,
    given: &JsValue,
) -> Result<Document, Invalid> {
    let mut reading = Reading::of(tables);
    for name in object::names(given) {
        let value = object::get(given, &name);
        let is_absent = value.is_undefined() || (value.is_null() && empty == Empty::Absent);
        if let From::Object(others) = from
            && (is_absent || others.contains(&&*name))
        {
            continue;
        }
        match (reading.place(&name), from) {
            (Some(Place::Field(Field { rule: Rule::AnyObject, .. })), _)
                if let Some(extras) = from.inner(&value) =>
            {
                for name in object::names(&extras) {
                    // An empty text inside of an object stays a text.
                    let extra = from.value(Rule::Any, empty, &object::get(&extras, &name));
                    put_extra(&mut reading, &name, extra).map_err(|fault| fault.within("extras"))?;
                }
            }
            (Some(Place::Field(field)), _) => {
                let value = from.value(field.rule, empty, &value).map_err(|fault| fault.within(&name))?;
                if let Some(value) = value {
                    reading.put(&name, field, value)?;
                }
            }
            (Some(Place::Extra), From::Object(_)) => {
                put_extra(&mut reading, &name, of_value(Rule::Any, empty, &value))?;
            }
            (Some(Place::Extra) | None, From::Form) => {}
            (None, From::Object(_)) => return Err(no_such_field(&name)),
        }
    }
    Ok(document(reading))
}

/// Adds a field that only the operator's settings declare.
fn put_extra(reading: &mut Reading<'_, Value>, name: &str, value: Read) -> Result<(), Invalid> {
    match value.map_err(|fault| fault.within(name))? {
        None => Ok(()),
        Some(Value::Invalid) => {
            Err(Invalid { field: name.into(), message: "This cannot be written as JSON.".into() })
        }
        Some(value) => reading.put_extra(name, value),
    }
}

fn document(reading: Reading<'_, Value>) -> Document {
    let extras_field = reading.extras_field();
    let Members { fields, extras } = reading.end();
    let mut document = Document::default();
    for (name, value) in fields {
        if !matches!(&value, Value::Text(text) if text.is_empty()) {
            document.put(name, value);
        }
    }
    if let Some(field) = extras_field.filter(|_| !extras.is_empty()) {
        let mut all = Document::default();
        for (name, value) in extras {
            all.push(name, value);
        }
        document.put(field.name, all.into());
    }
    document
}

/// A value that was read. `None` if it is absent. An error does not have its field's name yet.
type Read = Result<Option<Value>, Invalid>;

/// Reads the value of a field from an object of the page.
pub(crate) fn of_value(rule: Rule, empty: Empty, given: &JsValue) -> Read {
    if object::is_absent(given) {
        return Ok(empty.value());
    }
    if matches!(rule, Rule::Any) {
        return Ok(Some(json::copy(given).map_or(Value::Invalid, Value::Page)));
    }
    if let Some(text) = text_of(rule, given) {
        return Ok(Some(if text.is_empty() && empty == Empty::Clears {
            Value::Null
        } else {
            Value::Text(text)
        }));
    }
    if let Some(flag) = given.as_bool() {
        return Ok(Some(Value::Flag(flag)));
    }
    if let Some(number) = given.as_f64() {
        return Ok(Some(whole(number).map_or(Value::Invalid, |_| Value::Number(number))));
    }
    Ok(Some(match rule {
        Rule::Object(inner) | Rule::TextOrObject(inner) if object::is_object(given) => {
            of_object(&[inner], &[], empty, given)?.into()
        }
        Rule::Lines(..) if given.is_array() => {
            let text = |item: &JsValue| item.as_string().map_or(Value::Invalid, Value::Text);
            Value::List(object::items(given).iter().map(text).collect())
        }
        _ => Value::Invalid,
    }))
}

/// A text. A new password is composed (NFC), so that its characters are counted as on the server. An existing
/// password is sent as it was typed, because the server may have stored it so.
fn text_of(rule: Rule, given: &JsValue) -> Option<String> {
    if matches!(rule, Rule::NewPassword) { object::composed(given) } else { given.as_string() }
}

/// Reads the value of a field from a control of a form, or from several controls with a common prefix.
fn of_control(rule: Rule, empty: Empty, given: &JsValue) -> Read {
    let part = |name| object::get(given, name);
    if let Some(fault) = object::text(given, "fault") {
        return Err(Invalid { field: String::new(), message: fault.into() });
    }
    let text = part("text");
    if let Rule::Object(fields) | Rule::TextOrObject(fields) = rule
        && let Some(inner) = From::Form.inner(given)
    {
        let nested = of_form(&[fields], empty, &inner)?;
        if !nested.is_empty() {
            return Ok(Some(nested.into()));
        }
        if text.is_undefined() {
            return Ok(empty.value());
        }
    }
    if matches!(rule, Rule::Any) {
        let value = part("value");
        return if value.as_string().as_deref() == Some("") {
            Ok(empty.value())
        } else {
            of_value(rule, empty, &value)
        };
    }
    let flag = part("flag").as_bool().map(Value::Flag);
    let text = text_of(rule, &text);
    let is_flag = matches!(rule, Rule::Flag | Rule::FlagOrLine(_));
    Ok(match (rule, text.as_deref()) {
        (Rule::Flag, _) if flag.is_some() => flag,
        (Rule::FlagOrLine(_), None) => flag,
        (_, None) => None,
        (_, Some("")) => empty.value(),
        (_, Some("true" | "on" | "1")) if is_flag => Some(Value::Flag(true)),
        (_, Some("false" | "off" | "0")) if is_flag => Some(Value::Flag(false)),
        (Rule::Code, _) => {
            let number = part("number").as_f64().filter(|number| whole(*number).is_some());
            number.map(Value::Number).or(text.map(Value::Text))
        }
        _ => text.map(Value::Text),
    })
}
