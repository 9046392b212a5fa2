//! Listing and ending the sessions of an account.

use axum::Json as Answer;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use doorward_accounts::admin::Operator;
use doorward_protocol::admin::{AdminSessionList, SessionsEnded};
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{id, uuid};
use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(user_sessions, end_user_sessions)).routes(routes!(end_user_session))
}

/// Lists the sessions of an account, the last used first.
#[utoipa::path(get, path = "/v1/admin/users/{id}/sessions",
    params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), responses((status = 200, body = AdminSessionList), ApiError))]
async fn user_sessions(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
) -> Result<Answer<AdminSessionList>, ApiError> {
    Ok(Answer(AdminSessionList { sessions: operator.sessions(&id(path)?).await? }))
}

/// Ends all sessions of an account.
#[utoipa::path(delete, path = "/v1/admin/users/{id}/sessions",
    params(("id" = String, Path, description = "The id of the account.")),
    security(("service_key" = [])), responses((status = 200, body = SessionsEnded), ApiError))]
async fn end_user_sessions(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
) -> Result<Answer<SessionsEnded>, ApiError> {
    Ok(Answer(SessionsEnded { ended: operator.end_sessions(&id(path)?).await? }))
}

/// Ends a session of an account.
#[utoipa::path(delete, path = "/v1/admin/users/{id}/sessions/{session}",
    params(("id" = String, Path, description = "The id of the account."),
        ("session" = String, Path, description = "The id of the session.")),
    security(("service_key" = [])), responses((status = 200, body = Object), ApiError))]
async fn end_user_session(
    operator: Operator,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Answer<Value>, ApiError> {
    let Path((id, session)) = path.map_err(|_| ErrorCode::NotFound)?;
    operator.end_session(&uuid(&id)?, &uuid(&session)?).await?;
    Ok(Answer(json!({})))
}
