//! Sign-up and sign-in with a password, and changing the password.

use doorward_protocol::{
    login::LoginRequest,
    messages,
    password::{ForgotPasswordRequest, ResetPasswordRequest, UpdatePasswordRequest},
    signup::SignupRequest,
};
use wasm_bindgen::prelude::*;

use super::{
    input::Input,
    method::{Action, Credentials, Endpoint, Method, NONE, Outcome, call},
};
use crate::{
    browser::wait::Promise,
    client::AuthClient,
    document::{Document, Value},
    error::Error,
    transport::Kind,
};

#[wasm_bindgen]
impl AuthClient {
    /// Sends a code to the phone number, or a code and a link to the e-mail address.
    #[wasm_bindgen(js_name = forgotPassword)]
    pub fn forgot_password(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&FORGOT, [&input, &options, NONE])
    }

    /// Sets a new password with the code or with the token of the link.
    #[wasm_bindgen(js_name = resetPassword)]
    pub fn reset_password(&self, input: JsValue, password: JsValue, options: JsValue) -> Promise {
        self.call(&RESET, [&input, &password, &options])
    }

    /// Changes the password of the signed-in user.
    #[wasm_bindgen(js_name = updatePassword)]
    pub fn update_password(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&UPDATE, [&input, &options, NONE])
    }
}

pub(super) const SIGNUP: Endpoint = Endpoint::of::<SignupRequest>(Kind::PostOnce, "/v1/signup");

pub(super) const LOGIN: Endpoint = Endpoint::of::<LoginRequest>(Kind::Post, "/v1/login");

static FORGOT: Method = Method::new(
    &[Endpoint::for_page::<ForgotPasswordRequest>(Kind::Post, "/v1/password/forgot")],
    Action::Call {
        prepare: number_or_address,
        credentials: Credentials::None,
        outcome: Outcome::Text(messages::CODE_SENT),
    },
)
.positional(&["email"]);

static RESET: Method = Method::new(
    &[Endpoint::for_page::<ResetPasswordRequest>(Kind::PostOnce, "/v1/password/reset")],
    Action::Call {
        prepare: one_proof,
        credentials: Credentials::Claim,
        outcome: Outcome::Text(messages::PASSWORD_SET),
    },
)
.positional(&["token", "new_password"]);

static UPDATE: Method = Method::new(
    &[Endpoint::of::<UpdatePasswordRequest>(Kind::Post, "/v1/password")],
    call(Credentials::User, Outcome::Map(password_set)),
);

/// Stores the new value of `Known-Device`, because the change of the password has invalidated the old one.
fn password_set(input: &Input, answer: Result<Document, Error>) -> Result<Value, Error> {
    input.client.session.know_device(&answer?);
    Ok(messages::PASSWORD_SET.into())
}

/// Treats a text that begins like a phone number and has no @ as a phone number.
fn number_or_address(input: &mut Input) -> Result<(), Error> {
    let text = input.fields.text("email").unwrap_or_default().trim().as_bytes();
    if matches!(text, [b'+' | b'0'..=b'9', ..])
        && text.iter().all(|byte| *byte != b'@')
        && let Some(number) = input.fields.take("email")
    {
        input.fields.put("phone_number", number);
    }
    Ok(())
}

/// Checks that the fields have either a code with the address that it was sent to, or the token of a link.
pub(super) fn one_proof(input: &mut Input) -> Result<(), Error> {
    proof_of(&input.fields)
}

fn proof_of(fields: &Document) -> Result<(), Error> {
    let missing = |field: &'static str| Err(Error::parameter(field, "This field is required."));
    let (email, phone) = (fields.is_set("email"), fields.is_set("phone_number"));
    match (fields.is_set("code"), fields.is_set("token")) {
        (true, true) => Err(Error::parameter("token", "Give a code or a token, not both.")),
        (_, false) if email && phone => {
            Err(Error::parameter("phone_number", "Give an address or a number, not both."))
        }
        (_, false) if !email && !phone => missing("email"),
        (false, false) => missing("code"),
        _ => Ok(()),
    }
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
    fn seed_k41_a_reset_takes_a_code_with_its_address_or_a_token() {
        let fault =
            |names: &[&'static str]| proof_of(&fields(names)).err().and_then(|error| error.field.clone());
        assert_eq!(fault(&["email", "code"]), None);
        assert_eq!(fault(&["phone_number", "code"]), None);
        assert_eq!(fault(&["phone_number", "email", "code"]).as_deref(), Some("phone_number"));
        assert_eq!(fault(&["token"]), None);
        assert_eq!(fault(&["code"]).as_deref(), Some("email"));
        assert_eq!(fault(&["email"]).as_deref(), Some("code"));
        assert_eq!(fault(&["email", "code", "token"]).as_deref(), Some("token"));
    }
}
