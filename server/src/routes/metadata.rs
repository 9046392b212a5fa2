//! Metadata for generic OAuth clients (RFC 8414). There is no authorization endpoint (D-8).

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use doorward_request::error::ApiError;
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

/// The path of the document.
pub(crate) const PATH: &str = "/.well-known/oauth-authorization-server";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(metadata))
}

/// The path of the document for an issuer with a path: clients insert the well-known path between host and
/// path (RFC 8414 §3.1).
pub(super) fn router_below(prefix: &str) -> Router<AppState> {
    match prefix {
        "" => Router::new(),
        prefix => Router::new().route(&format!("{PATH}{prefix}"), get(metadata)),
    }
}

/// Returns the standard endpoints and their capabilities (RFC 8414).
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server",
    responses((status = 200, body = Object), ApiError))]
async fn metadata(State(app): State<AppState>) -> impl IntoResponse {
    let at = |path: &str| app.platform.config.address(path);
    let document = json!({
        "issuer": app.platform.config.public_url,
        "token_endpoint": at("/v1/token"),
        "revocation_endpoint": at("/v1/revoke"),
        "introspection_endpoint": at("/v1/introspect"),
        "jwks_uri": at("/.well-known/jwks.json"),
        // The RFC requires this member. It is empty without an authorization endpoint.
        "response_types_supported": [],
        "grant_types_supported": ["refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        "dpop_signing_alg_values_supported": ["ES256"],
    });
    ([(header::CACHE_CONTROL, "public, max-age=300")], Json(document))
}
