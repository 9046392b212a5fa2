//! Takes the fields of a request out of a JavaScript object, at once and by name: later changes of the object
//! change nothing, and a name that no table knows is refused, unless the operator may have declared it.
//!
//! The values of a form's controls (`js/forms.js`) are such an object too. A form may have any other control besides;
//! and what kind of value a control becomes is decided by the field's rule.

use doorward_protocol::{Field, Invalid, Rule, field_named};

use super::{Value, json_text};
use crate::fields::{Node, Tree, twice};

/// The kind of object.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum How {
    /// An object of the page.
    Given,
    /// The same; null and empty values clear stored ones.
    Clearing,
    /// The controls of a form.
    Form,
    /// The same; an empty one clears the stored value.
    ClearingForm,
}

impl How {
    fn clears(self) -> bool {
        matches!(self, How::Clearing | How::ClearingForm)
    }

    fn is_form(self) -> bool {
        matches!(self, How::Form | How::ClearingForm)
    }
}

/// Reads the fields of an object that some tables know, except for `others`.
pub(crate) fn read(
    tables: &[&'static [Field]],
    others: &[&str],
    how: How,
    object: &Value,
) -> Result<Tree, Invalid> {
    let mut tree = Tree::default();
    let mut extras = Vec::new();
    let open = tables.iter().copied().flatten().find(|field| matches!(field.rule, Rule::AnyObject));
    for name in object.names() {
        let value = object.get(&name);
        if value.is_undefined() || (value.is_absent() && !how.clears()) || others.contains(&name.as_str()) {
            continue;
        }
        let field = tables.iter().find_map(|table| field_named(table, &name));
        let inner = if how.is_form() { value.get("inner") } else { value.clone() };
        match (field, open) {
            (Some(Field { rule: Rule::AnyObject, .. }), _) if inner.is_object() => {
                for name in inner.names() {
                    let added = add(&mut extras, &name, how, &inner.get(&name));
                    added.map_err(|fault| within("extras", fault))?;
                }
            }
            (Some(field), _) => {
                let node = node(field.rule, how, &value).map_err(|fault| within(&name, fault))?;
                if let Some(node) = node
                    && tree.put(field.name, node).is_some()
                {
                    return Err(twice(name));
                }
            }
            (None, Some(_)) if !how.is_form() => add(&mut extras, &name, how, &value)?,
            (None, _) if how.is_form() => {}
            (None, _) => return Err(Invalid { field: name, message: "There is no such field.".into() }),
        }
    }
    if let (Some(field), false) = (open, extras.is_empty()) {
        tree.put(field.name, Node::Extras(extras));
    }
    Ok(tree)
}

/// One of the operator's fields.
fn add(extras: &mut Vec<(String, String)>, name: &str, how: How, value: &Value) -> Result<(), Invalid> {
    let json = match node(Rule::Any, how, value).map_err(|fault| within(name, fault))? {
        None => return Ok(()),
        Some(Node::Json(json)) => json,
        Some(Node::Null) => "null".into(),
        Some(_) => return Err(Invalid { field: name.into(), message: NO_JSON.into() }),
    };
    if extras.iter().any(|(other, _)| other == name) {
        return Err(twice(name.into()));
    }
    extras.push((name.into(), json));
    Ok(())
}

const NO_JSON: &str = "This cannot be written as JSON.";

/// The field that a value becomes by a rule; `None` for an absent value. A fault has no name yet.
pub(crate) fn node(rule: Rule, how: How, value: &Value) -> Result<Option<Node>, Invalid> {
    if how.is_form() {
        return control(rule, how, value);
    }
    if value.is_absent() {
        return Ok(how.clears().then_some(Node::Null));
    }
    if matches!(rule, Rule::Any) {
        return Ok(Some(in_json(value)));
    }
    if let Some(text) = text_of(rule, value) {
        return Ok(Some(if how.clears() && text.is_empty() { Node::Null } else { Node::Text(text) }));
    }
    if let Some(flag) = value.flag() {
        return Ok(Some(Node::Flag(flag)));
    }
    if let Some(number) = value.number().and_then(whole) {
        return Ok(Some(Node::Number(number)));
    }
    Ok(Some(match rule {
        Rule::Object(inner) | Rule::TextOrObject(inner) if value.is_object() => {
            Node::Object(read(&[inner], &[], how, value)?)
        }
        Rule::Lines(..) if value.is_array() => {
            let texts = value.items().iter().map(Value::text).collect::<Option<Vec<_>>>();
            texts.map_or(Node::Other, Node::Texts)
        }
        _ => Node::Other,
    }))
}

/// The characters of a new password are counted as the server counts them. One that exists is sent as it was typed: the
/// server may have stored it so.
fn text_of(rule: Rule, value: &Value) -> Option<String> {
    if matches!(rule, Rule::NewPassword) { value.composed() } else { value.text() }
}

/// The field that a control of a form, or several with a common prefix, become by a rule; `None` if they were left empty.
fn control(rule: Rule, how: How, given: &Value) -> Result<Option<Node>, Invalid> {
    if let Some(fault) = given.text_of("fault") {
        return Err(Invalid { field: String::new(), message: fault.into() });
    }
    let cleared = how.clears().then_some(Node::Null);
    let inner = given.get("inner");
    if let Rule::Object(fields) | Rule::TextOrObject(fields) = rule
        && inner.is_object()
    {
        let nested = read(&[fields], &[], how, &inner)?;
        if !nested.is_empty() {
            return Ok(Some(Node::Object(nested)));
        }
        if given.get("text").is_absent() {
            return Ok(cleared);
        }
    }
    let flag = given.get("flag").flag();
    let text = text_of(rule, &given.get("text"));
    let is_flag = matches!(rule, Rule::Flag | Rule::FlagOrLine(_));
    Ok(match (rule, text.as_deref()) {
        (Rule::Any, _) => match given.get("value") {
            value if value.text().as_deref() == Some("") => cleared,
            value => Some(in_json(&value)),
        },
        (Rule::Flag, _) if flag.is_some() => flag.map(Node::Flag),
        (Rule::FlagOrLine(_), None) => flag.map(Node::Flag),
        (_, None) => None,
        (_, Some("")) => cleared,
        (Rule::Code, Some(_)) if given.get("number").number().is_some() => {
            given.number_of("number").and_then(whole).map(Node::Number).or(text.map(Node::Text))
        }
        (_, Some("true" | "on" | "1")) if is_flag => Some(Node::Flag(true)),
        (_, Some("false" | "off" | "0")) if is_flag => Some(Node::Flag(false)),
        _ => text.map(Node::Text),
    })
}

/// JSON; `Other` for values that JSON cannot express, NaN among them.
fn in_json(value: &Value) -> Node {
    json_text(value).filter(|json| json != "null").map_or(Node::Other, Node::Json)
}

/// A whole number that JSON carries unharmed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by the comparison")]
pub(crate) fn whole(number: f64) -> Option<u64> {
    let truncated = number as u64;
    (number == truncated as f64 && truncated < 1 << 53).then_some(truncated)
}

/// The fault of a value, with the value's name in front.
fn within(name: &str, mut inner: Invalid) -> Invalid {
    if !inner.field.is_empty() {
        inner.field.insert(0, '.');
    }
    inner.field.insert_str(0, name);
    inner
}
