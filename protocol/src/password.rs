//! Changing a password, and resetting a forgotten one.

use serde::{Deserialize, Serialize};

use crate::client::ClientOptions;
use crate::fields::{Invalid, request};
use crate::profile::UserProfile;
use crate::rules::Rule;

request! {
    /// `POST /v1/password/forgot`: sends a reset link or code. The answer does not depend on whether the account
    /// exists.
    pub struct ForgotPasswordRequest, one of "email", "phone_number" {
        /// The e-mail address of the account.
        pub email: Option<String> = optional(Rule::Email),
        /// The phone number of the account, for a code by SMS.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// Options for a back end.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

request! {
    /// `POST /v1/password`: sets the first or a new password of the signed-in account.
    pub struct UpdatePasswordRequest {
        /// The new password.
        pub new_password: String = required(Rule::NewPassword),
        /// The old password, if the account has one.
        pub old_password: Option<String> = optional(Rule::Password),
    }
}

/// The answer of `POST /v1/password`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordChanged {
    /// New value for the header `Known-Device`. The change of the password has invalidated the old value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_device: Option<String>,
}

/// A one-time code as the client sent it. A JSON number has lost its leading zeros.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum GivenCode {
    /// `"012345"`
    Text(String),
    /// `12345`
    Number(u32),
}

impl Default for GivenCode {
    fn default() -> GivenCode {
        GivenCode::Number(0)
    }
}

impl GivenCode {
    /// The code as six ASCII digits, with leading zeros restored (seed K42). A text that is not a code is only
    /// padded, and matches no code.
    pub fn digits(&self) -> String {
        match self {
            GivenCode::Text(text) => format!("{:0>6}", crate::bare_code(text).as_ref().unwrap_or(text)),
            GivenCode::Number(number) => format!("{number:06}"),
        }
    }
}

request! {
    /// `POST /v1/password/reset`: sets a new password, with a code and the address or number that it was sent to,
    /// or with the token of the reset link.
    pub struct ResetPasswordRequest {
        /// The address that the code was sent to.
        pub email: Option<String> = optional(Rule::Email),
        /// The phone number that the code was sent to.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// The code of the mail or SMS.
        pub code: Option<GivenCode> = optional(Rule::Code),
        /// The token of the reset link.
        pub token: Option<String> = optional(Rule::Token),
        /// The new password.
        pub new_password: String = required(Rule::NewPassword),
        /// Options for a back end.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

/// The answer of `POST /v1/password/reset`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordReset {
    /// The account, if the user can sign in to it with the new password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserProfile>,
}

/// Proof that the user received a message: its code and the address, or the token of its link.
#[derive(Clone, Debug)]
pub enum MailProof {
    /// The code, six digits, and the address that it was sent to.
    Code {
        /// The e-mail address or phone number, in canonical form.
        email: String,
        /// Six digits.
        code: String,
    },
    /// The token of the link.
    Token(String),
}

impl MailProof {
    /// Needs either `email`, in canonical form, with `code`, or `token`. The error names the missing or superfluous
    /// field.
    pub fn of(
        email: Option<&str>,
        code: Option<&GivenCode>,
        token: Option<&str>,
    ) -> Result<MailProof, Invalid> {
        let missing =
            |field: &str| Invalid { field: field.into(), message: "This field is required.".into() };
        match (email, code, token) {
            (_, None, Some(token)) => Ok(MailProof::Token(token.into())),
            (Some(email), Some(code), None) => {
                Ok(MailProof::Code { email: email.into(), code: code.digits() })
            }
            (_, Some(_), Some(_)) => {
                Err(Invalid { field: "token".into(), message: "Give a code or a token, not both.".into() })
            }
            (None, _, None) => Err(missing("email")),
            (Some(_), None, None) => Err(missing("code")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_k42_leading_zeros_of_a_code_sent_as_a_number_are_restored() {
        assert_eq!(GivenCode::Number(12345).digits(), "012345");
        assert_eq!(GivenCode::Text(" 7 ".into()).digits(), "000007");
        assert_eq!(GivenCode::Text("12 345".into()).digits(), "012345");
        assert_eq!(GivenCode::Text("\u{661}\u{662}-\u{663}".into()).digits(), "000123");
    }
}
