//! Signing out.

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::sessions;
use doorward_protocol::logout::LogoutRequest;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(logout))
}

/// Ends the session of a revoke-only token. The answer is the same if the session had ended before.
#[utoipa::path(post, path = "/v1/logout", request_body = LogoutRequest,
    responses((status = 200, body = Object), ApiError))]
async fn logout(
    State(app): State<AppState>,
    caller: Caller,
    Json { request, .. }: Json<LogoutRequest>,
) -> Result<Answer<Value>, ApiError> {
    if let Some(session) = sessions::of_revoke_token(&app.platform, &request.revoke_token) {
        doorward_hooks::before_sign_out(&app.hooks, &caller, &session).await?;
        sessions::sign_out(&app.platform, &caller, session).await?;
    }
    Ok(Answer(json!({})))
}
