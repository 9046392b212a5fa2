//! Creating an account.

use serde::{Deserialize, Serialize};

use crate::fields::{
    self, Field, Given, Invalid, Policy, Request, Source, join, optional, request, required,
};
use crate::options::options;
use crate::profile::{PROFILE, ProfileInput, UserProfile};
use crate::rules::Rule;
use crate::session::Tokens;

request! {
    /// Options of the new account. The operator's settings take precedence; a page can only be stricter (D-20).
    pub struct SignupOptions {
        /// True if the address must be confirmed before the first sign-in. A URL means true, and is the target of
        /// the redirect after the confirmation.
        pub signup_confirmation: Option<SignupConfirmation> = optional(Rule::FlagOrLine(2048)),
        /// True to subscribe to the newsletter. Default false.
        pub email_subscription: Option<bool> = optional(Rule::Flag),
        /// True to sign in at once, which counts as a sign-in. Not together with `signup_confirmation`.
        pub login: Option<bool> = optional(Rule::Flag),
        /// True to sign in at once without counting as a sign-in. Not together with `signup_confirmation`.
        pub generate_token: Option<bool> = optional(Rule::Flag),
        /// The end user's IP address. Needs a service key of the scope `trusted`; without one the request is refused.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}

/// `signup_confirmation`: a flag, or the target of the redirect after the confirmation.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum SignupConfirmation {
    /// True if a confirmation is required.
    Flag(bool),
    /// A confirmation is required, and then redirects the browser to this absolute URL, which must be one of
    /// `links.redirects`.
    Redirect(String),
}

/// `POST /v1/signup`: creates an account. The fields of the profile are at the top level.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignupRequest {
    /// The e-mail address of the account. An address or a username is required.
    #[serde(default)]
    pub email: Option<String>,
    /// A name for sign-in.
    #[serde(default)]
    pub username: Option<String>,
    /// The first password.
    pub password: String,
    /// A phone number, which is not verified.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// Options of the new account.
    #[serde(default)]
    pub options: SignupOptions,
    /// The fields of the profile.
    #[serde(flatten)]
    pub profile: ProfileInput,
}

const CREDENTIALS: [Field; 5] = [
    optional("email", Rule::Email),
    optional("username", Rule::Username),
    required("password", Rule::NewPassword),
    optional("phone_number", Rule::Phone),
    optional("options", Rule::Object(SignupOptions::FIELDS)),
];

impl Request for SignupRequest {
    const FIELDS: &'static [Field] = &join::<{ CREDENTIALS.len() + PROFILE.len() }>(&CREDENTIALS, PROFILE);

    fn check(source: &impl Source, policy: Policy) -> Result<(), Invalid> {
        let absent = |name| matches!(source.get(name), Given::Absent);
        match absent("email") && absent("username") {
            true => Err(fields::missing("email")),
            false => fields::check(Self::FIELDS, source, policy, ""),
        }
    }
}

/// The account that a first sign-in creates. Hooks can see and change it; no client sends it.
#[derive(Clone, Debug, Deserialize)]
pub struct FirstSignIn {
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// A name for sign-in.
    #[serde(default)]
    pub username: Option<String>,
    /// The first password.
    #[serde(default)]
    pub password: Option<String>,
    /// The phone number.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// The fields of the profile.
    #[serde(flatten)]
    pub profile: ProfileInput,
}

const NAMES: [Field; 4] = [
    optional("email", Rule::Email),
    optional("username", Rule::Username),
    optional("password", Rule::NewPassword),
    optional("phone_number", Rule::Phone),
];

impl Request for FirstSignIn {
    const FIELDS: &'static [Field] = &join::<{ NAMES.len() + PROFILE.len() }>(&NAMES, PROFILE);
}

/// The answer to a sign-up.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignupAnswer {
    /// True if the address must be confirmed before the first sign-in.
    pub confirmation_required: bool,
    /// The account. Absent if the answer must not reveal whether an account exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserProfile>,
    /// The session, if `login` or `generate_token` requested one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Tokens>,
}

options!(SignupRequest, sign_up);
