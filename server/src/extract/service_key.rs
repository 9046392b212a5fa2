//! Extracts the service key of a request.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use doorward_accounts::service_keys::{self, ServiceKey};
use doorward_request::error::ApiError;

use super::credentials::{Scheme, credentials};
use crate::app::AppState;

impl FromRequestParts<AppState> for ServiceKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Some((Scheme::Bearer, text)) = credentials(&parts.headers) else {
            return Err(service_keys::required());
        };
        service_keys::recognise(&app.platform, text).await
    }
}

impl OptionalFromRequestParts<AppState> for ServiceKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Option<Self>, ApiError> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            return Ok(None);
        }
        <ServiceKey as FromRequestParts<AppState>>::from_request_parts(parts, app).await.map(Some)
    }
}
