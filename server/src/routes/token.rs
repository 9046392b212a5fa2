//! The token endpoint (RFC 6749 §6): form-encoded, with the errors of §5.2.

use axum::Json as Answer;
use axum::extract::{Request, State};
use doorward_accounts::approved;
use doorward_accounts::sessions::{self, RefreshRefusal};
use doorward_core::operation::Operation;
use doorward_credentials::dpop::Proof;
use doorward_protocol::session::{CLIENT_ID, Tokens};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::http::oauth_form::{Form, Refused};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(token))
}

/// The fields of the form.
#[derive(Default, ToSchema)]
#[schema(as = TokenRequest)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document")]
struct TokenForm {
    #[schema(pattern = "^refresh_token$")]
    grant_type: String,
    /// The newest refresh token of the session.
    #[schema(min_length = 1)]
    refresh_token: String,
    #[schema(pattern = "^doorward$")]
    client_id: String,
    /// `true` if the page has supplied the refresh token, instead of continuing its stored session. Hooks see
    /// it as another operation, and the answer contains the user.
    #[schema(pattern = "^(true|false)$")]
    restore: Option<String>,
}

/// Exchanges a refresh token for new tokens.
#[utoipa::path(post, path = "/v1/token",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Tokens), Refused))]
pub(super) async fn token(
    State(app): State<AppState>,
    caller: Caller,
    proof: Result<Option<Proof>, ApiError>,
    request: Request,
) -> Result<Answer<Tokens>, Refused> {
    let form = Form::read(request, &["grant_type", "refresh_token", "client_id", "restore"]).await?;
    if form.require("grant_type")? != "refresh_token" {
        return Err(Refused::new("unsupported_grant_type", "The grant type must be refresh_token."));
    }
    if form.get("client_id") != Some(CLIENT_ID) {
        return Err(Refused::new("invalid_client", "The parameter client_id must be doorward."));
    }
    let proof = proof?;
    let is_restored = form.get("restore") == Some("true");
    let operation = if is_restored { Operation::RestoreToken } else { Operation::RefreshToken };
    let token = form.require("refresh_token")?;
    let approved = approved::approve_refresh(&app.accounts, &caller, operation, token).await?;
    let tokens = if is_restored {
        sessions::restore(&app.issuer, &caller, &approved, proof).await
    } else {
        sessions::refresh(&app.issuer, &caller, &approved, proof).await
    };
    tokens.map(Answer).map_err(|refusal| match refusal {
        RefreshRefusal::InvalidGrant => {
            Refused::new("invalid_grant", "The session has ended. Please sign in.")
        }
        RefreshRefusal::Stale => Refused::new("stale_token", "A newer refresh token has replaced this one."),
        RefreshRefusal::Unproven => {
            Refused::new("invalid_dpop_proof", "The session is bound to a key: send a proof of it.")
        }
        RefreshRefusal::Failed(error) => error.into(),
    })
}
