//! Reads the arguments of a method before the method returns: a form, its submit event, a FormData, an object
//! or plain texts, followed by the options.

use doorward_protocol::{Field, field_named};
use wasm_bindgen::JsValue;

use super::{flow_step::FlowStep, method::Method};
use crate::{
    browser::{
        fields::{self, Empty},
        form::Form,
        limits::Limits,
        location, object,
    },
    client::Client,
    document::{Document, Value},
    error::{Error, error},
    options::CAPTCHA,
};

/// The arguments of a call, at the time of the call.
pub(super) struct Input {
    pub(super) client: &'static Client,
    pub(super) fields: Document,
    pub(super) options: Document,
    pub(super) limits: Limits,
    /// The solution of a captcha, in the format of its header.
    pub(super) captcha: Option<String>,
    /// The flow with a provider that the call begins or ends.
    pub(super) flow: Option<FlowStep>,
    /// The first argument, to find out under which name a field was given.
    pub(super) given: JsValue,
}

impl Input {
    /// A required text.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Error> {
        let text = self.fields.text(name).filter(|text| !text.is_empty());
        text.ok_or_else(|| Error::parameter(name, "This field is required."))
    }
}

/// The forms of a call, and its input or an error.
pub(super) struct Read {
    pub(super) form: Option<Form>,
    /// The form of an event in the second argument. It shows the error, and supplies no values and no URL.
    pub(super) beside: Option<Form>,
    pub(super) input: Result<Box<Input>, Error>,
}

/// Reads the arguments of a method.
pub(super) fn read(
    client: &'static Client,
    method: &'static Method,
    flow: Result<Option<FlowStep>, Error>,
    arguments: &[&JsValue; 3],
) -> Read {
    let form = Form::of(arguments[0]);
    let beside = if form.is_none() { Form::beside(arguments[1]) } else { None };
    let input = flow.and_then(|flow| read_input(client, method, flow, arguments, form.as_ref()));
    Read { form, beside, input }
}

fn read_input(
    client: &'static Client,
    method: &'static Method,
    flow: Option<FlowStep>,
    arguments: &[&JsValue; 3],
    form: Option<&Form>,
) -> Result<Box<Input>, Error> {
    let [first, second, third] = *arguments;
    let tables: Vec<&'static [Field]> = method.endpoints.iter().map(|endpoint| endpoint.fields).collect();
    let takes_fields = tables.iter().any(|table| !table.is_empty());
    let are_texts = !method.positional.is_empty() && first.is_string();
    let has_second = method.positional.len() > 1 && (are_texts || second.is_string());
    let given_options = match (takes_fields, has_second) {
        (false, _) => first,
        // `sendSmsCode(form, undefined, options)`: the second text is absent, and the options keep their
        // place.
        (true, false) if method.positional.len() > 1 && object::is_absent(second) => third,
        (true, false) => second,
        (true, true) => third,
    };
    let (limits, given_options) = client.options(given_options, method.options)?;
    let empty = if method.clears { Empty::Clears } else { Empty::Absent };
    let (mut fields, mut options) = (Document::default(), Document::default());
    match form {
        _ if are_texts || !takes_fields => {}
        // A form contains the fields of the method, its options, and other controls.
        Some(form) => {
            fields = fields::of_form(&tables, empty, &form.values)?;
            options = fields::of_form(&[method.options, CAPTCHA], Empty::Absent, &form.values)?;
            if let Some(endpoint) = method.endpoint(&fields) {
                fields.keep(endpoint.fields);
            }
        }
        None if object::is_absent(first) => {}
        None if object::is_object(first) => {
            refuse_options(first, &tables, method.options)?;
            fields = fields::of_object(&tables, &[], empty, first)?;
        }
        None => {
            return Err(error!(
                InvalidParameter,
                "Give a form, its submit event, or an object with the fields."
            ));
        }
    }
    for (at, (name, argument)) in method.positional.iter().zip(arguments).enumerate() {
        let is_given = if at == 0 { are_texts } else { has_second };
        let field = tables.iter().find_map(|table| field_named(table, name));
        if let Some(field) = field.filter(|_| is_given)
            && let Some(value) = fields::of_value(field.rule, Empty::Absent, argument)?
        {
            fields.put(field.name, value);
        }
    }
    options.extend(given_options);
    let captcha = captcha(&mut options);
    Ok(Box::new(Input { client, fields, options, limits, captcha, flow, given: first.clone() }))
}

/// Rejects an option among the fields. `signup` and `updateProfile` would send it as a field of the operator.
fn refuse_options(given: &JsValue, tables: &[&[Field]], options: &[Field]) -> Result<(), Error> {
    let is_in = |table: &[Field], name: &str| field_named(table, name).is_some();
    let is_option = |name: &String| {
        (is_in(options, name) || is_in(CAPTCHA, name)) && !tables.iter().any(|table| is_in(table, name))
    };
    match object::names(given).into_iter().find(is_option) {
        Some(name) => {
            Err(Error::parameter(name, "This is an option: pass it in the argument after the fields."))
        }
        None => Ok(()),
    }
}

/// The solution of a captcha, in the format of its header.
fn captcha(options: &mut Document) -> Option<String> {
    let mut text = |name| match options.take(name) {
        Some(Value::Text(text)) => Some(location::in_path(&text)),
        _ => None,
    };
    // The solution of a captcha service has no id.
    let (id, code) = (text("captcha_id").unwrap_or_default(), text("captcha_code")?);
    Some([&*id, ":", &*code].concat())
}
