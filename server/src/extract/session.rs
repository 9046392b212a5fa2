//! The session of a request: its access token, and the DPoP proof of its key.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use doorward_accounts::sessions::current::CurrentSession;
use doorward_credentials::dpop::ProofError;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_store::sessions;

use super::credentials::{Scheme, credentials, presented};
use super::proof::proof;
use crate::app::AppState;

/// For calls with an optional session. A request without an access token has no session; an invalid token is
/// rejected. A request with a service key also has no session: the browser that the back end calls for counts
/// as signed out.
impl OptionalFromRequestParts<AppState> for CurrentSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Option<Self>, ApiError> {
        let is_sent = parts.headers.contains_key(header::AUTHORIZATION);
        if !is_sent || presented(&parts.headers).is_some() {
            return Ok(None);
        }
        <Self as FromRequestParts<AppState>>::from_request_parts(parts, app).await.map(Some)
    }
}

impl FromRequestParts<AppState> for CurrentSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let required = || ApiError::from(ErrorCode::SessionRequired);
        let (scheme, token) = credentials(&parts.headers).ok_or_else(required)?;
        let now = app.platform.world.now();
        let claims =
            app.issuer.access_tokens.verify(&app.issuer.signing_keys, token, now).ok_or_else(required)?;
        let proof = match (scheme, &claims.cnf) {
            (Scheme::Bearer, None) => None,
            (Scheme::Dpop, Some(key)) => {
                let proof = proof(parts, app, Some(token))?.ok_or_else(required)?;
                if !proof.is_by(&key.jkt) {
                    return Err(ProofError::Invalid("The access token is bound to another key.").into());
                }
                if parts.method.is_safe() {
                    proof.show(&app.seen_proofs, now)?;
                }
                Some(proof)
            }
            // A bound token must not be used with the scheme Bearer (RFC 9449 §7.2), nor an unbound one with
            // DPoP.
            (Scheme::Bearer, Some(_)) | (Scheme::Dpop, None) => return Err(required()),
        };
        let mut db = app.platform.store.read().await?;
        let account = sessions::live_account(&mut db, &claims.sid, now).await?;
        let account = account.filter(|account| account.id == claims.sub).ok_or_else(required)?;
        Ok(CurrentSession {
            account,
            id: claims.sid.clone(),
            authenticated_at: claims.auth_time.saturating_mul(1000),
            claims,
            proof,
        })
    }
}
