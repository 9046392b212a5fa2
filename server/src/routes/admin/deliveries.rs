//! Deliveries to hooks.

use axum::Json as Answer;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::Uri;
use doorward_accounts::admin::Operator;
use doorward_protocol::admin::DeliveryList;
use doorward_request::error::ApiError;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use super::params::Params;
use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(deliveries)).routes(routes!(send_delivery))
}

/// Lists the events for hooks, delivered or not, newest first.
#[utoipa::path(get, path = "/v1/admin/deliveries", security(("service_key" = [])), params(
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "The number of rows, 50 by default."),
    ("target" = Option<String>, Query, description = "Only deliveries to this webhook, or to `script`."),
    ("failed" = Option<bool>, Query, description = "`true`: only deliveries that were given up.")),
    responses((status = 200, body = DeliveryList), ApiError))]
async fn deliveries(operator: Operator, uri: Uri) -> Result<Answer<DeliveryList>, ApiError> {
    let params = Params::read(&uri, &["limit", "target", "failed"])?;
    let failed = match params.get("failed") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(ApiError::field("failed", "This must be true or false.")),
    };
    let deliveries = operator.deliveries(params.get("target"), failed, params.limit()?).await?;
    Ok(Answer(DeliveryList { deliveries }))
}

/// Sends a delivery again, even if it was delivered or given up.
#[utoipa::path(post, path = "/v1/admin/deliveries/{id}/send",
    params(("id" = String, Path, description = "The id of the delivery.")),
    security(("service_key" = [])), responses((status = 200, body = Object), ApiError))]
async fn send_delivery(
    operator: Operator,
    path: Result<Path<String>, PathRejection>,
) -> Result<Answer<Value>, ApiError> {
    operator.resend(&id(path)?).await?;
    Ok(Answer(json!({})))
}
