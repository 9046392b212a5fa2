//! One-time codes: asking for one, and signing up and in with it.

use serde::{Deserialize, Serialize};

use crate::client::ClientOptions;
use crate::fields::{Field, Request, join, optional, request, required};
use crate::login::LoginOptions;
use crate::options::options;
use crate::password::GivenCode;
use crate::profile::{PROFILE, ProfileInput};
use crate::rules::Rule;
use crate::signup::SignupOptions;

/// What a code is good for, and for nothing else (D-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CodeScene {
    /// Signing in, and signing up.
    Login,
    /// Choosing a new password.
    ResetPassword,
    /// Proving the address that an account has.
    #[serde(alias = "VerifyEmail")]
    VerifyEmail,
    /// Giving the account of whoever asks another address. Needs the access token; so do the next two.
    #[serde(alias = "ChangeEmail")]
    ChangeEmail,
    /// Giving the account of whoever asks a phone number, the first or another.
    BindPhone,
    /// Closing the account of whoever asks.
    DeleteAccount,
}

/// The scenes as they are written, with the spellings of seed 001.
pub const SCENES: Rule = Rule::OneOf(&[
    "LOGIN",
    "RESET_PASSWORD",
    "VERIFY_EMAIL",
    "CHANGE_EMAIL",
    "BIND_PHONE",
    "DELETE_ACCOUNT",
    "VerifyEmail",
    "ChangeEmail",
]);

request! {
    /// `POST /v1/code`: sends a code. The answer is the same whether there is such an account or not.
    pub struct SendCodeRequest, one of "email", "phone_number" {
        /// Where to, by mail.
        pub email: Option<String> = optional(Rule::Email),
        /// Where to, by SMS.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// What it is good for. By mail the default is `LOGIN`. An SMS code without a scene serves `LOGIN` and
        /// `RESET_PASSWORD`; sent with an access token, it serves `BIND_PHONE` for that account instead. A server with
        /// `codes.default_scene = "strict"` requires a scene.
        pub scene: Option<CodeScene> = optional(SCENES),
        /// The browser that a back end of the operator calls for.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

request! {
    /// `POST /v1/login/code`, with a code of the scene `LOGIN`, or one by SMS without a scene. The answer is a
    /// [`crate::session::Tokens`].
    pub struct CodeLoginRequest, one of "email", "phone_number" {
        /// The address that the code was sent to.
        pub email: Option<String> = optional(Rule::Email),
        /// The phone number that the code was sent to.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// The code.
        pub code: GivenCode = required(Rule::Code),
        /// How the sign-in goes.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

/// `POST /v1/signup/code`, with a code of the scene `LOGIN`, or one by SMS without a scene. The profile's fields stand beside.
/// The answer is a [`crate::signup::SignupAnswer`].
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodeSignupRequest {
    /// The address that the code was sent to.
    #[serde(default)]
    pub email: Option<String>,
    /// The phone number that the code was sent to.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// The code.
    pub code: GivenCode,
    /// A username beside.
    #[serde(default)]
    pub username: Option<String>,
    /// The first password, if there is to be one.
    #[serde(default)]
    pub password: Option<String>,
    /// How the account begins.
    #[serde(default)]
    pub options: SignupOptions,
    /// Everything else that the person says of themself.
    #[serde(flatten)]
    pub profile: ProfileInput,
}

const CREDENTIALS: [Field; 6] = [
    optional("phone_number", Rule::Phone),
    optional("email", Rule::Email),
    required("code", Rule::Code),
    optional("username", Rule::Username),
    optional("password", Rule::NewPassword),
    optional("options", Rule::Object(SignupOptions::FIELDS)),
];

impl Request for CodeSignupRequest {
    const FIELDS: &'static [Field] = &join::<{ CREDENTIALS.len() + PROFILE.len() }>(&CREDENTIALS, PROFILE);
    const ONE_OF: &'static [&'static str] = &["phone_number", "email"];
}

options!(CodeLoginRequest, sign_in);
options!(CodeSignupRequest, sign_up);
