//! Tokens, and the verdicts that end a session.

use serde::{Deserialize, Serialize};

use crate::profile::UserProfile;

/// The one public client that the server knows (D-8).
pub const CLIENT_ID: &str = "doorward";

/// The tokens of a session: what a login answers, and what `POST /v1/token` answers (RFC 6749 §5.1).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// A signed JWT (RFC 9068).
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds that the access token lives from now.
    pub expires_in: u32,
    /// Opaque, good for one refresh; the answer to it carries the next (D-3).
    pub refresh_token: String,
    /// All that it can do is end the session (D-10).
    pub revoke_token: String,
    /// The server's clock, whole seconds since 1970: what the client measures its own by.
    pub server_time: i64,
    /// Whose session it is. Not in the answers of `POST /v1/token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserProfile>,
}

/// The `error` of an answer of `POST /v1/token` (RFC 6749 §5.2) that ends the session in the browser.
/// The list is closed: every other answer, and none at all, keeps the session.
pub const ENDS_SESSION: &[&str] = &["invalid_grant"];
