//! The id of a device: whoever knows it is signed in. Off unless the operator turns it on (D-23).

use axum::Json as Answer;
use axum::extract::State;
use doorward_protocol::device::DeviceLoginRequest;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::session::Tokens;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::dpop::Proof;
use crate::error::ApiError;
use crate::extract::{Caller, Json};
use crate::limits::{self, Purpose, Subject};
use crate::hooks::{self, Operation, Who};
use crate::service_keys;
use crate::state::{App, AppState};
use crate::store::identities::{Identity, Kind};
use crate::{registration, signin};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(login_with_device))
}

/// Its name, where it is on.
pub(super) fn names(app: &App) -> Vec<&'static str> {
    if app.config.device_id.enabled { vec!["device"] } else { Vec::new() }
}

/// Signs in with the id of a device, and makes the account where the operator lets a first sign-in do so.
#[utoipa::path(post, path = "/v1/login/device", request_body = DeviceLoginRequest,
    responses((status = 200, body = Tokens), ApiError))]
async fn login_with_device(
    State(app): State<AppState>,
    caller: Caller,
    proof: Option<Proof>,
    who: Who,
    json: Json<DeviceLoginRequest>,
) -> Result<Answer<Tokens>, ApiError> {
    if !app.config.device_id.enabled {
        return Err(ErrorCode::Forbidden.into());
    }
    let caller = service_keys::speaks_for(&app, caller, json.request.options.client_ip.as_deref()).await?;
    limits::admit(&app, &caller, Purpose::SignIn, Subject::Nobody).await?;
    let Json { request, granted, .. } =
        hooks::before(&app, &caller, Operation::DeviceidAuth, who, json).await?;
    let first = registration::first(&app, app.config.auto_register.device, request.options.auto_register, granted)?;
    let name = Identity::of_id(Kind::Device, &request.device_id);
    Ok(Answer(signin::by_id(&app, caller, proof, name, "device", first).await?))
}
