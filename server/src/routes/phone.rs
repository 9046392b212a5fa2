//! The phone number of an account. [`doorward_accounts::addresses`] carries out the changes.

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::addresses::contacts::Contact;
use doorward_accounts::addresses::{Change, Proven};
use doorward_accounts::sessions::current::CurrentSession;
use doorward_protocol::phone::{BindPhoneRequest, ChangePhoneRequest, UnbindRequest};
use doorward_protocol::profile::UserProfile;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use doorward_store::identities::Kind;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::address_change;
use crate::app::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(bind_phone))
        .routes(routes!(change_phone))
        .routes(routes!(unbind_phone))
}

/// Adds the first phone number to the account.
#[utoipa::path(post, path = "/v1/phone/bind", request_body = BindPhoneRequest, security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn bind_phone(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<BindPhoneRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let request = json.request.clone();
    let contact = Contact::phone(&app.platform, &request.phone_number, "phone_number")?;
    let change = Change::Bind(Proven { contact, code: request.phone_code });
    address_change::carry_out(&app, caller, session, json, change).await
}

/// Replaces the phone number of the account.
#[utoipa::path(post, path = "/v1/phone/change", request_body = ChangePhoneRequest, security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn change_phone(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<ChangePhoneRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let request = json.request.clone();
    let contact = Contact::phone(&app.platform, &request.phone_number, "phone_number")?;
    let new = Proven { contact, code: request.phone_code };
    let old =
        match (request.old_phone_number.or_else(|| session.account.phone.clone()), request.old_phone_code) {
            (Some(old), Some(code)) => {
                Some(Proven { contact: Contact::phone(&app.platform, &old, "old_phone_number")?, code })
            }
            _ => None,
        };
    let change = Change::Replace { new, old };
    address_change::carry_out(&app, caller, session, json, change).await
}

/// Removes the phone number from the account, unless it is the last sign-in method.
#[utoipa::path(post, path = "/v1/phone/unbind", request_body = UnbindRequest, security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn unbind_phone(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<UnbindRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let change = Change::Unbind(Kind::Phone);
    address_change::carry_out(&app, caller, session, json, change).await
}
