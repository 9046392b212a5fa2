//! Reads the fields of a request from an object of the page or from a form, at once: later changes of the object change nothing.
//!
//! An object may have the names of the tables and no other, unless the operator may have declared it. A form may have any other
//! control. The rule of a field decides what kind of value its control becomes.

use doorward_protocol::{Field, Invalid, Rule, field_named};
use wasm_bindgen::JsValue;

use super::{json, object};
use crate::document::{Document, Value, twice, whole};

/// What an empty or absent value of a field means.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Empty {
    /// The field is absent.
    Absent,
    /// The stored value is cleared.
    Clears,
}

impl Empty {
    /// The value of a field that is given as nothing.
    fn value(self) -> Option<Value> {
        (self == Empty::Clears).then_some(Value::Null)
    }
}

/// Reads the fields of an object of the page that some tables know, except for `others`.
pub(crate) fn of_object(
    tables: &[&'static [Field]],
    others: &[&str],
    empty: Empty,
    given: &JsValue,
) -> Result<Document, Invalid> {
    read(tables, From::Object(others), empty, given)
}

/// Reads the fields of a form that some tables know. `values` are those of `js/forms.js`.
pub(crate) fn of_form(
    tables: &[&'static [Field]],
    empty: Empty,
    values: &JsValue,
) -> Result<Document, Invalid> {
    read(tables, From::Form, empty, values)
}

/// Where values are read from.
#[derive(Clone, Copy)]
enum From<'a> {
    /// An object of the page, which may have these other names too.
    Object(&'a [&'a str]),
    /// The controls of a form.
    Form,
}

impl From<'_> {
    /// The fields inside a value that is an object, or that of several controls with a common prefix.
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
    let mut fields = Fields::new(tables);
    for name in object::names(given) {
        let value = object::get(given, &name);
        let is_absent = value.is_undefined() || (value.is_null() && empty == Empty::Absent);
        if let From::Object(others) = from
            && (is_absent || others.contains(&&*name))
        {
            continue;
        }
        let field = fields.named(&name);
        if let Some(Field { rule: Rule::AnyObject, .. }) = field
            && let Some(extras) = from.inner(&value)
        {
            for name in object::names(&extras) {
                // An empty text of an object stays one.
                let extra = from.value(Rule::Any, empty, &object::get(&extras, &name));
                fields.add_extra(&name, extra).map_err(|fault| within("extras", fault))?;
            }
            continue;
        }
        match (field, from) {
            (Some(field), _) => fields.put(&name, field, from.value(field.rule, empty, &value))?,
            (None, From::Form) => {}
            (None, From::Object(_)) if fields.open.is_some() => {
                fields.add_extra(&name, of_value(Rule::Any, empty, &value))?;
            }
            (None, From::Object(_)) => return Err(Invalid { field: name, message: NO_SUCH_FIELD.into() }),
        }
    }
    Ok(fields.end())
}

/// The fields that were read so far.
struct Fields<'a> {
    tables: &'a [&'static [Field]],
    document: Document,
    /// The names that were given, empty ones too.
    given: Vec<&'static str>,
    /// The field for names that only the operator knows, and what was given for it.
    open: Option<&'static Field>,
    extras: Document,
}

const NO_SUCH_FIELD: &str = "There is no such field.";

impl<'a> Fields<'a> {
    fn new(tables: &'a [&'static [Field]]) -> Fields<'a> {
        let open = tables.iter().copied().flatten().find(|field| matches!(field.rule, Rule::AnyObject));
        Fields { tables, document: Document::default(), given: Vec::new(), open, extras: Document::default() }
    }

    fn named(&self, name: &str) -> Option<&'static Field> {
        self.tables.iter().find_map(|table| field_named(table, name))
    }

    fn put(&mut self, name: &str, field: &'static Field, value: Read) -> Result<(), Invalid> {
        let Some(value) = value.map_err(|fault| within(name, fault))? else { return Ok(()) };
        if self.given.contains(&field.name) {
            return Err(twice(name.into()));
        }
        self.given.push(field.name);
        if !matches!(&value, Value::Text(text) if text.is_empty()) {
            self.document.put(field.name, value);
        }
        Ok(())
    }

    /// Adds a field of the operator's.
    fn add_extra(&mut self, name: &str, value: Read) -> Result<(), Invalid> {
        let Some(value) = value.map_err(|fault| within(name, fault))? else { return Ok(()) };
        // The operator cannot declare this name, and as a member of an object it would change the object's prototype.
        if name == "__proto__" {
            return Err(Invalid { field: name.into(), message: NO_SUCH_FIELD.into() });
        }
        if matches!(value, Value::Invalid) {
            return Err(Invalid { field: name.into(), message: "This cannot be written as JSON.".into() });
        }
        if self.extras.get(name).is_some() {
            return Err(twice(name.into()));
        }
        self.extras.push(name.into(), value);
        Ok(())
    }

    fn end(mut self) -> Document {
        if let Some(field) = self.open.filter(|_| self.extras != Document::default()) {
            self.document.put(field.name, self.extras.into());
        }
        self.document
    }
}

/// A value that was read; `None` for an absent one. A fault has no name yet.
type Read = Result<Option<Value>, Invalid>;

/// The value of a field that an object of the page gives.
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

/// A text; a new password in composed letters, so that its characters are counted as the server counts them. An existing password
/// is sent as it was typed: the server may have stored it so.
fn text_of(rule: Rule, given: &JsValue) -> Option<String> {
    if matches!(rule, Rule::NewPassword) { object::composed(given) } else { given.as_string() }
}

/// The value of a field that a control of a form gives, or several controls with a common prefix.
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

/// The fault of a nested value, with the name of the outer one in front.
fn within(name: &str, mut inner: Invalid) -> Invalid {
    if !inner.field.is_empty() {
        inner.field.insert(0, '.');
    }
    inner.field.insert_str(0, name);
    inner
}
