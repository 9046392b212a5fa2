//! A form on the page: the values of its controls, the message for one of them, and the address that the form leads to.
//!
//! A control may have the name of a property of the form (`elements`, `action`, `submit`) and hides it. So nothing here reads a
//! property from a form: methods are taken from the classes of the DOM.

use js_sys::{Array, Function};
use wasm_bindgen::prelude::*;
use web_sys::{FormData, Url};

use super::{events, location, object, page};

#[wasm_bindgen(module = "/js/forms.js")]
extern "C" {
    #[wasm_bindgen(js_name = controlsOf, catch)]
    fn controls_of(form: &JsValue) -> Result<Array, JsValue>;
    #[wasm_bindgen(js_name = valuesOf, catch)]
    fn values_of(data: &FormData, controls: &Array) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = showMessage, catch)]
    fn show_message(form: &JsValue, control: &JsValue, message: &str) -> Result<(), JsValue>;

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
    /// `undefined` for a FormData, and for an event without a form.
    element: JsValue,
    /// The values of its controls, for [`super::fields::of_form`].
    pub(crate) values: JsValue,
    /// The address that the form leads to.
    target: Option<Url>,
}

impl Form {
    /// Reads what was given, if it is a form, its submit event, a React event around one, a FormData, or another event. Keeps the
    /// browser from submitting the form.
    pub(crate) fn of(input: &JsValue) -> Option<Form> {
        if object::is_a(input, "FormData") {
            let values = values_of(input.unchecked_ref(), &Array::new()).ok()?;
            return Some(Form { element: JsValue::UNDEFINED, values, target: None });
        }
        if object::is_a(input, "HTMLFormElement") {
            return Form::submitted(input, &JsValue::UNDEFINED);
        }
        // Of a React event, the browser's own inside it. A test may give an object that only looks like an event.
        let native = object::get(input, "nativeEvent");
        let event = if object::is_object(&native) { &native } else { input };
        if !object::get(event, "defaultPrevented").is_truthy() {
            object::call(event, "preventDefault", &[]);
        }
        let target = object::get(event, "target");
        if object::is_a(&target, "HTMLFormElement") {
            // An event of an old browser has no submitter.
            return Form::submitted(&target, &object::get(event, "submitter"));
        }
        // An event without a form: a click on a button that signs out, for example.
        let is_event = [event, input].into_iter().any(|event| object::has_method(event, "preventDefault"));
        is_event.then(|| Form { element: JsValue::UNDEFINED, values: JsValue::UNDEFINED, target: None })
    }

    fn submitted(element: &JsValue, submitter: &JsValue) -> Option<Form> {
        let controls = controls_of(element).ok()?;
        // The submitter may belong to another form.
        let data = FormDataOfSubmit::new(element, submitter)
            .or_else(|_| FormDataOfSubmit::new(element, &JsValue::UNDEFINED))
            .ok()?;
        let values = values_of(&data, &controls).ok()?;
        let address = get_attribute(submitter, "formaction").ok().flatten();
        let address = address.or_else(|| get_attribute(element, "action").ok().flatten());
        let target = address.filter(|address| !address.is_empty());
        let target = target.and_then(|address| location::resolve(&address));
        Some(Form { element: element.clone(), values, target })
    }

    /// The form element, if there is one.
    pub(crate) fn element(&self) -> Option<&JsValue> {
        (!self.element.is_undefined()).then_some(&self.element)
    }

    /// Shows a message on the first control for which `is_meant` holds.
    pub(crate) fn show(&self, message: &str, is_meant: impl Fn(&str) -> bool) {
        for control in controls_of(&self.element).into_iter().flatten() {
            // A control may be a custom element of the page, whose getters throw.
            let is_meant = object::text(&control, "name").is_some_and(|name| is_meant(&name));
            if is_meant && object::get(&control, "willValidate").is_truthy() {
                let _ = show_message(&self.element, &control, message);
                return;
            }
        }
    }

    /// Goes where the form leads, in a later task than the handlers of the promise that is being resolved (D-27). `navigate` is
    /// the option of the client: `false`, or a function that goes there in its own way.
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
