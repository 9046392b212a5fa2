//! E-mail addresses: verifying one, and checking whether one is taken.

use doorward_protocol::{
    Field, Rule,
    email::{CheckEmailRequest, ResendVerificationRequest, VerifyEmailRequest},
    messages, optional,
};
use wasm_bindgen::prelude::*;

use super::{
    input::Input,
    method::{Action, Credentials, Endpoint, Method, NONE, Outcome, call},
    password::one_proof,
};
use crate::{
    browser::wait::Promise,
    client::AuthClient,
    error::{Error, error},
    transport::Kind,
};

#[wasm_bindgen]
impl AuthClient {
    /// Checks whether an address is taken.
    #[wasm_bindgen(js_name = checkEmail)]
    pub fn check_email(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&CHECK, [&input, &options, NONE])
    }

    /// Sends the verification mail again.
    #[wasm_bindgen(js_name = resendVerification)]
    pub fn resend_verification(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&RESEND_VERIFICATION, [&input, &options, NONE])
    }

    /// Sends the sign-up confirmation again, to the account of the last login that was refused because the
    /// confirmation was missing.
    #[wasm_bindgen(js_name = resendSignupConfirmation)]
    pub fn resend_signup_confirmation(&self, options: JsValue) -> Promise {
        self.call(&RESEND_CONFIRMATION, [&options, NONE, NONE])
    }

    /// Verifies the account with the token of the mailed link.
    #[wasm_bindgen(js_name = verifyAccount)]
    pub fn verify_account(&self, token: JsValue, options: JsValue) -> Promise {
        self.call(&VERIFY_ACCOUNT, [&token, &options, NONE])
    }

    /// Verifies the address with the mailed code.
    #[wasm_bindgen(js_name = verifyEmail)]
    pub fn verify_email(&self, input: JsValue, options: JsValue) -> Promise {
        self.call(&VERIFY_EMAIL, [&input, &options, NONE])
    }
}

static CHECK: Method = Method::new(
    &[Endpoint::for_page::<CheckEmailRequest>(Kind::Post, "/v1/email/check")],
    call(Credentials::None, Outcome::Answer),
)
.positional(&["email"]);

const RESEND: Endpoint = Endpoint::for_page::<ResendVerificationRequest>(Kind::Post, "/v1/email/resend");

static RESEND_VERIFICATION: Method =
    Method::new(&[RESEND], call(Credentials::None, Outcome::Answer)).positional(&["email"]);

static RESEND_CONFIRMATION: Method = Method::new(
    &[Endpoint { fields: &[], ..RESEND }],
    Action::Call {
        prepare: to_the_unconfirmed,
        credentials: Credentials::None,
        outcome: Outcome::Text(messages::CONFIRMATION_SENT),
    },
);

const VERIFY: Method = Method::new(
    &[Endpoint::for_page::<VerifyEmailRequest>(Kind::PostOnce, "/v1/email/verify")],
    Action::Call { prepare: with_passwords, credentials: Credentials::Claim, outcome: Outcome::Profile },
)
.options(PASSWORDS)
.then(|input, outcome| {
    if outcome.is_ok() {
        input.client.session.unconfirmed.set(None);
    }
    outcome
});

static VERIFY_EMAIL: Method = VERIFY;

static VERIFY_ACCOUNT: Method = VERIFY.positional(&["token"]);

/// The account's password proves that the user created the account. A new password takes the account over.
const PASSWORDS: &[Field] =
    &[optional("password", Rule::Password), optional("new_password", Rule::NewPassword)];

/// If the token is a plain argument, the passwords are in the options.
fn with_passwords(input: &mut Input) -> Result<(), Error> {
    for field in PASSWORDS {
        if let Some(value) = input.options.take(field.name) {
            input.fields.put(field.name, value);
        }
    }
    one_proof(input)
}

fn to_the_unconfirmed(input: &mut Input) -> Result<(), Error> {
    let email = input.client.session.unconfirmed.address();
    let email = email.ok_or_else(|| error!(InvalidRequest, messages::LOGIN_ATTEMPT_REQUIRED))?;
    input.fields.put("email", email.into());
    Ok(())
}
