//! Captchas on request, for a page that shows the captcha with its form.

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

/// Returns a new captcha. Its solution is valid once, for five minutes. `NOT_FOUND` if the server asks for no
/// captcha.
#[utoipa::path(get, path = "/v1/captcha", responses((status = 200, body = Challenge), ApiError))]
async fn challenge(State(app): State<AppState>, caller: Caller) -> Result<Json<Challenge>, ApiError> {
    // This limit never asks for a captcha, because this call returns them.
    doorward_limits::admit_captcha(&app.limits, &caller).await?;
    captcha::challenge(&app.limits.captcha, &app.platform)?
        .map(Json)
        .ok_or_else(|| ErrorCode::NotFound.into())
}
