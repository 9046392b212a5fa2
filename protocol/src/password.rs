//! Getting back in: a forgotten password.

use serde::{Deserialize, Serialize};

use crate::client::ClientOptions;
use crate::fields::{Invalid, request};
use crate::profile::UserProfile;
use crate::rules::Rule;

request! {
    /// `POST /v1/password/forgot`. The answer is the same whether there is such an account or not.
    pub struct ForgotPasswordRequest, one of "email", "phone_number" {
        /// The address of the account.
        pub email: Option<String> = optional(Rule::Email),
        /// Or its phone number: then the code comes by SMS.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// The browser that a back end of the operator calls for.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

request! {
    /// `POST /v1/password`: another password for the signed-in account, or the first one.
    pub struct UpdatePasswordRequest {
        /// The password from now on.
        pub new_password: String = required(Rule::NewPassword),
        /// The password so far, where there is one.
        pub old_password: Option<String> = optional(Rule::Password),
    }
}

/// The answer of `POST /v1/password`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordChanged {
    /// New value for the header `Known-Device`: the change of the password has ended the old one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_device: Option<String>,
}

/// A one-time code as it was given. JSON numbers have lost their leading zeros.
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
    /// Six ASCII digits, leading zeros restored (seed K42). A text that is not a code stays as it is, and fits none.
    pub fn digits(&self) -> String {
        match self {
            GivenCode::Text(text) => format!("{:0>6}", crate::bare_code(text).as_ref().unwrap_or(text)),
            GivenCode::Number(number) => format!("{number:06}"),
        }
    }
}

request! {
    /// `POST /v1/password/reset`, with the code and where it was sent to, or with the token of the mail's link.
    pub struct ResetPasswordRequest {
        /// The address that the code was sent to.
        pub email: Option<String> = optional(Rule::Email),
        /// The phone number that the code was sent to.
        pub phone_number: Option<String> = optional(Rule::Phone),
        /// The code of the mail.
        pub code: Option<GivenCode> = optional(Rule::Code),
        /// The token of the mail's link.
        pub token: Option<String> = optional(Rule::Token),
        /// The password from now on.
        pub new_password: String = required(Rule::NewPassword),
        /// The browser that a back end of the operator calls for.
        pub options: ClientOptions = optional(Rule::Object(ClientOptions::FIELDS)),
    }
}

/// The answer of `POST /v1/password/reset`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PasswordReset {
    /// The account, if the new password opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserProfile>,
}

/// Proof that a mail was read: its code with the address, or the token of its link.
#[derive(Clone, Debug)]
pub enum MailProof {
    /// The code, six digits, and the address that it was sent to.
    Code {
        /// The address, in canonical form.
        email: String,
        /// Six digits.
        code: String,
    },
    /// The token of the link.
    Token(String),
}

impl MailProof {
    /// Takes exactly one of the two, with the address in canonical form. The error names the missing field.
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
    fn seed_k42_a_code_that_came_as_a_number_gets_its_zeros_back() {
        assert_eq!(GivenCode::Number(12345).digits(), "012345");
        assert_eq!(GivenCode::Text(" 7 ".into()).digits(), "000007");
        assert_eq!(GivenCode::Text("12 345".into()).digits(), "012345");
        assert_eq!(GivenCode::Text("\u{661}\u{662}-\u{663}".into()).digits(), "000123");
    }
}
