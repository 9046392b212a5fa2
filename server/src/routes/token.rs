//! The token endpoint (RFC 6749 §6): form-encoded, with errors as §5.2 writes them.

use std::borrow::Cow;

use axum::Json as Answer;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use doorward_protocol::error::{ErrorCode, Problem};
use doorward_protocol::session::{CLIENT_ID, Tokens};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::dpop::Proof;
use crate::error::ApiError;
use crate::extract::{Caller, read};
use crate::secret::Secret;
use crate::sessions::{self, Refusal};
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(token))
}

/// What the form has in it.
#[derive(Default, ToSchema)]
#[schema(as = TokenRequest)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document")]
struct TokenForm {
    /// `refresh_token`
    grant_type: String,
    /// The newest one of the session.
    refresh_token: String,
    /// `doorward`
    client_id: String,
}

/// An error as RFC 6749 §5.2 writes it.
#[derive(Serialize, ToSchema)]
struct OauthError {
    /// One of the RFC's words.
    error: &'static str,
    /// The same as a sentence.
    error_description: Cow<'static, str>,
}

enum TokenError {
    Oauth(&'static str, Cow<'static, str>),
    Api(ApiError),
}

impl TokenError {
    fn new(error: &'static str, description: impl Into<Cow<'static, str>>) -> TokenError {
        TokenError::Oauth(error, description.into())
    }
}

impl From<ApiError> for TokenError {
    fn from(error: ApiError) -> TokenError {
        let described = error.detail.clone().unwrap_or(error.code.message().into());
        match (error.code, error.status()) {
            (ErrorCode::UseDpopNonce, _) => TokenError::new("use_dpop_nonce", described),
            (ErrorCode::InvalidProof, _) => TokenError::new("invalid_dpop_proof", described),
            (_, 400..500) => TokenError::new("invalid_request", described),
            _ => TokenError::Api(error),
        }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        match self {
            TokenError::Api(error) => error.into_response(),
            TokenError::Oauth(error, error_description) => {
                (StatusCode::BAD_REQUEST, Answer(OauthError { error, error_description })).into_response()
            }
        }
    }
}

/// Exchanges a refresh token for new tokens.
#[utoipa::path(post, path = "/v1/token",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Tokens),
        (status = 400, body = OauthError),
        (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn token(
    State(app): State<AppState>,
    caller: Caller,
    proof: Result<Option<Proof>, ApiError>,
    request: Request,
) -> Result<Answer<Tokens>, TokenError> {
    let form = Form::read(request).await?;
    match form.grant_type.as_deref() {
        Some("refresh_token") => {}
        Some(_) => {
            return Err(TokenError::new("unsupported_grant_type", "Only refresh_token is taken here."));
        }
        None => return Err(TokenError::new("invalid_request", "The parameter grant_type is missing.")),
    }
    if form.client_id.as_deref() != Some(CLIENT_ID) {
        return Err(TokenError::new("invalid_client", "The parameter client_id must be doorward."));
    }
    let Some(token) = form.refresh_token else {
        return Err(TokenError::new("invalid_request", "The parameter refresh_token is missing."));
    };
    sessions::refresh(&app, &caller, token.expose(), proof?).await.map(Answer).map_err(
        |refusal| match refusal {
            Refusal::Over => TokenError::new("invalid_grant", "The session has ended. Please sign in."),
            Refusal::Stale => {
                TokenError::new("stale_token", "A newer refresh token has taken the place of this one.")
            }
            Refusal::Unproven => {
                TokenError::new("invalid_dpop_proof", "The session is bound to a key: send a proof of it.")
            }
            Refusal::Failed(error) => error.into(),
        },
    )
}

#[derive(Default)]
struct Form {
    grant_type: Option<String>,
    refresh_token: Option<Secret>,
    client_id: Option<String>,
}

impl Form {
    async fn read(request: Request) -> Result<Form, TokenError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_form = kind
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(TokenError::new(
                "invalid_request",
                "Send a form: application/x-www-form-urlencoded.",
            ));
        }
        let body = read(request.into_body()).await?;
        let mut form = Form::default();
        for (name, value) in form_urlencoded::parse(&body) {
            // A parameter that is there twice is an error, one that nobody knows is not (RFC 6749 §3.2).
            let again = match name.as_ref() {
                "grant_type" => form.grant_type.replace(value.into_owned()).is_some(),
                "refresh_token" => form.refresh_token.replace(value.into_owned().into()).is_some(),
                "client_id" => form.client_id.replace(value.into_owned()).is_some(),
                _ => false,
            };
            if again {
                return Err(TokenError::new("invalid_request", "A parameter is there twice."));
            }
        }
        Ok(form)
    }
}
