//! What a generic OAuth client has to know of this server (RFC 8414). There is no authorisation endpoint (D-8).

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(metadata))
}

/// Where the standard endpoints are and what they take (RFC 8414).
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server",
    responses((status = 200, body = Object), ApiError))]
async fn metadata(State(app): State<AppState>) -> impl IntoResponse {
    let issuer = &app.config.public_url;
    let document = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}/v1/token"),
        "revocation_endpoint": format!("{issuer}/v1/revoke"),
        "introspection_endpoint": format!("{issuer}/v1/introspect"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        // Required by the RFC; without an authorisation endpoint there is none.
        "response_types_supported": [],
        "grant_types_supported": ["refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "dpop_signing_alg_values_supported": ["ES256"],
    });
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(document))
}
