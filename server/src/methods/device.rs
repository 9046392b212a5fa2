//! Sign-in with the id of a device: knowing the id is sufficient. Off unless the operator enables it (D-23).

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

/// The JSON request of this method.
pub(super) fn requests(requests: &mut Requests<'_>) {
    requests.describe::<DeviceLoginRequest>();
}

/// The name of the method, if it is enabled.
pub(super) fn names(app: &App) -> Vec<&'static str> {
    if app.platform.config.device_id.enabled { vec!["device"] } else { Vec::new() }
}

/// Signs in with the id of a device. Creates the account at the first sign-in, if the operator allows that.
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
