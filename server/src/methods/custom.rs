//! An id that another system of the operator's has for a person: that system vouches for it, with a service key (D-23).

use axum::Json as Answer;
use axum::extract::State;
use doorward_protocol::custom::CustomLoginRequest;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::session::Tokens;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::dpop::Proof;
use crate::error::ApiError;
use crate::extract::{Caller, Json};
use crate::limits::{self, Purpose, Subject};
use crate::hooks::{self, Operation, Who};
use crate::service_keys::{self, Scope, ServiceKey};
use crate::state::{App, AppState};
use crate::store::identities::{Identity, Kind};
use crate::{registration, signin};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(login_with_custom_id))
}

/// Its name, where a page can use it.
pub(super) fn names(app: &App) -> Vec<&'static str> {
    let settings = &app.config.custom_id;
    if settings.enabled && settings.open { vec!["custom"] } else { Vec::new() }
}

/// Signs in with an id of another system, and makes the account where the operator lets a first sign-in do so.
#[utoipa::path(post, path = "/v1/login/custom", request_body = CustomLoginRequest, security((), ("service_key" = [])),
    responses((status = 200, body = Tokens), ApiError))]
async fn login_with_custom_id(
    State(app): State<AppState>,
    caller: Caller,
    proof: Option<Proof>,
    key: Option<ServiceKey>,
    who: Who,
    json: Json<CustomLoginRequest>,
) -> Result<Answer<Tokens>, ApiError> {
    let caller = service_keys::speaks_for(&app, caller, json.request.options.client_ip.as_deref()).await?;
    // The operator's own programs sign in as many as they say, unless they say for whom.
    let is_operators = key.is_some() && json.request.options.client_ip.is_none();
    let caller = Caller { is_operators, ..caller };
    if !is_operators {
        limits::admit(&app, &caller, Purpose::SignIn, Subject::Nobody).await?;
    }
    let settings = &app.config.custom_id;
    if !settings.enabled {
        return Err(ErrorCode::Forbidden.into());
    }
    key.as_ref().map(|key| key.require(Scope::Trusted)).transpose()?;
    let vouched = key.is_some() || settings.open;
    let Json { request, granted, .. } =
        hooks::before(&app, &caller, Operation::CustomidAuth, who, json).await?;
    if !vouched && !granted.approved {
        return Err(ErrorCode::Forbidden.into());
    }
    let first = registration::first(&app, app.config.auto_register.custom, request.options.auto_register, granted)?;
    let name = Identity::of_id(Kind::Custom, &request.custom_id);
    Ok(Answer(signin::by_id(&app, caller, proof, name, "custom", first).await?))
}
