//! Token introspection (RFC 7662), for back ends that call it instead of checking signatures themselves. The
//! answer reflects a sign-out at once.

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_core::secret::same;
use doorward_request::error::ApiError;
use doorward_store::sessions;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};
use crate::http::oauth_form::{Form, Refused};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(introspect))
}

/// The fields of the form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document")]
struct IntrospectionRequest {
    /// An access token. Other kinds count as inactive.
    #[schema(min_length = 1)]
    token: String,
}

/// Returns whether an access token is active, and its claims. For clients of `introspection.clients`, with
/// HTTP Basic.
///
/// A token with `cnf` is bound to a key: the back end must check the DPoP proof of its request, or reject the
/// token (RFC 9449 §6.2).
#[utoipa::path(post, path = "/v1/introspect", security(("client" = [])),
    request_body(content = IntrospectionRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = Object), Refused))]
async fn introspect(
    State(app): State<AppState>,
    headers: HeaderMap,
    request: Request,
) -> Result<Answer<Value>, Response> {
    if !is_client(&app, &headers) {
        let error = Refused::Oauth(
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "Only clients in introspection.clients may call this.".into(),
        );
        return Err(([(header::WWW_AUTHENTICATE, "Basic realm=\"introspection\"")], error).into_response());
    }
    let form = Form::read(request, &["token"]).await.map_err(IntoResponse::into_response)?;
    let token = form.require("token").map_err(IntoResponse::into_response)?;
    let claims = live_claims(&app, token).await.map_err(IntoResponse::into_response)?;
    Ok(Answer(claims.unwrap_or_else(|| json!({ "active": false }))))
}

/// The claims of an access token whose session has not ended.
async fn live_claims(app: &App, token: &str) -> Result<Option<Value>, ApiError> {
    let now = app.platform.world.now();
    let Some(claims) = app.issuer.access_tokens.verify(&app.issuer.signing_keys, token, now) else {
        return Ok(None);
    };
    let account = sessions::live_account(&mut *app.platform.store.read().await?, &claims.sid, now).await?;
    if account.is_none_or(|account| account.id != claims.sub) {
        return Ok(None);
    }
    let mut answer = serde_json::to_value(&*claims).map_err(ApiError::internal)?;
    answer["token_type"] = if answer.get("cnf").is_some() { "DPoP" } else { "Bearer" }.into();
    answer["active"] = true.into();
    Ok(Some(answer))
}

/// HTTP Basic: the credentials are form-encoded as RFC 6749 §2.3.1 requires, or plain, which most programs
/// send.
fn is_client(app: &App, headers: &HeaderMap) -> bool {
    let Some(given) = basic(headers) else { return false };
    let decoded = percent_decode_str(&given.replace('+', " ")).collect::<Vec<u8>>();
    let clients = app.platform.config.introspection.clients.iter().map(|client| client.expose().as_bytes());
    // Compares with all clients, so that the time reveals nothing about a partial match.
    clients.fold(false, |found, client| same(client, given.as_bytes()) | same(client, &decoded) | found)
}

fn basic(headers: &HeaderMap) -> Option<String> {
    let (scheme, given) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    String::from_utf8(STANDARD.decode(given.trim()).ok()?).ok()
}
