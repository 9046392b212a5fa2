//! The common part of sign-in, sign-up and address verification requests.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use doorward_accounts::addresses::first_proof::{Evidence, Prover};
use doorward_accounts::entry::Call;
use doorward_accounts::sessions::current::{CurrentSession, principal};
use doorward_credentials::dpop::Proof;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Principal;

use crate::app::AppState;

impl FromRequestParts<AppState> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Ok(caller) = Caller::from_request_parts(parts, app).await;
        let proof = <Option<Proof> as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        let Ok(who) = Principal::from_request_parts(parts, app).await;
        Ok(Call { caller, proof, who })
    }
}

impl FromRequestParts<AppState> for Prover {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let session =
            <Option<CurrentSession> as FromRequestParts<AppState>>::from_request_parts(parts, app).await;
        let (session, has_ended) = match session {
            // An ended session is no evidence, but also no reason to reject the proof of the address.
            Err(error) if error.code == ErrorCode::SessionRequired => (None, true),
            session => (session?, false),
        };
        let proof = match session.is_some() || has_ended {
            true => None,
            false => <Option<Proof> as FromRequestParts<AppState>>::from_request_parts(parts, app).await?,
        };
        let who = principal(session.as_ref());
        Ok(Prover { who, evidence: Evidence { proof, session: session.map(Box::new), password: None } })
    }
}
