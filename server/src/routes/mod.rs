//! What is no way to sign in: one file per group of calls.

mod health;

use axum::Router;
use doorward_protocol::error::ErrorCode;

use crate::error::ApiError;
use crate::http;
use crate::state::AppState;

/// All routes, with everything around them.
pub fn router(app: &AppState) -> Router {
    let router = Router::new()
        .merge(health::router())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app.clone());
    http::surround(router, app)
}

async fn not_found() -> ApiError {
    ErrorCode::NotFound.into()
}

async fn method_not_allowed() -> ApiError {
    ApiError::request(405, "This address does not take this method.")
}
