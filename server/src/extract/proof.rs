//! The proof of a key (DPoP, RFC 9449) of a request.

use axum::extract::OptionalFromRequestParts;
use axum::http::request::Parts;
use doorward_credentials::dpop::{About, Proof, ProofError};
use doorward_request::error::ApiError;

use crate::app::{App, AppState};

/// The proof of a key that came without an access token: a session that begins now is bound to it, a refresh needs it.
/// No proof is none; a bad one is refused.
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
        (Some(one), None) => one.to_str().map_err(|_| ProofError::Invalid("The proof is no JWS."))?,
        _ => return Err(ProofError::Invalid("There must be one DPoP header only.").into()),
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
