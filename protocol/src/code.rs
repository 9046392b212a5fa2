//! One-time codes: requesting one, and signing up and in with it.

use serde::{Deserialize, Serialize};

use crate::client::ClientOptions;
use crate::fields::{Field, Request, join, optional, request, required};
use crate::login::LoginOptions;
use crate::options::options;
use crate::password::GivenCode;
use crate::profile::{PROFILE, ProfileInput};
use crate::rules::Rule;
use crate::signup::SignupOptions;

/// The purpose of a code, which is valid for nothing else (D-21).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CodeScene {
    /// Signing in and signing up.
    Login,
    /// Setting a new password.
    ResetPassword,
    /// Verifying the e-mail address of an account.
    #[serde(alias = "VerifyEmail")]
    VerifyEmail,
    /// Setting or changing the e-mail address of the signed-in account. Needs an access token.
    #[serde(alias = "ChangeEmail")]
    ChangeEmail,
    /// Setting or changing the phone number of the signed-in account. Needs an access token.
    BindPhone,
    /// Deleting the signed-in account. Needs an access token.
    DeleteAccount,
}

/// The spellings of the scenes, with those of seed 001.
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
    /// `POST /v1/code`: sends a code. The answer does not depend on whether the account exists.
    pub struct SendCodeRequest, one of "email", "phone_number" {
        /// The e-mail address to send the code to.
        pub email: Option<String> = optional(Rule::Email),
        /// The phone number to send the code to.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// The purpose of the code. The default for a mail is `LOGIN`. An SMS code without a scene is valid for
        /// `LOGIN` and `RESET_PASSWORD`. If the request has an access token, it is valid for `BIND_PHONE` of that
        /// account instead. A server with `codes.default_scene = "strict"` requires a scene.
        pub scene: Option<CodeScene> = optional(SCENES),
        /// Options for a back end.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

request! {
    /// `POST /v1/login/code`: signs in with a code of the scene `LOGIN`, or with an SMS code without a scene. The
    /// answer is a [`crate::session::Tokens`].
    pub struct CodeLoginRequest, one of "email", "phone_number" {
        /// The address that the code was sent to.
        pub email: Option<String> = optional(Rule::Email),
        /// The phone number that the code was sent to.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// The code.
        pub code: GivenCode = required(Rule::Code),
        /// Options of the sign-in.
        pub options: LoginOptions = optional(Rule::Object(LoginOptions::FIELDS)),
    }
}

/// `POST /v1/signup/code`: creates an account with a code of the scene `LOGIN`, or with an SMS code without a
/// scene. The fields of the profile are at the top level. The answer is a [`crate::signup::SignupAnswer`].
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
    /// A username for the account.
    #[serde(default)]
    pub username: Option<String>,
    /// The first password. Without it the account has none.
    #[serde(default)]
    pub password: Option<String>,
    /// Options of the new account.
    #[serde(default)]
    pub options: SignupOptions,
    /// The fields of the profile.
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
