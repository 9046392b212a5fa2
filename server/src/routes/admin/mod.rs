//! `/v1/admin`: operator calls, for service keys of the scope `admin`. Pages cannot call it from any origin
//! (SECURITY X05).

mod cursor;
mod deliveries;
mod lists;
mod params;
mod sessions;
mod users;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use doorward_accounts::admin::{By, Operator};
use doorward_accounts::service_keys::ServiceKey;
use doorward_core::service_key::Scope;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use utoipa_axum::router::OpenApiRouter;
use uuid::Uuid;

use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(users::router())
        .merge(sessions::router())
        .merge(lists::router())
        .merge(deliveries::router())
}

/// A caller with a service key of the scope `admin`.
impl FromRequestParts<AppState> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let key = <ServiceKey as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        key.require(Scope::Admin)?;
        let Ok(caller) = Caller::from_request_parts(parts, app).await;
        Ok(Operator::new(
            &app.platform.store,
            &app.platform.world,
            &app.platform.config,
            By::Key(key.id),
            caller,
        ))
    }
}

/// An id in the path. Text that is not a UUID is `NOT_FOUND`.
fn id(path: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let Path(text) = path.map_err(|_| ErrorCode::NotFound)?;
    uuid(&text)
}

fn uuid(text: &str) -> Result<String, ApiError> {
    Ok(Uuid::try_parse(text).map_err(|_| ErrorCode::NotFound)?.to_string())
}
