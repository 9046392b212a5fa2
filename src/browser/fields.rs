//! Takes the fields of a request out of a JavaScript object, at once and by name: later changes of the object
//! change nothing, and a name that no table knows is refused, unless the operator may have declared it.

use doorward_protocol::{Field, Invalid, Rule, field_named};

use super::{Value, json_text};
use crate::fields::{Node, Tree, twice};

/// Reads the fields of an object that some tables know, leaving `others` to somebody else. Where the method
/// `clears`, what is given as nothing is a value too.
pub(crate) fn read(
    tables: &[&'static [Field]],
    others: &[&str],
    clears: bool,
    object: &Value,
) -> Result<Tree, Invalid> {
    let mut tree = Tree::default();
    let mut extras = Vec::new();
    let mut all = tables.iter().copied().flatten();
    let open = all.find(|field| matches!(field.rule, Rule::AnyObject));
    for name in object.names() {
        let value = object.get(&name);
        if value.is_undefined() || (value.is_absent() && !clears) || others.contains(&name.as_str()) {
            continue;
        }
        match (tables.iter().find_map(|table| field_named(table, &name)), open) {
            (Some(Field { rule: Rule::AnyObject, .. }), _) if value.is_object() => {
                for name in value.names() {
                    add(&mut extras, &name, &value.get(&name)).map_err(|fault| within("extras", fault))?;
                }
            }
            (Some(field), _) if tree.node(field.name).is_some() => return Err(twice(name)),
            (Some(field), _) => {
                let node = node(field.rule, clears, &value).map_err(|inner| within(&name, inner))?;
                tree.put(field.name, node);
            }
            (None, Some(_)) => add(&mut extras, &name, &value)?,
            (None, None) => return Err(Invalid { field: name, message: "There is no such field.".into() }),
        }
    }
    if let (Some(field), false) = (open, extras.is_empty()) {
        tree.put(field.name, Node::Extras(extras));
    }
    Ok(tree)
}

/// One of the operator's fields.
fn add(extras: &mut Vec<(String, String)>, name: &str, value: &Value) -> Result<(), Invalid> {
    if value.is_undefined() {
        return Ok(());
    }
    if extras.iter().any(|(other, _)| other == name) {
        return Err(twice(name.into()));
    }
    let json = in_json(value);
    let json = json
        .ok_or_else(|| Invalid { field: name.into(), message: "This cannot be written as JSON.".into() })?;
    extras.push((name.into(), json));
    Ok(())
}

/// JSON; nothing for what JSON cannot say, a number that is none among it.
fn in_json(value: &Value) -> Option<String> {
    json_text(value).filter(|json| json != "null" || value.is_absent())
}

/// What a rule makes of a value.
pub(crate) fn node(rule: Rule, clears: bool, value: &Value) -> Result<Node, Invalid> {
    if value.is_absent() {
        return Ok(Node::Null);
    }
    if matches!(rule, Rule::Any) {
        return Ok(in_json(value).map_or(Node::Other, Node::Json));
    }
    if let Some(text) = value.text() {
        return Ok(if clears && text.is_empty() { Node::Null } else { Node::Text(text) });
    }
    if let Some(flag) = value.flag() {
        return Ok(Node::Flag(flag));
    }
    if let Some(number) = value.number() {
        return Ok(whole(number).map_or(Node::Other, Node::Number));
    }
    match rule {
        Rule::Object(inner) | Rule::TextOrObject(inner) if value.is_object() => {
            read(&[inner], &[], clears, value).map(Node::Object)
        }
        Rule::Lines(..) if value.is_array() => {
            let texts = value.items().iter().map(Value::text).collect::<Option<Vec<_>>>();
            Ok(texts.map_or(Node::Other, Node::Texts))
        }
        _ => Ok(Node::Other),
    }
}

/// A whole number that JSON carries unharmed.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked by the comparison")]
pub(crate) fn whole(number: f64) -> Option<u64> {
    let truncated = number as u64;
    (number == truncated as f64 && truncated < 1 << 53).then_some(truncated)
}

fn within(parent: &str, mut inner: Invalid) -> Invalid {
    inner.field.insert(0, '.');
    inner.field.insert_str(0, parent);
    inner
}
