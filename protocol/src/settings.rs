//! The settings of a server that pages need to render their forms.

use serde::{Deserialize, Serialize};

use crate::fields::Policy;

/// The answer of `GET /v1/settings`, public and cacheable.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerSettings {
    /// Enabled sign-in methods, like `password`.
    pub methods: Vec<String>,
    /// Names of the configured identity providers.
    pub providers: Vec<String>,
    /// The rule for new passwords.
    pub password: PasswordRule,
    /// The kind of captcha that the server demands after failures, or `none`.
    pub captcha: String,
    /// The public site key of the captcha widget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captcha_site_key: Option<String>,
    /// The rules for sign-ups.
    pub signup: SignupRule,
    /// True if `checkEmail` is enabled.
    pub check_email: bool,
    /// How much answers reveal about accounts.
    pub disclosure: Disclosure,
    /// Profile fields that the operator declares.
    #[serde(default)]
    pub extras: Vec<ExtraField>,
}

/// A profile field that the operator declares.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExtraField {
    /// The name of the field.
    pub name: String,
    /// The type of its value.
    #[serde(rename = "type")]
    pub kind: crate::data::ValueType,
    /// The users who can see it.
    pub visibility: Visibility,
}

/// The users who can see an extra field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Only the owner of the profile.
    #[default]
    Owner,
    /// Every signed-in user.
    Public,
}

/// The rule for new passwords.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordRule {
    /// Minimum number of characters.
    pub min_length: u32,
    /// Maximum number of characters.
    pub max_length: u32,
}

impl From<PasswordRule> for Policy {
    fn from(rule: PasswordRule) -> Policy {
        Policy { password_min: rule.min_length, password_max: rule.max_length }
    }
}

/// How much answers reveal about accounts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Disclosure {
    /// The setting `disclosure.signup`: `exists` or `quiet`.
    pub signup: String,
    /// The setting `disclosure.account`: `strict` or `compatible`.
    pub account: String,
}

/// The rules for sign-ups.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignupRule {
    /// True if new users can sign up.
    pub open: bool,
    /// The setting `signup.confirmation`: `optional` or `required`.
    pub confirmation: String,
}
