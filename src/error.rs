//! The one error of the SDK. `js/client.js` makes an `AuthError` of it.

use std::{
    borrow::Cow,
    ops::{Deref, DerefMut},
};

use doorward_protocol::{Invalid, error::ErrorCode};

use crate::browser::Value;

type Text = Cow<'static, str>;

/// Boxed: it is rare, and every result would have room for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Error(Box<Said>);

/// What an `AuthError` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Said {
    pub(crate) code: Text,
    pub(crate) message: Text,
    /// HTTP status; 0 when no answer came.
    pub(crate) status: u16,
    pub(crate) field: Option<Text>,
    /// Seconds.
    pub(crate) retry_after: Option<f64>,
    pub(crate) id: Option<String>,
    pub(crate) business_code: Option<f64>,
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

impl Error {
    pub(crate) fn new(code: impl Into<Text>, message: impl Into<Text>) -> Error {
        Error(Box::new(Said {
            code: code.into(),
            message: message.into(),
            status: 0,
            field: None,
            retry_after: None,
            id: None,
            business_code: None,
        }))
    }

    /// `INVALID_PARAMETER` for a field.
    pub(crate) fn parameter(field: impl Into<Text>, message: impl Into<Text>) -> Error {
        let mut error = error!(InvalidParameter, message);
        error.field = Some(field.into());
        error
    }

    pub(crate) fn is(&self, code: ErrorCode) -> bool {
        self.code == code.as_str()
    }

    /// The field whose control it belongs to.
    pub(crate) fn at_control(&self) -> Option<&str> {
        match &self.field {
            Some(field) => Some(field),
            None if self.is(ErrorCode::Exists) => Some("email"),
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
        if let Some(id) = &self.id {
            value.set("id", id.as_str());
        }
        for (name, number) in [("retry_after", self.retry_after), ("business_code", self.business_code)] {
            if let Some(number) = number {
                value.set(name, number);
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

impl DerefMut for Error {
    fn deref_mut(&mut self) -> &mut Said {
        &mut self.0
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Error {
        // Options stand beside the parameters in a form and in an error.
        let field = match invalid.field.strip_prefix("options.") {
            Some(option) => option.to_owned(),
            None => invalid.field,
        };
        Error::parameter(field, invalid.message)
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
