//! Tokens, the errors that end a session, and the sessions of an account.

use serde::{Deserialize, Serialize};

use crate::fields::request;
use crate::profile::UserProfile;
use crate::rules::Rule;

/// The id of the only public OAuth client of the server (D-8).
pub const CLIENT_ID: &str = "doorward";

/// The tokens of a session: the answer to a sign-in, and of `POST /v1/token` (RFC 6749 §5.1).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// The access token, a signed JWT (RFC 9068).
    pub access_token: String,
    /// `DPoP` if the session has a key binding: each use of its tokens then needs a DPoP proof (RFC 9449). Else
    /// `Bearer`.
    pub token_type: String,
    /// Lifetime of the access token from now, in seconds.
    pub expires_in: u32,
    /// The refresh token, opaque and valid for one refresh. The answer to a refresh contains the next one (D-3).
    pub refresh_token: String,
    /// A token that can only end the session (D-10).
    pub revoke_token: String,
    /// Time of the server's clock, in seconds since 1970. The client uses it to correct its own clock.
    pub server_time: i64,
    /// The account of the session. In answers of `POST /v1/token` only with `restore=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserProfile>,
    /// Only in the answer to a sign-in: the value for the header `Known-Device` of later requests. It shows that
    /// the account knows this device, so that wrong passwords from other devices do not delay this one. It is not a
    /// credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_device: Option<String>,
}

/// The `error` values of `POST /v1/token` (RFC 6749 §5.2) that end the session in the browser. The SDK first reads its
/// storage again: if it contains another refresh token by then, only the presented one is invalid, and the session
/// continues. Every other answer, or no answer, keeps the session.
pub const ENDS_SESSION: &[&str] = &["invalid_grant", "stale_token"];

/// The answer of `GET /v1/sessions`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionList {
    /// The sessions of the account that have not ended, the last used first.
    pub sessions: Vec<SessionInfo>,
}

/// One signed-in browser, as its owner sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SessionInfo {
    /// The id for `DELETE /v1/sessions/{id}`.
    pub id: String,
    /// True for the session of this request.
    pub current: bool,
    /// Time of the sign-in, RFC 3339.
    pub created_at: String,
    /// Time of the last refresh, RFC 3339. While the session is in use, it is at most the lifetime of an access
    /// token ago.
    pub last_seen_at: String,
    /// IP address of the last refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// `User-Agent` of the last refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

request! {
    /// `POST /v1/sessions/revoke`: ends several sessions at once.
    pub struct SessionsRevokeRequest {
        /// The sessions to end: `others` or `global`.
        pub scope: RevokeScope = required(Rule::OneOf(&["others", "global"])),
    }
}

/// The sessions that a request ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RevokeScope {
    /// All sessions except that of this request.
    #[default]
    Others,
    /// All sessions.
    Global,
}

/// The answer of `GET /v1/session`: the presented access token is valid, and its session has not ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveSession {
    /// UUID of the account.
    pub user_id: String,
    /// The id of the session.
    pub session_id: String,
    /// Time of issue of the access token, in seconds since 1970.
    pub iat: i64,
    /// Time of expiry of the access token, in seconds since 1970.
    pub exp: i64,
}
