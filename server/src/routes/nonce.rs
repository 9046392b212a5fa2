//! A nonce for the first DPoP proof of a page. Without it the first request would be rejected with a nonce
//! (RFC 9449 §8). That takes the same round trip, and shows as an error in the browser's console.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderName;
use axum::response::IntoResponse;
use doorward_credentials::dpop;
use doorward_request::error::ApiError;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(nonce))
}

/// Returns a nonce for DPoP proofs in the header `DPoP-Nonce`. It is valid for at least a minute.
#[utoipa::path(get, path = "/v1/nonce", responses((status = 200, body = Object), ApiError))]
async fn nonce(State(app): State<AppState>) -> Result<impl IntoResponse, ApiError> {
    let nonce = dpop::nonce(&app.platform.secret_keys, app.platform.world.now());
    let nonce = nonce.ok_or_else(|| ApiError::internal("a nonce could not be made"))?;
    Ok(([(HeaderName::from_static("dpop-nonce"), nonce)], Json(json!({}))))
}
