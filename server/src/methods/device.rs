//! The id of a device: whoever knows it is signed in. Off unless the operator turns it on (D-23).

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::entry::{self, Call, EntryMethod};
use doorward_accounts::signin;
use doorward_core::operation::Operation;
use doorward_protocol::device::DeviceLoginRequest;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::session::Tokens;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use doorward_store::identities::{Identity, Kind};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};
use crate::request_schema::Requests;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(login_with_device))
}

/// The JSON that it takes.
pub(super) fn requests(requests: &mut Requests<'_>) {
    requests.describe::<DeviceLoginRequest>();
}

/// Its name, where it is on.
pub(super) fn names(app: &App) -> Vec<&'static str> {
    if app.platform.config.device_id.enabled { vec!["device"] } else { Vec::new() }
}

/// Signs in with the id of a device, and makes the account where the operator lets a first sign-in do so.
#[utoipa::path(post, path = "/v1/login/device", request_body = DeviceLoginRequest,
    responses((status = 200, body = Tokens), ApiError))]
async fn login_with_device(
    State(app): State<AppState>,
    call: Call,
    json: Json<DeviceLoginRequest>,
) -> Result<Answer<Tokens>, ApiError> {
    let way = |request: &DeviceLoginRequest| {
        let name = Identity::of_id(Kind::Device, &request.device_id);
        let way = EntryMethod::named(
            Operation::DeviceidAuth,
            "device",
            name,
            app.platform.config.auto_register.device,
        );
        let refusal = (!app.platform.config.device_id.enabled).then(|| ErrorCode::Forbidden.into());
        Ok(EntryMethod { refusal, ..way })
    };
    let entering = entry::sign_in(&app.accounts, call, json, way).await?;
    signin::by_id(&app.accounts, entering).await.map(Answer)
}
