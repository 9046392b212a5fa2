//! User-defined data that an app stores for a user (seed A56 to A60). The operator declares keys and types.

use axum::Json as Answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use doorward_accounts::sessions::current::CurrentSession;
use doorward_core::typed_value;
use doorward_protocol::data::{DataItem, DataList, SetDataRequest, ValueType};
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use doorward_store::{transaction, user_data};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_data)).routes(routes!(set_data, remove_data))
}

/// Lists all data of the account, sorted by key.
#[utoipa::path(get, path = "/v1/data", security(("access_token" = [])),
    responses((status = 200, body = DataList), ApiError))]
async fn list_data(
    State(app): State<AppState>,
    session: CurrentSession,
) -> Result<Answer<DataList>, ApiError> {
    let mut db = app.platform.store.read().await?;
    let stored = user_data::list(&mut db, &session.account.id).await?;
    // Values of keys that are no longer declared are kept, but not shown.
    let data = stored.into_iter().filter_map(|(key, value)| {
        let kind = app.platform.config.user_data.get(&key)?.kind;
        Some(DataItem { key, value, kind })
    });
    Ok(Answer(DataList { data: data.collect() }))
}

/// Sets a value.
#[utoipa::path(put, path = "/v1/data/{key}", params(("key" = String, Path, description = "A key that the settings declare.")),
    request_body = SetDataRequest, security(("access_token" = [])),
    responses((status = 200, body = Object), ApiError))]
async fn set_data(
    State(app): State<AppState>,
    session: CurrentSession,
    key: Result<Path<String>, PathRejection>,
    Json { request, .. }: Json<SetDataRequest>,
) -> Result<Answer<Value>, ApiError> {
    let (key, kind) = declared(&app, key)?;
    typed_value::check(kind, &request.value).map_err(|said| ApiError::field("value", said))?;
    let world = app.platform.world.clone();
    app.platform
        .store
        .write(transaction!(|tx| {
            let now = world.now();
            session.confirm(tx, now).await?;
            let account = &session.account.id;
            Ok::<(), ApiError>(user_data::set(tx, account, &key, &request.value, now).await?)
        }))
        .await?;
    Ok(Answer(json!({})))
}

/// Removes a value.
#[utoipa::path(delete, path = "/v1/data/{key}", params(("key" = String, Path, description = "A key that the settings declare.")),
    security(("access_token" = [])), responses((status = 200, body = Object), ApiError))]
async fn remove_data(
    State(app): State<AppState>,
    session: CurrentSession,
    key: Result<Path<String>, PathRejection>,
) -> Result<Answer<Value>, ApiError> {
    let (key, _) = declared(&app, key)?;
    let world = app.platform.world.clone();
    let removed = app
        .platform
        .store
        .write(transaction!(|tx| {
            session.confirm(tx, world.now()).await?;
            Ok::<bool, ApiError>(user_data::remove(tx, &session.account.id, &key).await?)
        }))
        .await?;
    if removed { Ok(Answer(json!({}))) } else { Err(ErrorCode::NotFound.into()) }
}

fn declared(app: &App, key: Result<Path<String>, PathRejection>) -> Result<(String, ValueType), ApiError> {
    let unknown =
        || ApiError::field("key", "No such key is declared in the server's settings ([user_data.NAME]).");
    let Path(key) = key.map_err(|_| unknown())?;
    let kind = app.platform.config.user_data.get(&key).ok_or_else(unknown)?.kind;
    Ok((key, kind))
}
