//! Error codes: stable strings, part of the API, the same in the form and over HTTP.

use serde::{Deserialize, Serialize};

use crate::captcha::Challenge;

/// Declares the codes with their status and message.
macro_rules! codes {
    ($( $(#[$meta:meta])* $name:ident = $text:literal, $status:literal, $message:literal; )*) => {
        /// The code of an error, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $( $(#[$meta])* $name, )*
        }

        impl ErrorCode {
            /// All codes, in the order of docs/errors.md.
            pub const ALL: &'static [ErrorCode] = &[ $( ErrorCode::$name, )* ];

            /// Its string over HTTP and in `AuthError.code`.
            pub const fn as_str(self) -> &'static str {
                match self { $( ErrorCode::$name => $text, )* }
            }

            /// The HTTP status of the error. 0 for a code that only the SDK reports.
            pub const fn status(self) -> u16 {
                match self { $( ErrorCode::$name => $status, )* }
            }

            /// The message in English. If a seed has the error, the wording of that seed.
            pub const fn message(self) -> &'static str {
                match self { $( ErrorCode::$name => $message, )* }
            }
        }
    };
}

codes! {
    /// A field is missing or violates its rule; `field` names it.
    InvalidParameter = "INVALID_PARAMETER", 400, "A parameter is not valid.";
    /// The request as a whole is not valid.
    InvalidRequest = "INVALID_REQUEST", 400, "The request is not valid.";
    /// An account with this address, number or username already exists; `field` names it.
    Exists = "EXISTS", 409, "user already exists.";
    /// The requested object does not exist.
    NotFound = "NOT_FOUND", 404, "Not found.";
    /// The operator does not allow this, or it would remove the last sign-in method of the account.
    Forbidden = "FORBIDDEN", 403, "This is not allowed.";
    /// The address must be confirmed by mail before the first sign-in. Only after a correct password, code or id.
    SignupConfirmationNeeded = "SIGNUP_CONFIRMATION_NEEDED", 403, "User's signup confirmation is required.";
    /// The first proof of an address of the account, without evidence that the same person created the account: the
    /// request also needs the password of the account.
    PasswordRequired = "PASSWORD_REQUIRED", 403, "Please enter the password of the account, too.";
    /// An operator disabled the account. Only after a correct password, code or id.
    UserIsDisabled = "USER_IS_DISABLED", 403, "This account is disabled.";
    /// Unknown account, wrong password or account without a password: the same answer for all three.
    IncorrectUsernameOrPassword =
        "INCORRECT_USERNAME_OR_PASSWORD", 401, "Incorrect username or password.";
    /// Too many attempts; `retry_after` is the time to wait in seconds.
    RequestExceed = "REQUEST_EXCEED", 429, "Too many attempts. Please try again later.";
    /// Too many codes or mails were requested; `retry_after` is the time to wait in seconds.
    LimitExceeded =
        "LimitExceededException", 429, "Attempt limit exceeded, please try after some time.";
    /// The request needs the solution of a captcha.
    CaptchaRequired = "CAPTCHA_REQUIRED", 403, "Please solve the captcha.";
    /// The one-time code is wrong, used or superseded, or had too many tries.
    InvalidCode = "INVALID_CODE", 400, "The code is not valid.";
    /// The one-time code is correct, but has expired.
    ExpiredCode = "EXPIRED_CODE", 400, "The code has expired. Please ask for a new one.";
    /// The token of a mailed link was used, superseded or never issued.
    TokenRevoked = "TOKEN_REVOKED", 400, "The token has been revoked.";
    /// The token of a mailed link has expired.
    TokenExpired = "TOKEN_EXPIRED", 400, "The token has expired. Please ask for a new mail.";
    /// The request has no session, or its access token is not valid any more.
    SessionRequired = "SESSION_REQUIRED", 401, "Please sign in.";
    /// The DPoP proof has no nonce of this server, or an old one. The answer contains a new nonce.
    UseDpopNonce = "USE_DPOP_NONCE", 401, "A proof with a nonce of this server is needed.";
    /// The DPoP proof is missing, invalid, or was used before.
    InvalidProof = "INVALID_PROOF", 401, "The proof of the key is not valid.";
    /// The code or verifier of the provider was used before.
    OauthReused = "OAUTH_REUSED", 400, "This sign-in was used already. Please start again.";
    /// The user or the provider refused the sign-in.
    OauthDenied = "OAUTH_DENIED", 403, "The provider did not allow the sign-in.";
    /// The provider's answer does not belong to a sign-in that this browser started.
    OauthStateMismatch = "OAUTH_STATE_MISMATCH", 400, "This sign-in was not begun here. Please start again.";
    /// The provider identity is linked to another account.
    SocialAccountInUse = "SOCIAL_ACCOUNT_IN_USE", 409, "Social account already in use";
    /// The request needs a recent sign-in (setting `session.fresh`, default 10 minutes).
    ReauthRequired = "REAUTH_REQUIRED", 401, "Please sign in again to do this.";
    /// The token has a key binding to another browser.
    TokenBound = "TOKEN_BOUND", 400, "This token is bound to another browser.";
    /// The verified address or number belongs to another account.
    MergeRequired = "MERGE_REQUIRED", 409, "Another account has this identity.";
    /// The password is on a blocklist.
    PasswordRejected = "PASSWORD_REJECTED", 400, "This password is too easy to guess. Please choose another.";
    /// A hook of the operator refused the request.
    HookRejected = "HOOK_REJECTED", 403, "The request was refused.";
    /// The server is overloaded; `retry_after` is the time to wait in seconds.
    Overloaded = "OVERLOADED", 503, "The server is busy. Please try again in a moment.";
    /// The page is served neither over https nor from localhost.
    InsecureContext = "INSECURE_CONTEXT", 0, "This page is not secure. Serve it over https.";
    /// An error in doorward itself; `id` identifies it in the server's log.
    Internal = "INTERNAL", 500, "Something went wrong on our side.";
    /// The SDK got no answer: the browser is offline, CORS blocked the request, or the server does not exist. With the
    /// status 502, the server could not reach a provider.
    Network = "NETWORK", 502, "The server could not be reached.";
    /// The SDK got no answer in time.
    Timeout = "TIMEOUT", 0, "The server took too long to answer.";
    /// The caller's `AbortSignal` ended the call.
    Aborted = "ABORTED", 0, "The call was ended.";
    /// The answer is not from a doorward server.
    Server = "SERVER", 0, "The server's answer is not valid.";
    /// This browser cannot run WebAssembly, or a policy forbids it.
    WasmUnavailable = "WASM_UNAVAILABLE", 0, "WebAssembly is not available here.";
}

impl ErrorCode {
    /// The number of the same error in the system of a seed, if it has one (seed A89).
    pub const fn business_code(self) -> Option<u32> {
        match self {
            ErrorCode::CaptchaRequired => Some(2000),
            _ => None,
        }
    }
}

/// An error over HTTP: `application/problem+json` (RFC 9457) with further members.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `urn:doorward:error:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The message of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Details about this case, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The string of an [`ErrorCode`].
    pub code: String,
    /// The name of the invalid field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Seconds to wait, as in the header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// The number of the same error in the system of a seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub business_code: Option<u32>,
    /// The captcha to solve, with `CAPTCHA_REQUIRED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captcha: Option<Challenge>,
    /// The id of the request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_unique_string() {
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
