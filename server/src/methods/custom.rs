//! Sign-in with the user's id in another system of the operator, which vouches for the user with a service
//! key (D-23).

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::entry::{self, Call, EntryMethod};
use doorward_accounts::service_keys::ServiceKey;
use doorward_accounts::signin;
use doorward_core::operation::Operation;
use doorward_core::service_key::Scope;
use doorward_protocol::custom::CustomLoginRequest;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::session::Tokens;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use doorward_store::identities::{Identity, Kind};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};
use crate::request_schema::Requests;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(login_with_custom_id))
}

/// The JSON request of this method.
pub(super) fn requests(requests: &mut Requests<'_>) {
    requests.describe::<CustomLoginRequest>();
}

/// The name of the method, if it is enabled and pages can use it without a service key.
pub(super) fn names(app: &App) -> Vec<&'static str> {
    let settings = &app.platform.config.custom_id;
    if settings.enabled && settings.open { vec!["custom"] } else { Vec::new() }
}

/// Signs in with the user's id in another system. Creates the account at the first sign-in, if the operator
/// allows that.
#[utoipa::path(post, path = "/v1/login/custom", request_body = CustomLoginRequest, security((), ("service_key" = [])),
    responses((status = 200, body = Tokens), ApiError))]
async fn login_with_custom_id(
    State(app): State<AppState>,
    call: Call,
    key: Option<ServiceKey>,
    json: Json<CustomLoginRequest>,
) -> Result<Answer<Tokens>, ApiError> {
    let settings = &app.platform.config.custom_id;
    key.as_ref().map(|key| key.require(Scope::Trusted)).transpose()?;
    // A request with a service key and without `client_ip` comes from the operator's own program, which
    // limits do not apply to.
    let is_operators = key.is_some() && json.request.options.client_ip.is_none();
    let call = Call { caller: Caller { is_operators, ..call.caller }, ..call };
    let way = |request: &CustomLoginRequest| {
        let name = Identity::of_id(Kind::Custom, &request.custom_id);
        let way = EntryMethod::named(
            Operation::CustomidAuth,
            "custom",
            name,
            app.platform.config.auto_register.custom,
        );
        let refusal = (!settings.enabled).then(|| ErrorCode::Forbidden.into());
        Ok(EntryMethod { refusal, ..way })
    };
    let entering = entry::sign_in(&app.accounts, call, json, way).await?;
    let is_vouched = key.is_some() || settings.open || entering.granted.approved;
    if !is_vouched {
        return Err(ErrorCode::Forbidden.into());
    }
    signin::by_id(&app.accounts, entering).await.map(Answer)
}
