//! The error of the SDK. `js/face.js` converts it to an `AuthError`.

use std::{borrow::Cow, ops::Deref, rc::Rc};

use doorward_protocol::{Invalid, error::ErrorCode};
use wasm_bindgen::JsValue;

use crate::document::{Document, Value};

type Text = Cow<'static, str>;

/// A pointer, because errors are rare and every result would reserve space for one.
#[derive(Clone, Debug)]
pub(crate) struct Error(Rc<Details>);

/// The properties of an `AuthError`.
#[derive(Clone, Debug)]
pub(crate) struct Details {
    pub(crate) code: Text,
    pub(crate) message: Text,
    /// The HTTP status. 0 without an answer.
    pub(crate) status: u16,
    pub(crate) field: Option<Text>,
    /// The time to wait, in seconds.
    pub(crate) retry_after: Option<f64>,
    /// The answer of the server, which may have `id`, `business_code` and `captcha`.
    pub(crate) answer: Document,
    /// The value that the browser or the page threw.
    pub(crate) cause: Option<JsValue>,
    /// The `AuthError` that the listeners of a form have received.
    pub(crate) told: Option<JsValue>,
}

/// An error that the SDK creates itself. A macro, so that only the used texts are in the wasm.
macro_rules! error {
    ($code:ident) => {
        $crate::error::Error::of(
            const {
                let code = doorward_protocol::error::ErrorCode::$code;
                &(code.as_str(), code.message())
            },
        )
    };
    ($code:ident, $message:expr) => {
        $crate::error::Error::new(const { doorward_protocol::error::ErrorCode::$code.as_str() }, $message)
    };
}
pub(crate) use error;

/// The text of an error code.
macro_rules! code {
    ($code:ident) => {
        const { doorward_protocol::error::ErrorCode::$code.as_str() }
    };
}
pub(crate) use code;

impl Error {
    pub(crate) fn new(code: impl Into<Text>, message: impl Into<Text>) -> Error {
        Error::with_field(code.into(), message.into(), None)
    }

    /// The error with the default message of its code.
    #[inline(never)]
    pub(crate) fn of((code, message): &'static (&'static str, &'static str)) -> Error {
        Error::new(*code, *message)
    }

    /// `INVALID_PARAMETER` for a field.
    pub(crate) fn parameter(field: impl Into<Text>, message: impl Into<Text>) -> Error {
        Error::with_field(
            const { ErrorCode::InvalidParameter.as_str() }.into(),
            message.into(),
            Some(field.into()),
        )
    }

    fn with_field(code: Text, message: Text, field: Option<Text>) -> Error {
        let answer = Document::default();
        Details { code, message, status: 0, field, retry_after: None, answer, cause: None, told: None }.into()
    }

    /// The same error with another message.
    pub(crate) fn saying(&self, message: String) -> Error {
        Details { message: message.into(), ..(*self.0).clone() }.into()
    }

    /// The same error, represented by the `AuthError` that a form has received.
    pub(crate) fn as_told(&self, told: JsValue) -> Error {
        Details { told: Some(told), ..(*self.0).clone() }.into()
    }

    /// The same error with the value that the browser or the page threw.
    pub(crate) fn because(&self, cause: JsValue) -> Error {
        Details { cause: Some(cause), ..(*self.0).clone() }.into()
    }

    /// The same error about another field.
    pub(crate) fn about(&self, field: &'static str) -> Error {
        Details { field: Some(field.into()), ..(*self.0).clone() }.into()
    }

    /// Compares the code with the text of an `ErrorCode`. A comparison with the code itself would put the
    /// texts of all codes into the wasm.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The field with the control that shows the error.
    pub(crate) fn at_control(&self) -> Option<&str> {
        match &self.field {
            Some(field) => Some(field),
            None if self.is(code!(Exists)) => Some("email"),
            None if self.is(code!(InvalidCode)) || self.is(code!(ExpiredCode)) => Some("code"),
            None if self.is(code!(IncorrectUsernameOrPassword)) || self.is(code!(PasswordRequired)) => {
                Some("password")
            }
            None => None,
        }
    }

    /// The properties of the `AuthError`.
    pub(crate) fn to_document(&self) -> Document {
        let mut document = Document::of("code", &*self.code)
            .with("message", &*self.message)
            .with("status", f64::from(self.status))
            .with_some("field", self.field.as_deref())
            .with_some("retry_after", self.retry_after)
            .with_some("cause", self.cause.clone().map(Value::Page));
        for name in ["id", "business_code", "captcha"] {
            if let Some(value) = self.answer.get(name).filter(|value| !matches!(value, Value::Null)) {
                document.put(name, value.clone());
            }
        }
        document
    }
}

impl Deref for Error {
    type Target = Details;
    fn deref(&self) -> &Details {
        &self.0
    }
}

impl From<Details> for Error {
    fn from(details: Details) -> Error {
        Error(Rc::new(details))
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Error {
        Error::parameter(beside(invalid.field), invalid.message)
    }
}

/// The name of a field without the prefix of the options, because pages pass options beside the other fields.
pub(crate) fn beside(field: String) -> String {
    match field.strip_prefix("options.") {
        Some(option) => option.to_owned(),
        None => field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_at_fault_is_named_as_the_caller_wrote_it() {
        let invalid = |field: &str| Invalid { field: field.into(), message: "No.".into() };
        let field = |name: &str| Error::from(invalid(name)).field.clone().unwrap().into_owned();
        assert_eq!(field("options.signup_confirmation"), "signup_confirmation");
        assert_eq!(field("address.locality"), "address.locality");
    }
}
