//! A captcha for who wants one before being asked: a page that shows the picture with its form.

use axum::Json;
use axum::extract::State;
use doorward_limits::captcha;
use doorward_protocol::captcha::Challenge;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(challenge))
}

/// Gives something to solve, new each time: its solution is good once, for five minutes. `NOT_FOUND` where nothing has
/// to be solved.
#[utoipa::path(get, path = "/v1/captcha", responses((status = 200, body = Challenge), ApiError))]
async fn challenge(State(app): State<AppState>, caller: Caller) -> Result<Json<Challenge>, ApiError> {
    // Never with a captcha: this is where to get one.
    doorward_limits::admit_captcha(&app.limits, &caller).await?;
    captcha::challenge(&app.limits.captcha, &app.platform)?
        .map(Json)
        .ok_or_else(|| ErrorCode::NotFound.into())
}
