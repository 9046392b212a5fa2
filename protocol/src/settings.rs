//! What a server allows, for pages that render their forms by it.

use serde::{Deserialize, Serialize};

use crate::fields::Policy;

/// `GET /v1/settings`: public, cacheable.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServerSettings {
    /// Ways to sign in that are on, like `password`.
    pub methods: Vec<String>,
    /// Outside issuers that are configured.
    pub providers: Vec<String>,
    /// The rule for new passwords.
    pub password: PasswordRule,
    /// `none`, or what has to be solved after failures.
    pub captcha: String,
    /// What the widget of a captcha's service is shown with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captcha_site_key: Option<String>,
    /// How accounts begin.
    pub signup: SignupRule,
    /// Does `checkEmail` answer?
    pub check_email: bool,
    /// What answers tell about accounts.
    pub disclosure: Disclosure,
    /// Profile fields of the operator's own.
    #[serde(default)]
    pub extras: Vec<ExtraField>,
}

/// A profile field that the operator declares.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExtraField {
    /// Its name.
    pub name: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub kind: crate::data::ValueType,
    /// Who sees it.
    pub visibility: Visibility,
}

/// Who sees an extra field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// The person alone.
    #[default]
    Owner,
    /// Every signed-in user.
    Public,
}

/// The rule for new passwords.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordRule {
    /// Least number of characters.
    pub min_length: u32,
    /// Greatest number of characters.
    pub max_length: u32,
}

impl From<PasswordRule> for Policy {
    fn from(rule: PasswordRule) -> Policy {
        Policy { password_min: rule.min_length, password_max: rule.max_length }
    }
}

/// What answers tell about accounts.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Disclosure {
    /// `exists` or `quiet`.
    pub signup: String,
    /// `strict` or `compatible`.
    pub account: String,
}

/// How accounts begin.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignupRule {
    /// May anybody sign up?
    pub open: bool,
    /// `optional` or `required`.
    pub confirmation: String,
}
