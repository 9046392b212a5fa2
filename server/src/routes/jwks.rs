//! The public keys, with which a back end can check access tokens with any JWT library.

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use doorward_request::error::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(jwks))
}

/// Returns the public keys of the access tokens (RFC 7517).
#[utoipa::path(get, path = "/.well-known/jwks.json", responses((status = 200, body = Object), ApiError))]
async fn jwks(State(app): State<AppState>) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(app.issuer.signing_keys.jwks()))
}
