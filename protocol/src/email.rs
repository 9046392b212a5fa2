//! E-mail addresses: verification, changes, and the check whether one is taken.

use serde::{Deserialize, Serialize};

use crate::client::ClientOptions;
use crate::fields::request;
use crate::password::GivenCode;
use crate::rules::Rule;

request! {
    /// `POST /v1/email/verify`, with `email` and the code of the mail, or with the token of its link. The answer is the
    /// [`crate::profile::UserProfile`].
    pub struct VerifyEmailRequest {
        /// The address that the code was sent to.
        pub email: Option<String> = optional(Rule::Email),
        /// The code of the mail.
        pub code: Option<GivenCode> = optional(Rule::Code),
        /// The token of the mail's link.
        pub token: Option<String> = optional(Rule::Token),
        /// The password of the account. Required (`PASSWORD_REQUIRED`) for the first proof of the address, unless
        /// the request contains a proof by the key of the sign-up, or a session of the account.
        pub password: Option<String> = optional(Rule::Password),
        /// A new password instead, for the owner of the address if another person created the account. The account
        /// is then taken over: its sessions, codes and linked identities are removed.
        pub new_password: Option<String> = optional(Rule::NewPassword),
        /// Options for a back end.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

request! {
    /// `POST /v1/email/resend`: sends the verification mail again. The answer does not depend on whether an account
    /// has the address, and whether the address is verified.
    pub struct ResendVerificationRequest {
        /// The address to verify.
        pub email: String = required(Rule::Email),
        /// Options for a back end.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

/// Answer of `POST /v1/email/resend`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ResendVerificationAnswer {
    /// The address of the request.
    pub email: String,
    /// [`crate::messages::PLEASE_CONFIRM`].
    pub message: String,
}

request! {
    /// `POST /v1/email/check`: checks whether an address is taken. `FORBIDDEN` unless the operator enables it (D-19).
    pub struct CheckEmailRequest {
        /// The address to check.
        pub email: String = required(Rule::Email),
        /// Options for a back end.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

request! {
    /// `POST /v1/email/bind`: sets the first e-mail address of the account, with a code of the scene
    /// `CHANGE_EMAIL`. The answer is the [`crate::profile::UserProfile`].
    pub struct BindEmailRequest {
        /// The e-mail address.
        pub email: String = required(Rule::Email),
        /// The code that was sent to it.
        pub email_code: GivenCode = required(Rule::Code),
    }
}

request! {
    /// `POST /v1/email/change`: replaces the e-mail address of the account. Needs a code of the scene
    /// `CHANGE_EMAIL` for the new address, and one for the old address if that is verified and the setting
    /// `email.verify_old` is on. The answer is the [`crate::profile::UserProfile`].
    pub struct ChangeEmailRequest {
        /// The new address.
        pub email: String = required(Rule::Email),
        /// The code that was sent to it.
        pub email_code: GivenCode = required(Rule::Code),
        /// The old address.
        pub old_email: Option<String> = optional(Rule::Email),
        /// The code that was sent to the old address.
        pub old_email_code: Option<GivenCode> = optional(Rule::Code),
    }
}

/// Answer of `POST /v1/email/check`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EmailStatus {
    /// The state of the address.
    pub data: EmailStatusData,
    /// [`crate::messages::EMAIL_AVAILABLE`] or [`crate::messages::EMAIL_IN_USE`].
    pub message: String,
}

/// The state of an address.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EmailStatusData {
    /// The address, in canonical form.
    pub email: String,
    /// True if an account has the address.
    pub registered: bool,
    /// True if the address was verified. Only with `disclosure.account = "compatible"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Creation of the account, RFC 3339. Only with `disclosure.account = "compatible"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Last change of the account, RFC 3339. Only with `disclosure.account = "compatible"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// The address again.
    pub id: String,
}
