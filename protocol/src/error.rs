//! Error codes: stable strings, part of the API, the same in the form and over HTTP.

use serde::{Deserialize, Serialize};

use crate::captcha::Challenge;

/// Declares the codes with status and message, so that none can be forgotten in one of the three places.
macro_rules! codes {
    ($( $(#[$meta:meta])* $name:ident = $text:literal, $status:literal, $message:literal; )*) => {
        /// What went wrong, in a word that a program can act on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $( $(#[$meta])* $name, )*
        }

        impl ErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [ErrorCode] = &[ $( ErrorCode::$name, )* ];

            /// As on the wire and in `AuthError.code`.
            pub const fn as_str(self) -> &'static str {
                match self { $( ErrorCode::$name => $text, )* }
            }

            /// The HTTP status that it comes with; 0 for a code that only arises in the SDK.
            pub const fn status(self) -> u16 {
                match self { $( ErrorCode::$name => $status, )* }
            }

            /// The message in English; the seeds' own words where a seed has the error.
            pub const fn message(self) -> &'static str {
                match self { $( ErrorCode::$name => $message, )* }
            }
        }
    };
}

codes! {
    /// A field is missing or is not as its rule says; `field` names it.
    InvalidParameter = "INVALID_PARAMETER", 400, "A parameter is not valid.";
    /// The request as a whole cannot be carried out as it stands.
    InvalidRequest = "INVALID_REQUEST", 400, "The request is not valid.";
    /// There is an account with this address already.
    Exists = "EXISTS", 409, "user already exists.";
    /// There is no such thing.
    NotFound = "NOT_FOUND", 404, "Not found.";
    /// The operator does not allow this.
    Forbidden = "FORBIDDEN", 403, "This is not allowed.";
    /// The address must be confirmed by mail before the first login. Only after a right password.
    SignupConfirmationNeeded = "SIGNUP_CONFIRMATION_NEEDED", 403, "User's signup confirmation is required.";
    /// The address is the account's first one to be proven, and nothing shows that the same person has made the account:
    /// its password is needed, too.
    PasswordRequired = "PASSWORD_REQUIRED", 403, "Please enter the password of the account, too.";
    /// The account was disabled by an operator. Only after a right password.
    UserIsDisabled = "USER_IS_DISABLED", 403, "This account is disabled.";
    /// Unknown account, wrong password or no password: one answer for all.
    IncorrectUsernameOrPassword =
        "INCORRECT_USERNAME_OR_PASSWORD", 401, "Incorrect username or password.";
    /// Too many attempts to sign in; `retry_after` says when to try again.
    RequestExceed = "REQUEST_EXCEED", 429, "Too many attempts. Please try again later.";
    /// Too many codes were asked for; `retry_after` says when to try again.
    LimitExceeded =
        "LimitExceededException", 429, "Attempt limit exceeded, please try after some time.";
    /// The captcha must be solved first.
    CaptchaRequired = "CAPTCHA_REQUIRED", 403, "Please solve the captcha.";
    /// The one-time code is wrong, used, superseded, or had too many tries.
    InvalidCode = "INVALID_CODE", 400, "The code is not valid.";
    /// The one-time code was right once, but its time is over.
    ExpiredCode = "EXPIRED_CODE", 400, "The code has expired. Please ask for a new one.";
    /// The token of a mailed link was used, superseded or never given out.
    TokenRevoked = "TOKEN_REVOKED", 400, "The token has been revoked.";
    /// The token of a mailed link is too old.
    TokenExpired = "TOKEN_EXPIRED", 400, "The token has expired. Please ask for a new mail.";
    /// There is no session, or its access token is not valid any more.
    SessionRequired = "SESSION_REQUIRED", 401, "Please sign in.";
    /// The proof of the key (DPoP) has no nonce of the server's, or an old one; the answer brings a new one.
    UseDpopNonce = "USE_DPOP_NONCE", 401, "A proof with a nonce of this server is needed.";
    /// The proof of the key (DPoP) is missing, is not as it must be, or came before.
    InvalidProof = "INVALID_PROOF", 401, "The proof of the key is not valid.";
    /// The provider's code or verifier was used before.
    OauthReused = "OAUTH_REUSED", 400, "This sign-in was used already. Please start again.";
    /// The person or the provider said no.
    OauthDenied = "OAUTH_DENIED", 403, "The provider did not allow the sign-in.";
    /// The answer does not belong to a sign-in that this browser began.
    OauthStateMismatch = "OAUTH_STATE_MISMATCH", 400, "This sign-in was not begun here. Please start again.";
    /// The provider's account is linked to another account here.
    SocialAccountInUse = "SOCIAL_ACCOUNT_IN_USE", 409, "Social account already in use";
    /// A sign-in within the last minutes is needed for this.
    ReauthRequired = "REAUTH_REQUIRED", 401, "Please sign in again to do this.";
    /// The token is bound to the key of another browser.
    TokenBound = "TOKEN_BOUND", 400, "This token is bound to another browser.";
    /// Two accounts would have to become one.
    MergeRequired = "MERGE_REQUIRED", 409, "Another account has this identity.";
    /// The password is on the block list.
    PasswordRejected = "PASSWORD_REJECTED", 400, "This password is too easy to guess. Please choose another.";
    /// An operator's hook said no.
    HookRejected = "HOOK_REJECTED", 403, "The request was refused.";
    /// The server has more to do than it can; `retry_after` says when to try again.
    Overloaded = "OVERLOADED", 503, "The server is busy. Please try again in a moment.";
    /// The page is not served over https or from localhost.
    InsecureContext = "INSECURE_CONTEXT", 0, "This page is not secure. Serve it over https.";
    /// A fault of doorward itself; `id` finds it in the server's log.
    Internal = "INTERNAL", 500, "Something went wrong on our side.";
    /// No answer came: offline, blocked by CORS, or no such server. With the status 502 it is the server that could not
    /// reach a provider.
    Network = "NETWORK", 502, "The server could not be reached.";
    /// No answer came in time.
    Timeout = "TIMEOUT", 0, "The server took too long to answer.";
    /// The caller's signal ended the call.
    Aborted = "ABORTED", 0, "The call was ended.";
    /// Something answered that is not a doorward server.
    Server = "SERVER", 0, "The server's answer makes no sense.";
    /// This browser cannot run WebAssembly, or a policy forbids it.
    WasmUnavailable = "WASM_UNAVAILABLE", 0, "WebAssembly is not available here.";
}

impl ErrorCode {
    /// The number of the same error in a seed's system, where that has one (seed A89).
    pub const fn business_code(self) -> Option<u32> {
        match self {
            ErrorCode::CaptchaRequired => Some(2000),
            _ => None,
        }
    }
}

/// An error over HTTP: `application/problem+json` after RFC 9457, with our members beside the standard ones.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:doorward:error:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The code's message.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What was wrong in this case, where there is more to say than the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// One of [`ErrorCode`]'s strings.
    pub code: String,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Seconds to wait; the same as the `Retry-After` header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Numeric code of the same error in a seed's system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_code: Option<u32>,
    /// What has to be solved, with `CAPTCHA_REQUIRED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captcha: Option<Challenge>,
    /// The request's id in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_string_of_its_own() {
        for (at, code) in ErrorCode::ALL.iter().enumerate() {
            assert!(
                ErrorCode::ALL.iter().skip(at + 1).all(|other| other.as_str() != code.as_str()),
                "{code:?}"
            );
        }
    }

    #[test]
    fn the_page_of_error_codes_has_a_row_for_every_code() {
        let page = include_str!("../../docs/errors.md");
        for code in ErrorCode::ALL {
            let row = format!("| `{}` | {} | {} |", code.as_str(), code.status(), code.message());
            assert!(page.contains(&row), "docs/errors.md has no row {row}");
        }
    }
}
