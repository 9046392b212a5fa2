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
    /// How the account begins. What the operator requires wins; a page can only tighten (D-20).
    pub struct SignupOptions {
        /// Must the address be confirmed before the first login? A URL or path: where the confirmation ends.
        pub signup_confirmation: Option<SignupConfirmation> = optional(Rule::FlagOrLine(2048)),
        /// Newsletter wanted? Default false.
        pub email_subscription: Option<bool> = optional(Rule::Flag),
        /// Sign in at once, as a login would. Not together with `signup_confirmation`.
        pub login: Option<bool> = optional(Rule::Flag),
        /// Sign in at once without counting as a login. Not together with `signup_confirmation`.
        pub generate_token: Option<bool> = optional(Rule::Flag),
        /// Of whom a program of the operator's asks, with a service key of the scope `trusted`: the address of their browser.
        pub client_ip: Option<String> = optional(Rule::Line(64)),
    }
}

/// `signup_confirmation`: a flag, or the address where the confirmation ends.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum SignupConfirmation {
    /// Required or not.
    Flag(bool),
    /// Required; afterwards the browser goes there. Absolute, and on the operator's list of redirects.
    Redirect(String),
}

/// `POST /v1/signup`. The profile's fields stand beside the credentials.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignupRequest {
    /// The address that names the account. There must be this or a username.
    #[serde(default)]
    pub email: Option<String>,
    /// A name to sign in by.
    #[serde(default)]
    pub username: Option<String>,
    /// The first password.
    pub password: String,
    /// A phone number, unproven.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// How the account begins.
    #[serde(default)]
    pub options: SignupOptions,
    /// Everything else that the person says of themself.
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

/// The account that a first sign-in makes, as hooks see it and may change it. Has no path: no client sends it.
#[derive(Clone, Debug, Deserialize)]
pub struct FirstSignIn {
    /// The address.
    #[serde(default)]
    pub email: Option<String>,
    /// A name to sign in by.
    #[serde(default)]
    pub username: Option<String>,
    /// The first password.
    #[serde(default)]
    pub password: Option<String>,
    /// The phone number.
    #[serde(default)]
    pub phone_number: Option<String>,
    /// Everything else that is known of the person.
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

/// What a signup led to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignupAnswer {
    /// Must the address be confirmed before the first login?
    pub confirmation_required: bool,
    /// The account, unless whether there is one is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserProfile>,
    /// The session, when `login` or `generate_token` asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Tokens>,
}

options!(SignupRequest, sign_up);
