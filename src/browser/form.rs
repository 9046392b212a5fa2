//! A form on the page: the values of its controls, the error message on a control, and the form's `action`.
//!
//! A control may have the name of a property of the form (`elements`, `action`, `submit`), and then hides
//! that property. So this module reads no property from a form, and takes methods from the classes of the
//! DOM.

use std::borrow::Cow;

use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;
use web_sys::{FormData, Url};

use super::{events, json, location, object, page};
use crate::error::Error;

#[wasm_bindgen(module = "/js/forms.js")]
extern "C" {
    #[wasm_bindgen(js_name = controlsOf, catch)]
    fn controls_of(form: &JsValue) -> Result<Array, JsValue>;
    #[wasm_bindgen(js_name = valuesOf, catch)]
    fn values_of(data: &FormData, controls: &Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = showMessage, catch)]
    fn show_message(form: &JsValue, control: &JsValue, message: &str, error: &JsValue)
    -> Result<(), JsValue>;
    #[wasm_bindgen(catch)]
    fn announce(target: &JsValue, error: &JsValue) -> Result<bool, JsValue>;
}

#[wasm_bindgen(module = "/js/errors.js")]
extern "C" {
    type AuthError;
    #[wasm_bindgen(constructor)]
    fn new(details: &JsValue) -> AuthError;
}

#[wasm_bindgen]
extern "C" {
    // web-sys has no constructor with a submitter.
    #[wasm_bindgen(extends = FormData, js_name = FormData)]
    type FormDataOfSubmit;
    #[wasm_bindgen(constructor, js_class = "FormData", catch)]
    fn new(form: &JsValue, submitter: &JsValue) -> Result<FormDataOfSubmit, JsValue>;
    #[wasm_bindgen(js_namespace = ["Element", "prototype", "getAttribute"], js_name = call, catch)]
    fn get_attribute(element: &JsValue, name: &str) -> Result<Option<String>, JsValue>;
}

/// A form, its submit event, or a FormData.
pub(crate) struct Form {
    /// The form element. `undefined` for a FormData, and for an event without a form.
    element: JsValue,
    /// The values of the controls, for [`super::fields::of_form`].
    pub(crate) values: JsValue,
    /// The URL of the form's `action`.
    target: Option<Url>,
    /// The button that submits the form. `undefined` if a script does.
    submitter: JsValue,
    /// The target of the event. `undefined` without an event.
    place: JsValue,
}

impl Form {
    /// Reads the input, if it is a form, its submit event, a React event around one, a FormData, or another
    /// event. Prevents the browser from submitting the form.
    pub(crate) fn of(input: &JsValue) -> Option<Form> {
        if !input.is_object() {
            return None;
        }
        if object::is_a(input, "FormData") {
            let values = values_of(input.unchecked_ref(), &Array::new()).ok()?;
            return Some(Form { values, ..Form::without(JsValue::UNDEFINED) });
        }
        if object::is_a(input, "HTMLFormElement") {
            return Form::submitted(input, JsValue::UNDEFINED, JsValue::UNDEFINED);
        }
        // A React event contains the browser's event. A test may pass an object that only looks like an
        // event.
        let native = object::get(input, "nativeEvent");
        let event = if native.is_object() { &native } else { input };
        if !object::get(event, "defaultPrevented").is_truthy() {
            object::call(event, "preventDefault", &[]);
        }
        let target = object::get(event, "target");
        if object::is_a(&target, "HTMLFormElement") {
            // In old browsers the event has no submitter.
            return Form::submitted(&target, object::get(event, "submitter"), target.clone());
        }
        // An event without a form, for example a click on a button that signs out.
        let is_event = [event, input].into_iter().any(|event| object::has_method(event, "preventDefault"));
        is_event.then(|| Form::without(target))
    }

    /// The form of an event in the second argument. It shows the error, and supplies no values and no URL.
    pub(crate) fn beside(input: &JsValue) -> Option<Form> {
        let form = Form::of(input).filter(|form| !form.place.is_undefined())?;
        Some(Form { target: None, values: JsValue::UNDEFINED, ..form })
    }

    /// Without a form element: for a FormData, and for an event outside of a form.
    fn without(place: JsValue) -> Form {
        let nothing = JsValue::UNDEFINED;
        Form { element: nothing.clone(), values: nothing.clone(), target: None, submitter: nothing, place }
    }

    fn submitted(element: &JsValue, submitter: JsValue, place: JsValue) -> Option<Form> {
        let controls = controls_of(element).ok()?;
        // The submitter may belong to another form.
        let data = FormDataOfSubmit::new(element, &submitter)
            .or_else(|_| FormDataOfSubmit::new(element, &JsValue::UNDEFINED))
            .ok()?;
        let values = values_of(&data, &controls).ok()?;
        let address = get_attribute(&submitter, "formaction").ok().flatten();
        let address = address.or_else(|| get_attribute(element, "action").ok().flatten());
        let target = address.filter(|address| !address.is_empty());
        let target = target.and_then(|address| location::resolve(&address));
        Some(Form { element: element.clone(), values, target, submitter, place })
    }

    pub(crate) fn element(&self) -> Option<&JsValue> {
        (!self.element.is_undefined()).then_some(&self.element)
    }

    /// Dispatches an error to the page, and shows it unless the page prevents that: on the control of its
    /// field, or else on the pressed button, on the first control of the method, or on a submit button.
    /// Returns the `AuthError`.
    pub(crate) fn refuse(
        &self,
        error: &Error,
        is_of_field: &dyn Fn(&str) -> bool,
        is_of_method: &dyn Fn(&str) -> bool,
    ) -> JsValue {
        let told: JsValue = AuthError::new(&json::to_js(&error.to_document())).into();
        let target = if self.place.is_undefined() { &self.element } else { &self.place };
        if announce(target, &told).is_ok_and(|is_left_to_us| is_left_to_us)
            && let Ok(controls) = controls_of(&self.element)
        {
            let shows = |control: &JsValue, message: &str| {
                object::get(control, "willValidate").is_truthy()
                    && show_message(&self.element, control, message, &told).is_ok()
            };
            let on_first = |message: &str, is_meant: &dyn Fn(&JsValue) -> bool| {
                controls.iter().any(|control| is_meant(&control) && shows(&control, message))
            };
            // A control may be a custom element of the page, with getters that throw.
            let has_name = |control: &JsValue, fits: &dyn Fn(&str) -> bool| {
                object::text(control, "name").is_some_and(|name| fits(&name))
            };
            let message = match &error.field {
                Some(field) => Cow::Owned([field, ": ", &error.message].concat()),
                None => error.message.clone(),
            };
            let _ = on_first(&error.message, &|control| has_name(control, is_of_field))
                || shows(&self.submitter, &message)
                || on_first(&message, &|control| has_name(control, is_of_method))
                || on_first(&message, &|control| object::text(control, "type").as_deref() == Some("submit"));
        }
        told
    }

    /// Opens the URL of the form, in a later task than the handlers of the promise that is being resolved
    /// (D-27). `navigate` is the option of the client: `false`, or a function that navigates in its own way.
    pub(crate) fn follow(self, navigate: &JsValue) {
        let Some(target) = self.target.filter(|_| navigate.as_bool() != Some(false)) else { return };
        let navigate = navigate.dyn_ref::<Function>().cloned();
        let go = events::function(move |_| match &navigate {
            Some(navigate) => {
                if let Err(error) = navigate.call1(&JsValue::UNDEFINED, &target) {
                    object::report(&error);
                }
            }
            None => location::go_to(&target.href()),
        });
        page::call_after(&go, 0.0);
    }
}
