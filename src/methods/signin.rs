//! Sign-up and sign-in.

use doorward_protocol::{Request, login::LoginOptions, messages, signup::SignupOptions};
use wasm_bindgen::prelude::*;

use super::{
    LOGINS, SIGNUPS,
    input::Input,
    method::{Action, Credentials, Method, NONE, Outcome},
};
use crate::{
    browser::{location, wait::Promise},
    client::AuthClient,
    document::{Document, Value},
    error::{Error, code, error},
};

#[wasm_bindgen]
impl AuthClient {
    /// Creates an account.
    pub fn signup(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&SIGNUP, [&input, &options, NONE])
    }

    /// Signs in: `login(input, options)`, or `login(provider, data, intent, options)`.
    pub fn login(&self, input: JsValue, second: JsValue, third: JsValue, fourth: JsValue) -> Promise {
        if input.is_string() {
            self.login_by_provider(&input, &second, &third, &fourth)
        } else {
            self.call(&BY_FIELDS, [&input, &second, NONE])
        }
    }
}

static SIGNUP: Method = Method::new(
    SIGNUPS,
    Action::Call {
        prepare: |input| {
            refuse_both(&input.options)?;
            resolve_confirmation(&mut input.options)?;
            with_options(input)
        },
        credentials: Credentials::NewSession,
        outcome: Outcome::Map(signed_up),
    },
)
.options(SignupOptions::FIELDS);

pub(super) const LOGIN: Method = Method::new(
    LOGINS,
    Action::Call {
        prepare: with_options,
        credentials: Credentials::NewSession,
        outcome: Outcome::Map(logged_in),
    },
)
.options(LoginOptions::FIELDS);

static BY_FIELDS: Method = LOGIN;

/// Moves the options into the fields, where the server expects them.
pub(super) fn with_options(input: &mut Input) -> Result<(), Error> {
    if input.fields.get("options").is_some() {
        return Err(Error::parameter("options", "Give the options as the second argument."));
    }
    if !input.options.is_empty() {
        input.fields.put("options", std::mem::take(&mut input.options).into());
    }
    Ok(())
}

/// Resolves a path against the page. The URL must be http or https, because a mailed link leads there
/// (seed K22).
fn resolve_confirmation(options: &mut Document) -> Result<(), Error> {
    let Some(address) = options.text("signup_confirmation").filter(|address| !address.is_empty()) else {
        return Ok(());
    };
    let url = location::resolve(address).map(|url| url.href()).ok_or_else(|| {
        Error::parameter(
            "signup_confirmation",
            "Give true, an https address, or a path on a page that is served over http or https.",
        )
    })?;
    options.put("signup_confirmation", url.into());
    Ok(())
}

/// Rejects a sign-up that requests both an immediate session and a confirmation first (seed K25).
fn refuse_both(options: &Document) -> Result<(), Error> {
    let wanted = ["login", "generate_token"].into_iter().find(|name| options.is_set(name));
    match wanted {
        Some(name) if options.is_set("signup_confirmation") => {
            Err(Error::parameter(name, "This excludes signup_confirmation."))
        }
        _ => Ok(()),
    }
}

/// The tokens of a session, or a text.
fn signed_up(_: &Input, answer: Result<Document, Error>) -> Result<Value, Error> {
    let mut answer = answer?;
    if let Some(session @ Value::Object(_)) = answer.take("session") {
        return Ok(session);
    }
    let required = answer.flag("confirmation_required").ok_or_else(|| error!(Server))?;
    Ok(if required { messages::SIGNUP_CONFIRMATION_REQUIRED } else { messages::SIGNED_UP }.into())
}

/// The tokens of the session.
fn logged_in(input: &Input, answer: Result<Document, Error>) -> Result<Value, Error> {
    let answer = answer.inspect_err(|error| {
        if error.is(code!(SignupConfirmationNeeded)) {
            input.client.session.unconfirmed.set(input.fields.text("email"));
        }
    });
    answer.map(Value::Object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(names: &[&'static str]) -> Document {
        let mut document = Document::default();
        for name in names {
            document.put(name, "x".into());
        }
        document
    }

    #[test]
    fn seed_k25_login_and_confirmation_exclude_each_other() {
        let refused =
            |names: &[&'static str]| refuse_both(&fields(names)).err().and_then(|error| error.field.clone());
        assert_eq!(refused(&["login", "signup_confirmation"]).as_deref(), Some("login"));
        assert_eq!(refused(&["generate_token", "signup_confirmation"]).as_deref(), Some("generate_token"));
        assert_eq!(refused(&["login"]), None);
        assert_eq!(refused(&["signup_confirmation"]), None);
    }
}
