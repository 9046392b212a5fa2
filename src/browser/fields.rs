//! Takes the fields of a request out of a JavaScript object, at once and by name: later changes of the object
//! change nothing, and a name that no table knows is refused.

use doorward_protocol::{Field, Invalid, Rule};

use super::Value;
use crate::fields::{Node, Tree};

pub(crate) fn read(fields: &'static [Field], object: &Value) -> Result<Tree, Invalid> {
    read_beside(&[], fields, object)
}

/// Reads the fields of an object that may have others, which somebody else reads.
pub(crate) fn read_beside(
    others: &[&str],
    fields: &'static [Field],
    object: &Value,
) -> Result<Tree, Invalid> {
    let mut tree = Tree::default();
    for name in object.names() {
        let value = object.get(&name);
        if value.is_absent() || others.contains(&name.as_str()) {
            continue;
        }
        let Some(field) = fields.iter().find(|field| field.name == name) else {
            return Err(Invalid { field: name, message: "There is no such field.".into() });
        };
        let node = node(field.rule, &value).map_err(|inner| within(&name, inner))?;
        tree.put(field.name, node);
    }
    Ok(tree)
}

fn node(rule: Rule, value: &Value) -> Result<Node, Invalid> {
    if let Some(text) = value.text() {
        return Ok(Node::Text(text));
    }
    if let Some(flag) = value.flag() {
        return Ok(Node::Flag(flag));
    }
    if let Some(number) = value.number() {
        return Ok(whole(number).map_or(Node::Other, Node::Number));
    }
    match rule {
        Rule::Object(inner) | Rule::TextOrObject(inner) if value.is_object() => {
            read(inner, value).map(Node::Object)
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
