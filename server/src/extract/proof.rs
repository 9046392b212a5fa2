//! The DPoP proof of a request (RFC 9449).

use axum::extract::OptionalFromRequestParts;
use axum::http::request::Parts;
use doorward_credentials::dpop::{About, Proof, ProofError};
use doorward_request::error::ApiError;

use crate::app::{App, AppState};

/// The DPoP proof of a request without an access token. A new session is bound to its key, and a refresh
/// needs it. `None` without a DPoP header; an invalid proof is rejected.
impl OptionalFromRequestParts<AppState> for Proof {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Option<Self>, ApiError> {
        proof(parts, app, None)
    }
}

pub(super) fn proof(parts: &Parts, app: &App, access_token: Option<&str>) -> Result<Option<Proof>, ApiError> {
    let mut all = parts.headers.get_all("dpop").iter();
    let text = match (all.next(), all.next()) {
        (None, _) => return Ok(None),
        (Some(one), None) => one.to_str().map_err(|_| ProofError::Invalid("The proof is not a JWS."))?,
        _ => return Err(ProofError::Invalid("There must be only one DPoP header.").into()),
    };
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let about = About {
        method,
        public_url: &app.platform.config.public_url,
        path,
        dev: app.platform.dev,
        access_token,
    };
    Ok(Some(Proof::check(text, about, &app.platform.secret_keys, app.platform.world.now())?))
}
