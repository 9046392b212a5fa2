//! What is no way to sign in: one file per group of calls.

mod health;
mod mailbox;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use doorward_protocol::error::ErrorCode;

use crate::error::ApiError;
use crate::http;
use crate::state::AppState;

/// All routes, with everything around them.
pub fn router(app: &AppState) -> Router {
    let router = Router::new()
        .merge(health::router())
        .merge(mailbox::router(app))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app.clone());
    http::surround(router, app)
}

/// What no route takes may be a file of a `[[site]]`.
async fn not_found(State(app): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let file = app.sites.clone().serve(&parts.method, &parts.uri, &parts.headers).await;
    file.ok_or_else(|| ErrorCode::NotFound.into())
}

async fn method_not_allowed() -> ApiError {
    ApiError::request(405, "This address does not take this method.")
}
