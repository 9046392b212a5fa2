//! The fields of one call, as they were when it was made: what is checked by the protocol's tables and then sent.

use std::borrow::Cow;

use doorward_protocol::{Field, Given, Invalid, Source};

use crate::json;

/// A value that a field was given.
#[derive(Debug, PartialEq)]
pub(crate) enum Node {
    Text(String),
    Flag(bool),
    Number(u64),
    Object(Tree),
    Texts(Vec<String>),
    /// What only the server looks into: JSON already.
    Json(String),
    /// The operator's own fields by their names, each JSON already.
    Extras(Vec<(String, String)>),
    /// What is stored there is to go.
    Null,
    /// Something that no field takes.
    Other,
}

/// Fields under their names. Names come from the protocol's tables only, never from a page (those of extra fields are
/// text like any other): there is no `__proto__` to set.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Tree(Vec<(&'static str, Node)>);

impl Tree {
    /// Adds a field, or replaces one, which it gives.
    pub(crate) fn put(&mut self, name: &'static str, node: Node) -> Option<Node> {
        let before = self.take(name);
        self.0.push((name, node));
        before
    }

    pub(crate) fn node(&self, name: &str) -> Option<&Node> {
        self.0.iter().find(|(other, _)| *other == name).map(|(_, node)| node)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.node(name) {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Is the field there and more than `false` or an empty text?
    pub(crate) fn is_set(&self, name: &str) -> bool {
        match self.node(name) {
            None | Some(Node::Flag(false) | Node::Null) => false,
            Some(Node::Text(text)) => !text.is_empty(),
            Some(_) => true,
        }
    }

    /// Is there nothing in it that says anything?
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|(_, node)| matches!(node, Node::Null))
    }

    /// Takes a field out.
    pub(crate) fn take(&mut self, name: &str) -> Option<Node> {
        let at = self.0.iter().position(|(other, _)| *other == name)?;
        Some(self.0.remove(at).1)
    }

    /// Leaves out what a table does not have.
    pub(crate) fn keep(&mut self, fields: &[Field]) {
        self.0.retain(|(name, _)| fields.iter().any(|field| field.name == *name));
    }

    /// Takes over the fields of another.
    pub(crate) fn extend(&mut self, other: Tree) {
        for (name, node) in other.0 {
            self.put(name, node);
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let mut object = json::Object::new();
        for (name, node) in &self.0 {
            match node {
                Node::Text(text) if text.is_empty() => {}
                Node::Text(text) => object.text(name, text),
                Node::Flag(flag) => object.raw(name, if *flag { "true" } else { "false" }),
                Node::Number(number) => object.number(name, *number),
                Node::Object(inner) => object.raw(name, &inner.to_json()),
                Node::Texts(texts) => object.texts(name, texts),
                Node::Json(value) => object.raw(name, value),
                Node::Extras(extras) => {
                    let mut inner = json::Object::new();
                    for (name, value) in extras {
                        inner.raw(name, value);
                    }
                    object.raw(name, &inner.end());
                }
                Node::Null => object.raw(name, "null"),
                Node::Other => {}
            }
        }
        object.end()
    }
}

/// A field that came under two of its names.
pub(crate) fn twice(field: String) -> Invalid {
    Invalid { field, message: "This is given twice, under two names.".into() }
}

#[cfg(test)]
impl Tree {
    pub(crate) fn with(name: &'static str, node: Node) -> Tree {
        Tree(vec![(name, node)])
    }
}

impl Source for &Tree {
    fn get(&self, name: &str) -> Given<'_> {
        match self.node(name) {
            None | Some(Node::Null) => Given::Absent,
            Some(Node::Text(text)) if text.is_empty() => Given::Absent,
            Some(Node::Text(text)) => Given::Text(Cow::Borrowed(text)),
            Some(Node::Flag(flag)) => Given::Flag(*flag),
            Some(Node::Number(number)) => Given::Number(*number),
            Some(Node::Object(_) | Node::Extras(_)) => Given::Object,
            Some(Node::Texts(texts)) => {
                let longest = texts.iter().map(|text| text.chars().count()).max();
                Given::Texts { count: texts.len(), longest: longest.unwrap_or(0) }
            }
            Some(Node::Json(_)) => Given::Any,
            Some(Node::Other) => Given::Other,
        }
    }

    fn nested(&self, name: &str) -> Option<Self> {
        match self.node(name) {
            Some(Node::Object(inner)) => Some(inner),
            _ => None,
        }
    }

    /// Of the names that a method knows, one that does not go with the others.
    fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<String> {
        let given = self.0.iter().filter(|(_, node)| !matches!(node, Node::Text(text) if text.is_empty()));
        given.map(|(name, _)| *name).find(|name| !known(name)).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use doorward_protocol::{Policy, Request, login::LoginRequest};

    use super::*;

    #[test]
    fn a_tree_is_sent_as_json_without_its_empty_fields() {
        let mut tree = Tree::with("email", Node::Text("a\"\\\n\u{1}é🔑@x".into()));
        tree.put("name", Node::Text(String::new()));
        tree.put("email_public", Node::Flag(true));
        tree.put("code", Node::Number(12345));
        tree.put("address", Node::Object(Tree::with("locality", Node::Text("Köln".into()))));
        assert_eq!(
            tree.to_json(),
            r#"{"email":"a\"\\\u000a\u0001é🔑@x","email_public":true,"code":12345,"address":{"locality":"Köln"}}"#
        );
    }

    #[test]
    fn the_protocol_checks_a_tree() {
        let mut tree = Tree::with("email", Node::Text("ada@example.com".into()));
        let fault = LoginRequest::check(&&tree, Policy::default()).unwrap_err();
        assert_eq!(fault.field, "password");
        tree.put("password", Node::Text("secret".into()));
        assert!(LoginRequest::check(&&tree, Policy::default()).is_ok());
        tree.put("password", Node::Flag(true));
        assert_eq!(LoginRequest::check(&&tree, Policy::default()).unwrap_err().field, "password");
    }
}
