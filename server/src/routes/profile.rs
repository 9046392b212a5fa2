//! The account as its owner sees it.

use axum::Json as Answer;
use doorward_protocol::profile::UserProfile;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::ApiError;
use crate::extract::CurrentSession;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(profile))
}

/// Whose session it is.
#[utoipa::path(get, path = "/v1/profile", security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn profile(session: CurrentSession) -> Answer<UserProfile> {
    Answer(session.account.to_profile())
}
