//! A form on the page: the object that `js/forms.js` makes of what a method was given.

use super::Value;

/// What was given, if it is a form, its submit event, a React event around one, or a FormData; or any other event,
/// which says nothing.
#[derive(Clone)]
pub(crate) struct Form(Value);

impl Form {
    /// `take` is the function that looks at it.
    pub(crate) fn of(take: &Value, input: &Value) -> Option<Form> {
        take.apply(&Value::UNDEFINED, &[input]).filter(Value::is_object).map(Form)
    }

    /// What the controls say, by their names.
    pub(crate) fn values(&self) -> Value {
        self.0.get("values")
    }

    /// Shows what is wrong with a field on its control.
    pub(crate) fn complain(&self, field: &str, message: &str) {
        self.0.call("complain", &[&field.into(), &message.into()]);
    }

    /// Goes where the form leads. `navigate` is the client's option.
    pub(crate) fn follow(&self, navigate: &Value) {
        self.0.call("follow", &[navigate]);
    }
}
