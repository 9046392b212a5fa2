//! Token revocation (RFC 7009): ends the session that a token belongs to.

use axum::Json as Answer;
use axum::extract::{Request, State};
use doorward_accounts::sessions;
use doorward_protocol::session::CLIENT_ID;
use doorward_request::caller::Caller;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::http::oauth_form::{Form, Refused};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(revoke))
}

/// The fields of the form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document")]
struct RevocationRequest {
    /// A refresh token or an access token.
    #[schema(min_length = 1)]
    token: String,
    #[schema(pattern = "^doorward$")]
    client_id: String,
}

/// Ends the session of a refresh token or an access token. The answer is the same if the token has no
/// session.
///
/// Needs no DPoP proof: a client that holds a token may always revoke it.
#[utoipa::path(post, path = "/v1/revoke",
    request_body(content = RevocationRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Object), Refused))]
async fn revoke(
    State(app): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Answer<Value>, Refused> {
    let form = Form::read(request, &["token", "client_id"]).await?;
    if form.get("client_id") != Some(CLIENT_ID) {
        return Err(Refused::new("invalid_client", "The parameter client_id must be doorward."));
    }
    if let Some(session) = sessions::of_token(&app.issuer, form.require("token")?).await? {
        doorward_hooks::before_sign_out(&app.hooks, &caller, &session).await?;
        sessions::sign_out(&app.platform, &caller, session).await?;
    }
    Ok(Answer(json!({})))
}
