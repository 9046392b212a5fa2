//! Health checks for operators and load balancers.

use axum::Json;
use axum::extract::State;
use doorward_request::error::ApiError;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready))
}

/// Succeeds while the process answers.
#[utoipa::path(get, path = "/health/live", responses((status = 200, body = Object), ApiError))]
async fn live() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Succeeds while the database can be read and written. `warning` describes problems that will become
/// serious.
#[utoipa::path(get, path = "/health/ready", responses((status = 200, body = Object), ApiError))]
async fn ready(State(app): State<AppState>) -> Result<Json<Value>, ApiError> {
    let (clocks, hooks) = (app.platform.clocks_disagree().await?, &app.hooks);
    let hooks = hooks.webhooks.warnings().into_iter().chain(hooks.scripts.warning());
    let warnings: Vec<String> = clocks.into_iter().chain(hooks).chain(app.tasks.warnings()).collect();
    if warnings.is_empty() {
        return Ok(Json(json!({ "status": "ok" })));
    }
    let warning = warnings.join("; ");
    tracing::warn!("{warning}");
    Ok(Json(json!({ "status": "ok", "warning": warning })))
}
