//! Addresses: proving one, asking whether one is taken.

use serde::{Deserialize, Serialize};

use crate::client::ClientOptions;
use crate::fields::request;
use crate::password::GivenCode;
use crate::rules::Rule;

request! {
    /// `POST /v1/email/verify`, with the code of the mail (then `email` too) or with the token of its link.
    /// The answer is the [`crate::profile::UserProfile`].
    pub struct VerifyEmailRequest {
        /// The address that the code was sent to.
        pub email: Option<String> = optional(Rule::Email),
        /// The code of the mail.
        pub code: Option<GivenCode> = optional(Rule::Code),
        /// The token of the mail's link.
        pub token: Option<String> = optional(Rule::Token),
        /// The password of the account. Needed for its first proof, unless the key of the signup or a session of the account
        /// comes with the request (`PASSWORD_REQUIRED`).
        pub password: Option<String> = optional(Rule::Password),
        /// Or a new password, for the owner of the address if a stranger made the account: ends all that was prepared.
        pub new_password: Option<String> = optional(Rule::NewPassword),
        /// The browser that a back end of the operator calls for.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

request! {
    /// `POST /v1/email/resend`: sends the verification mail again. The answer is the same whether there is such
    /// an account or not, and whether it is verified or not.
    pub struct ResendVerificationRequest {
        /// The address to verify.
        pub email: String = required(Rule::Email),
        /// The browser that a back end of the operator calls for.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

/// Answer of `POST /v1/email/resend`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResendVerificationAnswer {
    /// The address that was asked for.
    pub email: String,
    /// [`crate::messages::PLEASE_CONFIRM`]
    pub message: String,
}

request! {
    /// `POST /v1/email/check`: is this address taken? `FORBIDDEN` unless the operator enables it (D-19).
    pub struct CheckEmailRequest {
        /// The address to look for.
        pub email: String = required(Rule::Email),
        /// The browser that a back end of the operator calls for.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

request! {
    /// `POST /v1/email/bind`: the first address of the account, with a code of the scene `CHANGE_EMAIL`. The answer, and
    /// that to a change, is the [`crate::profile::UserProfile`].
    pub struct BindEmailRequest {
        /// The address.
        pub email: String = required(Rule::Email),
        /// The code that was sent to it.
        pub email_code: GivenCode = required(Rule::Code),
    }
}

request! {
    /// `POST /v1/email/change`: another address. Both are proven with codes of the scene `CHANGE_EMAIL`; the old one only
    /// where the server asks for it.
    pub struct ChangeEmailRequest {
        /// The new address.
        pub email: String = required(Rule::Email),
        /// The code that was sent to it.
        pub email_code: GivenCode = required(Rule::Code),
        /// The address so far.
        pub old_email: Option<String> = optional(Rule::Email),
        /// The code that was sent to that.
        pub old_email_code: Option<GivenCode> = optional(Rule::Code),
    }
}

/// Answer of `POST /v1/email/check`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EmailStatus {
    /// What is known of the address.
    pub data: EmailStatusData,
    /// [`crate::messages::EMAIL_AVAILABLE`] or [`crate::messages::EMAIL_IN_USE`]
    pub message: String,
}

/// What is known of an address.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EmailStatusData {
    /// The address, in canonical form.
    pub email: String,
    /// Is there an account with it?
    pub registered: bool,
    /// Was it proven? Only with `disclosure = "compatible"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// RFC 3339. Only with `disclosure = "compatible"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// RFC 3339. Only with `disclosure = "compatible"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// The address again.
    pub id: String,
}
