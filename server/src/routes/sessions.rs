//! Listing and ending the sessions of an account.

use axum::Json as Answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use doorward_accounts::sessions;
use doorward_accounts::sessions::current::CurrentSession;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::session::{LiveSession, SessionList, SessionsRevokeRequest};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_sessions))
        .routes(routes!(revoke_session))
        .routes(routes!(revoke_sessions))
        .routes(routes!(live_session))
}

/// Lists the sessions of this account, the last used first, at most a hundred.
#[utoipa::path(get, path = "/v1/sessions", security(("access_token" = [])),
    responses((status = 200, body = SessionList), ApiError))]
async fn list_sessions(
    State(app): State<AppState>,
    session: CurrentSession,
) -> Result<Answer<SessionList>, ApiError> {
    Ok(Answer(SessionList { sessions: sessions::list(&app.platform, &session).await? }))
}

/// Ends a session of this account, which may be the session of the request.
#[utoipa::path(delete, path = "/v1/sessions/{id}", params(("id" = String, Path, description = "The id of the session.")),
    security(("access_token" = [])), responses((status = 200, body = Object), ApiError))]
async fn revoke_session(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    id: Result<Path<String>, PathRejection>,
) -> Result<Answer<Value>, ApiError> {
    // Text that is not a UUID matches no session.
    let id = id.ok().and_then(|Path(id)| Uuid::try_parse(&id).ok()).ok_or(ErrorCode::NotFound)?;
    match sessions::end(&app.platform, caller, session, id.to_string()).await? {
        true => Ok(Answer(json!({}))),
        false => Err(ErrorCode::NotFound.into()),
    }
}

/// Ends all sessions of this account, or all except that of the request.
#[utoipa::path(post, path = "/v1/sessions/revoke", request_body = SessionsRevokeRequest,
    security(("access_token" = [])), responses((status = 200, body = Object), ApiError))]
async fn revoke_sessions(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    Json { request, .. }: Json<SessionsRevokeRequest>,
) -> Result<Answer<Value>, ApiError> {
    sessions::end_several(&app.platform, caller, session, request.scope).await?;
    Ok(Answer(json!({})))
}

/// Succeeds if the access token is valid and its session has not ended. Only the client that holds the token
/// can call it. An app's own API calls `/v1/introspect` instead, because it cannot prove the key of a bound
/// token.
#[utoipa::path(get, path = "/v1/session", security(("access_token" = [])),
    responses((status = 200, body = LiveSession), ApiError))]
async fn live_session(session: CurrentSession) -> Answer<LiveSession> {
    let (iat, exp) = (session.claims.iat, session.claims.exp);
    Answer(LiveSession { user_id: session.account.id, session_id: session.id, iat, exp })
}
