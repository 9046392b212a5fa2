//! What a form says, in the fields of a request. Decides only; the controls are read in `browser/form.rs`.
//!
//! A form gives the fields that the request knows and may have any other control besides; what kind of value a
//! control becomes is decided by the field's rule, so that a number input serves a field of text as well.

use doorward_protocol::{Field, Invalid, Rule, field_named};

use crate::{
    fields::{Node, Tree, twice},
    json::quote,
};

/// A control that says more than its entries do; disabled ones are left out before.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// A checkbox, and the text of its `value` attribute.
    Checkbox { checked: bool, value: Option<String> },
    /// A number input: the number as JSON; `null` when it is empty.
    Number(String),
    /// A list that takes several.
    Several,
}

/// What the browser would submit under a name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Text(String),
    File,
}

/// All that was given under one name.
#[derive(Clone, Copy)]
enum Datum<'a> {
    Check { checked: bool, value: Option<&'a str> },
    Number(&'a str, &'a str),
    Text(&'a str),
    File,
    Several,
}

/// The controls and entries of a form.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) controls: Vec<Control>,
    pub(crate) entries: Vec<(String, Entry)>,
}

impl Filled {
    /// The fields of some tables that the form has. Where the method `clears`, an empty control is a value too.
    pub(crate) fn pick(&self, tables: &[&'static [Field]], clears: bool) -> Result<Tree, Invalid> {
        let mut tree = Tree::default();
        for fields in tables {
            self.pick_within("", fields, clears, &mut tree)?;
        }
        Ok(tree)
    }

    fn pick_within(
        &self,
        prefix: &str,
        fields: &'static [Field],
        clears: bool,
        tree: &mut Tree,
    ) -> Result<(), Invalid> {
        for field in fields {
            if tree.node(field.name).is_some() {
                continue;
            }
            let mut own = None;
            let mut inner = None;
            let mut extras = Vec::new();
            for name in self.names() {
                let Some(rest) = name.strip_prefix(prefix) else { continue };
                let (first, rest) =
                    rest.split_once('.').map_or((rest, None), |(first, rest)| (first, Some(rest)));
                if field_named(fields, first).is_none_or(|known| known.name != field.name) {
                    continue;
                }
                match (rest, own) {
                    (None, Some(other)) if other != name => return Err(twice(name.into())),
                    (None, _) => own = Some(name),
                    (Some(rest), _) if matches!(field.rule, Rule::AnyObject) => {
                        self.extra(name, rest, clears, &mut extras)?
                    }
                    (Some(_), _) => inner = Some([prefix, first, "."].concat()),
                }
            }
            let mut nested = Tree::default();
            if let (Some(prefix), Rule::Object(fields) | Rule::TextOrObject(fields)) = (&inner, field.rule) {
                self.pick_within(prefix, fields, clears, &mut nested)?;
            }
            let node = match own {
                _ if !extras.is_empty() => Some(Node::Extras(extras)),
                _ if !nested.is_empty() => Some(Node::Object(nested)),
                Some(name) => self.given(name)?.and_then(|datum| node(field.rule, clears, datum)),
                None if clears && inner.is_some() => Some(Node::Null),
                None => None,
            };
            if let Some(node) = node {
                tree.put(field.name, node);
            }
        }
        Ok(())
    }

    /// Every name that it has, some more than once.
    fn names(&self) -> impl Iterator<Item = &str> {
        let controls = self.controls.iter().map(|control| control.name.as_str());
        self.entries.iter().map(|(name, _)| name.as_str()).chain(controls)
    }

    /// One of the operator's fields.
    fn extra(
        &self,
        name: &str,
        short: &str,
        clears: bool,
        extras: &mut Vec<(String, String)>,
    ) -> Result<(), Invalid> {
        if extras.iter().all(|(other, _)| other != short)
            && let Some(datum) = self.given(name)?
        {
            match in_json(datum) {
                _ if matches!(datum, Datum::Several) => {
                    return Err(Invalid {
                        field: name.into(),
                        message: "Only one value can be given here.".into(),
                    });
                }
                Some(json) => extras.push((short.into(), json)),
                None if clears => extras.push((short.into(), "null".into())),
                None => {}
            }
        }
        Ok(())
    }

    /// What was given under a name; a file is refused, and several values too where nothing takes them.
    fn given(&self, name: &str) -> Result<Option<Datum<'_>>, Invalid> {
        match self.datum(name) {
            Some(Datum::File) => {
                Err(Invalid { field: name.into(), message: "A file cannot be sent here.".into() })
            }
            datum => Ok(datum),
        }
    }

    fn datum(&self, name: &str) -> Option<Datum<'_>> {
        let mut entries = self.entries.iter().filter(|(other, _)| other == name).map(|(_, entry)| entry);
        let mut controls = self.controls.iter().filter(|control| control.name == name);
        let first = match (entries.next(), controls.next(), controls.next()) {
            // One checkbox is a boolean, also beside the hidden control that some frameworks put there.
            (_, Some(Control { kind: Kind::Checkbox { checked, value }, .. }), None) => {
                return Some(Datum::Check { checked: *checked, value: value.as_deref() });
            }
            (Some(_), Some(Control { kind: Kind::Several | Kind::Checkbox { .. }, .. }), _) => {
                return Some(Datum::Several);
            }
            (Some(Entry::Text(text)), Some(Control { kind: Kind::Number(number), .. }), None) => {
                Datum::Number(number, text)
            }
            (Some(Entry::Text(text)), ..) => Datum::Text(text),
            (Some(Entry::File), ..) => Datum::File,
            (None, ..) => return None,
        };
        Some(if entries.next().is_some() { Datum::Several } else { first })
    }
}

/// The value that a rule wants of what was given; nothing when the control was left empty.
fn node(rule: Rule, clears: bool, datum: Datum<'_>) -> Option<Node> {
    let text = match (rule, datum) {
        (_, Datum::Several | Datum::File) => return Some(Node::Other),
        (Rule::Any, datum) => return in_json(datum).map(Node::Json),
        (Rule::Flag, Datum::Check { checked, .. }) => return Some(Node::Flag(checked)),
        (Rule::FlagOrLine(_), Datum::Check { checked: false, .. }) => return Some(Node::Flag(false)),
        (_, Datum::Check { checked: false, .. }) => return None,
        (_, Datum::Check { value, .. }) => value.unwrap_or("on"),
        (Rule::Code, Datum::Number(number, text)) => match number.parse::<u32>() {
            Ok(number) => return Some(Node::Number(number.into())),
            Err(_) => text,
        },
        (_, Datum::Number(_, text) | Datum::Text(text)) => text,
    };
    if text.is_empty() {
        return clears.then_some(Node::Null);
    }
    let flag = matches!(rule, Rule::Flag | Rule::FlagOrLine(_));
    Some(match text {
        "true" | "on" | "1" if flag => Node::Flag(true),
        "false" | "off" | "0" if flag => Node::Flag(false),
        _ => Node::Text(text.into()),
    })
}

/// What a control says where no rule knows what is wanted; nothing when it was left empty.
fn in_json(datum: Datum<'_>) -> Option<String> {
    let mut json = String::new();
    match datum {
        Datum::Check { checked, .. } => json.push_str(if checked { "true" } else { "false" }),
        Datum::Number(number, _) if number != "null" => json.push_str(number),
        Datum::Text(text) if !text.is_empty() => quote(&mut json, text),
        _ => return None,
    }
    Some(json)
}

#[cfg(test)]
mod tests {
    use doorward_protocol::{
        Request,
        password::ResetPasswordRequest,
        signup::{SignupOptions, SignupRequest},
    };

    use super::*;

    fn form(entries: &[(&str, &str)], controls: Vec<(&str, Kind)>) -> Filled {
        let entry = |(name, text): &(&str, &str)| ((*name).to_owned(), Entry::Text((*text).to_owned()));
        Filled {
            entries: entries.iter().map(entry).collect(),
            controls: controls
                .into_iter()
                .map(|(name, kind)| Control { name: name.to_owned(), kind })
                .collect(),
        }
    }

    fn checkbox(checked: bool) -> Kind {
        Kind::Checkbox { checked, value: None }
    }

    #[test]
    fn names_that_the_request_does_not_know_are_left_out() {
        let filled = form(&[("email", "a@b.de"), ("terms", "on"), ("__proto__", "x")], vec![]);
        let tree = filled.pick(&[SignupRequest::FIELDS], false).unwrap();
        assert_eq!(tree, Tree::with("email", Node::Text("a@b.de".into())));
    }

    #[test]
    fn a_checkbox_is_a_boolean_and_an_empty_control_is_absent() {
        let filled = form(
            &[("email_public", "yes"), ("name", ""), ("gender_public", "0"), ("address_public", "0")],
            vec![
                ("email_public", checkbox(true)),
                ("birthdate_public", checkbox(false)),
                ("gender_public", checkbox(true)),
            ],
        );
        let tree = filled.pick(&[SignupRequest::FIELDS], false).unwrap();
        assert_eq!(tree.node("email_public"), Some(&Node::Flag(true)));
        assert_eq!(tree.node("birthdate_public"), Some(&Node::Flag(false)));
        assert_eq!(tree.node("gender_public"), Some(&Node::Flag(true)));
        assert_eq!(tree.node("address_public"), Some(&Node::Flag(false)));
        assert_eq!(tree.node("name"), None);
    }

    #[test]
    fn a_checkbox_for_a_field_of_text_gives_its_value() {
        let value = || Some("f".to_owned());
        let filled = form(&[], vec![("gender", Kind::Checkbox { checked: true, value: value() })]);
        let tree = filled.pick(&[SignupRequest::FIELDS], false).unwrap();
        assert_eq!(tree.text("gender"), Some("f"));
        let filled = form(&[], vec![("gender", Kind::Checkbox { checked: false, value: value() })]);
        assert!(filled.pick(&[SignupRequest::FIELDS], false).unwrap().is_empty());
    }

    #[test]
    fn seed_k20_signup_confirmation_can_be_a_checkbox_or_a_path_in_the_form() {
        let tree = |filled: Filled| filled.pick(&[SignupOptions::FIELDS], false).unwrap();
        let of = |tree: &Tree| match tree.node("signup_confirmation") {
            Some(Node::Text(text)) => text.clone(),
            Some(Node::Flag(flag)) => flag.to_string(),
            _ => "absent".to_owned(),
        };
        assert_eq!(of(&tree(form(&[("signup_confirmation", "/welcome")], vec![]))), "/welcome");
        assert_eq!(of(&tree(form(&[("signup_confirmation", "true")], vec![]))), "true");
        assert_eq!(of(&tree(form(&[], vec![("signup_confirmation", checkbox(true))]))), "true");
        assert_eq!(of(&tree(form(&[], vec![("signup_confirmation", checkbox(false))]))), "false");
    }

    #[test]
    fn a_number_input_is_a_number_for_a_code_and_text_for_a_field_of_text() {
        let filled = form(&[("code", "012345")], vec![("code", Kind::Number("12345".into()))]);
        let tree = filled.pick(&[ResetPasswordRequest::FIELDS], false).unwrap();
        assert_eq!(tree.node("code"), Some(&Node::Number(12345)));
        let name = "address.postal_code";
        let filled = form(&[(name, "01099")], vec![(name, Kind::Number("1099".into()))]);
        let tree = filled.pick(&[SignupRequest::FIELDS], false).unwrap();
        let inner = Tree::with("postal_code", Node::Text("01099".into()));
        assert_eq!(tree.node("address"), Some(&Node::Object(inner)));
    }

    #[test]
    fn names_with_a_dot_nest_and_stand_over_the_single_line() {
        let filled =
            form(&[("address", "one line"), ("address.locality", "Köln"), ("address.country", "")], vec![]);
        let tree = filled.pick(&[SignupRequest::FIELDS], false).unwrap();
        let inner = Tree::with("locality", Node::Text("Köln".into()));
        assert_eq!(tree.node("address"), Some(&Node::Object(inner)));
        let filled = form(&[("address", "one line"), ("address.locality", "")], vec![]);
        assert_eq!(filled.pick(&[SignupRequest::FIELDS], false).unwrap().text("address"), Some("one line"));
    }

    #[test]
    fn several_values_under_one_name_are_refused_by_the_rule_and_files_at_once() {
        let filled = form(&[("name", "a"), ("name", "b")], vec![]);
        assert_eq!(filled.pick(&[SignupRequest::FIELDS], false).unwrap().node("name"), Some(&Node::Other));
        let filled = form(&[("name", "a")], vec![("name", Kind::Several)]);
        assert_eq!(filled.pick(&[SignupRequest::FIELDS], false).unwrap().node("name"), Some(&Node::Other));
        let filled = Filled { entries: vec![("picture".into(), Entry::File)], ..Filled::default() };
        assert_eq!(filled.pick(&[SignupRequest::FIELDS], false).unwrap_err().field, "picture");
    }
}
