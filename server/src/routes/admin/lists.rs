//! Subscribers of the newsletter, and the audit log.

use axum::Json as Answer;
use axum::extract::State;
use axum::http::Uri;
use doorward_accounts::admin::{Operator, moment};
use doorward_protocol::admin::{AuditList, SubscriberList};
use doorward_request::error::ApiError;
use doorward_store::audit::Filter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::cursor;
use super::params::Params;
use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(subscribers)).routes(routes!(audit_log))
}

/// Lists the users that want the newsletter and have a proven e-mail address, the oldest account first.
#[utoipa::path(get, path = "/v1/admin/subscribers", security(("service_key" = [])), params(
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "The number of rows, 50 by default."),
    ("cursor" = Option<String>, Query, description = "`next` of the previous answer.")),
    responses((status = 200, body = SubscriberList), ApiError))]
async fn subscribers(
    State(app): State<AppState>,
    operator: Operator,
    uri: Uri,
) -> Result<Answer<SubscriberList>, ApiError> {
    let params = Params::read(&uri, &["limit", "cursor"])?;
    let list = params.list("subscribers");
    let after = cursor::read(&app.platform.secret_keys, &list, params.get("cursor"))?;
    let page = operator.subscribers(after.as_deref(), params.limit()?).await?;
    let next = cursor::write(&app.platform.secret_keys, &list, page.next)?;
    Ok(Answer(SubscriberList { subscribers: page.items, next }))
}

/// Lists the audit log, newest first.
#[utoipa::path(get, path = "/v1/admin/audit", security(("service_key" = [])), params(
    ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "The number of rows, 50 by default."),
    ("cursor" = Option<String>, Query, description = "`next` of the previous answer."),
    ("user" = Option<String>, Query, description = "Only entries about the account with this id, even if it was deleted."),
    ("event" = Option<String>, Query, description = "Only this event, like `signed_in`."),
    ("since" = Option<String>, Query,
        description = "The earliest time: a date, a time like `2026-01-31T12:00:00Z`, or a duration before now, like `24h`.")),
    responses((status = 200, body = AuditList), ApiError))]
async fn audit_log(
    State(app): State<AppState>,
    operator: Operator,
    uri: Uri,
) -> Result<Answer<AuditList>, ApiError> {
    let params = Params::read(&uri, &["limit", "cursor", "user", "event", "since"])?;
    let list = params.list("audit");
    let before = cursor::read(&app.platform.secret_keys, &list, params.get("cursor"))?;
    let filter = filter(&params, app.platform.world.now())?;
    let page = operator.audit(&filter, before.as_deref(), params.limit()?).await?;
    Ok(Answer(AuditList {
        entries: page.items,
        next: cursor::write(&app.platform.secret_keys, &list, page.next)?,
    }))
}

fn filter(params: &Params, now: doorward_core::clock::Millis) -> Result<Filter, ApiError> {
    let account = match params.get("user").map(Uuid::try_parse) {
        Some(Ok(id)) => Some(id.to_string()),
        Some(Err(_)) => return Err(ApiError::field("user", "This must be the id of an account.")),
        None => None,
    };
    let since = match params.get("since") {
        Some(text) => Some(moment(text, now).ok_or_else(|| {
            ApiError::field("since", "This must be a date, a time, or a duration like 24h.")
        })?),
        None => None,
    };
    Ok(Filter { account, event: params.get("event").map(str::to_owned), since })
}
