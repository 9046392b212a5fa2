//! The one error of the SDK. `js/client.js` makes an `AuthError` of it.

use std::{borrow::Cow, ops::Deref, rc::Rc};

use doorward_protocol::{Invalid, error::ErrorCode};

use crate::browser::Value;

type Text = Cow<'static, str>;

/// Behind a pointer: it is rare, and every result would have room for it.
#[derive(Clone)]
pub(crate) struct Error(Rc<Said>);

/// What an `AuthError` says.
pub(crate) struct Said {
    pub(crate) code: Text,
    pub(crate) message: Text,
    /// HTTP status; 0 when no answer came.
    pub(crate) status: u16,
    pub(crate) field: Option<Text>,
    /// Seconds.
    pub(crate) retry_after: Option<f64>,
    /// The server's own words, where it said any: what else there is to tell is in them.
    pub(crate) answer: Value,
}

/// An error of the SDK's own making. A macro, so that only the texts that are used get into the wasm.
macro_rules! error {
    ($code:ident) => {
        $crate::error::Error::new(
            const { doorward_protocol::error::ErrorCode::$code.as_str() },
            const { doorward_protocol::error::ErrorCode::$code.message() },
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
        Said {
            code: code.into(),
            message: message.into(),
            status: 0,
            field: None,
            retry_after: None,
            answer: Value::UNDEFINED,
        }
        .into()
    }

    /// `INVALID_PARAMETER` for a field.
    pub(crate) fn parameter(field: impl Into<Text>, message: impl Into<Text>) -> Error {
        Said {
            code: const { ErrorCode::InvalidParameter.as_str() }.into(),
            message: message.into(),
            status: 0,
            field: Some(field.into()),
            retry_after: None,
            answer: Value::UNDEFINED,
        }
        .into()
    }

    /// `code` is an `ErrorCode`'s text: asked with the code itself, the texts of all of them would get into the wasm.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// The field whose control it belongs to.
    pub(crate) fn at_control(&self) -> Option<&str> {
        match &self.field {
            Some(field) => Some(field),
            None if self.is(code!(Exists)) => Some("email"),
            None => None,
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        let value = Value::object();
        value.set("code", self.code.as_ref());
        value.set("message", self.message.as_ref());
        value.set("status", f64::from(self.status));
        if let Some(field) = &self.field {
            value.set("field", field.as_ref());
        }
        if let Some(seconds) = self.retry_after {
            value.set("retry_after", seconds);
        }
        for name in ["id", "business_code", "captcha"] {
            let more = self.answer.get(name);
            if !more.is_absent() {
                value.set(name, more);
            }
        }
        value
    }
}

impl Deref for Error {
    type Target = Said;
    fn deref(&self) -> &Said {
        &self.0
    }
}

impl From<Said> for Error {
    fn from(said: Said) -> Error {
        Error(Rc::new(said))
    }
}

/// Why nothing came back, as `js/http.js` says it.
impl From<Value> for Error {
    fn from(said: Value) -> Error {
        match said.text_of("silence").as_deref() {
            Some("NETWORK") => error!(Network),
            Some("TIMEOUT") => error!(Timeout),
            Some("ABORTED") => error!(Aborted),
            Some("TOKEN_BOUND") => error!(TokenBound),
            _ => error!(Internal, "The browser gives no key for the session."),
        }
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Error {
        Error::parameter(beside(invalid.field), invalid.message)
    }
}

/// Options stand beside the parameters in a form and in an error.
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
