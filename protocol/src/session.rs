//! Tokens, the verdicts that end a session, and the sessions of an account.

use serde::{Deserialize, Serialize};

use crate::fields::request;
use crate::profile::UserProfile;
use crate::rules::Rule;

/// The one public client that the server knows (D-8).
pub const CLIENT_ID: &str = "doorward";

/// The tokens of a session: what a login answers, and what `POST /v1/token` answers (RFC 6749 §5.1).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// A signed JWT (RFC 9068).
    pub access_token: String,
    /// `DPoP` when the session is bound to a key: every use of its tokens then needs a proof (RFC 9449). Else `Bearer`.
    pub token_type: String,
    /// Seconds that the access token lives from now.
    pub expires_in: u32,
    /// Opaque, good for one refresh; the answer to it carries the next (D-3).
    pub refresh_token: String,
    /// All that it can do is end the session (D-10).
    pub revoke_token: String,
    /// The server's clock, whole seconds since 1970: what the client measures its own by.
    pub server_time: i64,
    /// Whose session it is. In the answers of `POST /v1/token` only with `restore=true`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserProfile>,
    /// With a sign-in: shows at later calls, in the header `Known-Device`, that the account knows this device, so that
    /// nobody's wrong passwords from elsewhere slow them down. It opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_device: Option<String>,
}

/// The `error` of an answer of `POST /v1/token` (RFC 6749 §5.2) that ends the session in the browser, once its storage
/// was read again: if another refresh token is stored there by now, only the copy that was presented is over.
/// The list is closed: every other answer, and none at all, keeps the session.
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
    /// What `DELETE /v1/sessions/{id}` takes.
    pub id: String,
    /// Is it the one that asks?
    pub current: bool,
    /// When the person signed in, RFC 3339.
    pub created_at: String,
    /// When its tokens were last replaced, RFC 3339: at most an access token's life ago while it is used.
    pub last_seen_at: String,
    /// The address that it was last refreshed from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// What the browser called itself when it was last refreshed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
}

request! {
    /// `POST /v1/sessions/revoke`: ends several sessions at once.
    pub struct SessionsRevokeRequest {
        /// Which: `others` or `global`.
        pub scope: RevokeScope = required(Rule::OneOf(&["others", "global"])),
    }
}

/// Which sessions are ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum RevokeScope {
    /// All but the one that asks.
    #[default]
    Others,
    /// All.
    Global,
}

/// The answer of `GET /v1/session`: the access token that was presented is good, and its session is alive.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LiveSession {
    /// Whose session it is.
    pub user_id: String,
    /// Its id.
    pub session_id: String,
    /// When the access token was made, whole seconds since 1970.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
}
