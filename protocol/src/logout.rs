//! Ending a session.

use crate::fields::request;
use crate::rules::Rule;

request! {
    /// `POST /v1/logout`. Needs no other credential, so that it works after the access token has expired.
    pub struct LogoutRequest {
        /// The revoke-only value that came with the session's tokens (D-10).
        pub revoke_token: String = required(Rule::RevokeToken),
    }
}
