//! A form on the page: reading its controls, telling a person what is wrong with one, and where it leads.
//!
//! A control may be called `elements`, `action` or `submit` and then hides the form's own property of that name.
//! So nothing is read from the form object itself: the properties are taken from the DOM's classes.

use super::{Value, events, json_text, location};
use crate::form::{Control, Entry, Filled, Kind};

/// A form, and the button that submitted it.
#[derive(Clone)]
pub(crate) struct Form {
    form: Value,
    submitter: Value,
}

impl Form {
    /// The form of a submit event, of a React event around one, or the form itself.
    pub(crate) fn of(input: &Value) -> Option<Form> {
        if elements(input).is_some() {
            return Some(Form { form: input.clone(), submitter: Value::UNDEFINED });
        }
        let native = input.get("nativeEvent");
        let event = if native.is_object() { &native } else { input };
        let form = event.get("target");
        elements(&form)?;
        Some(Form { form, submitter: event.get("submitter") })
    }

    /// What the browser would submit, as it is now.
    pub(crate) fn filled(&self) -> Filled {
        let class = Value::global("FormData");
        let mut data = class.construct(&[&self.form, &self.submitter]);
        if data.is_absent() {
            // The submitter is none of this form's, or the browser is too old to know of submitters.
            data = class.construct(&[&self.form]);
        }
        let controls = self.controls().iter().filter_map(control).collect();
        Filled { controls, entries: entries(&data) }
    }

    fn controls(&self) -> Vec<Value> {
        elements(&self.form).map(|elements| elements.items()).unwrap_or_default()
    }

    /// Shows what is wrong with a field on its control, until something in the form changes or it is
    /// submitted again (D-26): what is set here must never block a later submit.
    pub(crate) fn complain(&self, field: &str, message: &str) {
        // An operator's field is `extras.coins` in a form, and `coins` for the server.
        let named = |control: &Value| {
            let is_named = |name: String| name == field || name.strip_prefix("extras.") == Some(field);
            control.text_of("name").is_some_and(is_named) && control.is_true("willValidate")
        };
        let Some(control) = self.controls().into_iter().find(named) else { return };
        control.call("setCustomValidity", &[&message.into()]);
        control.call("reportValidity", &[]);

        let ends = Value::global("AbortController").construct(&[]);
        let signal = ends.get("signal");
        let form = self.form.clone();
        let root = self.form.call_as("Node", "getRootNode", &[]).unwrap_or(Value::UNDEFINED);
        events::listen(&root, &["input", "change", "click", "keydown"], signal, move |event| {
            if concerns(&event, &form) {
                control.call("setCustomValidity", &[&"".into()]);
                ends.call("abort", &[]);
            }
        });
    }

    /// Where the form leads: the `formaction` of its submitter, else its `action`; http and https only.
    pub(crate) fn target(&self) -> Option<Value> {
        let attribute = |element: &Value, name: &str| {
            element.call_as("Element", "getAttribute", &[&name.into()]).and_then(|value| value.text())
        };
        let action = attribute(&self.submitter, "formaction").or_else(|| attribute(&self.form, "action"));
        location::resolve(&action.filter(|action| !action.is_empty())?)
    }
}

/// Is it an event, of whatever kind?
pub(crate) fn is_event(input: &Value) -> bool {
    [input.clone(), input.get("nativeEvent")].iter().any(|event| event.has_method("preventDefault"))
}

/// The entries of a FormData; `None` for anything else.
pub(crate) fn form_data(input: &Value) -> Option<Filled> {
    input.call_as("FormData", "has", &[&"".into()])?;
    Some(Filled { controls: Vec::new(), entries: entries(input) })
}

/// Was something in the form changed, or is it about to be submitted?
fn concerns(event: &Value, form: &Value) -> bool {
    let target = event.get("target");
    let inside = || {
        let contains = form.call_as("Node", "contains", &[&target]);
        contains.is_some_and(|answer| answer.flag() == Some(true))
    };
    match event.text_of("type").as_deref() {
        Some("click") => {
            let submits = "button,[type=submit],[type=image]".into();
            target.call("closest", &[&submits]).is_some_and(|button| button.get("form").is(form))
        }
        // Enter submits a form that has no button.
        Some("keydown") => event.text_of("key").as_deref() == Some("Enter") && inside(),
        _ => target.get("form").is(form) || inside(),
    }
}

fn elements(form: &Value) -> Option<Value> {
    form.get_as("HTMLFormElement", "elements")
}

fn control(element: &Value) -> Option<Control> {
    let name = element.text_of("name").filter(|name| !name.is_empty())?;
    let kind = match element.text_of("type").as_deref() {
        Some("checkbox") => {
            let value = element.call("getAttribute", &[&"value".into()]).and_then(|value| value.text());
            Kind::Checkbox { checked: element.is_true("checked"), value }
        }
        Some("number") => Kind::Number(json_text(&element.get("valueAsNumber")).unwrap_or_default()),
        Some("select-multiple") => Kind::Several,
        _ => return None,
    };
    // `:disabled` also knows of a disabled fieldset around it.
    let disabled = element.call("matches", &[&":disabled".into()]).and_then(|answer| answer.flag());
    (disabled != Some(true)).then_some(Control { name, kind })
}

fn entries(data: &Value) -> Vec<(String, Entry)> {
    let entry = |pair: Value| {
        let mut pair = pair.items().into_iter();
        let (name, value) = (pair.next()?.text()?, pair.next()?);
        match value.text() {
            Some(text) => Some((name, Entry::Text(text))),
            // A file control that was left empty gives a file without name and content.
            None if value.number_of("size") == Some(0.0) && value.text_of("name")?.is_empty() => None,
            None => Some((name, Entry::File)),
        }
    };
    data.items().into_iter().filter_map(entry).collect()
}
