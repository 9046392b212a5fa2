//! The format of endpoints of RFC 6749: requests are forms, and errors are written as in §5.2 (D-13).

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use doorward_core::secret::Secret;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::{ApiError, refusals};
use serde::Serialize;
use url::form_urlencoded;
use utoipa::openapi::response::Response as Description;
use utoipa::openapi::{Content, Ref, RefOr};
use utoipa::{IntoResponses, ToSchema};

use crate::extract::read;

/// An error as in RFC 6749 §5.2.
#[derive(Serialize, ToSchema)]
pub struct OauthError {
    /// Error code of the RFC.
    error: &'static str,
    /// The error as a sentence.
    error_description: Cow<'static, str>,
}

/// The error of a request to such an endpoint.
#[derive(Debug)]
pub enum Refused {
    /// An error of the RFC.
    Oauth(StatusCode, &'static str, Cow<'static, str>),
    /// A rate limit, an overload or an internal error, in the format of the other endpoints.
    Api(ApiError),
}

/// An extension of an error response: the RFC's error code, which the events for hooks contain.
#[derive(Clone, Copy, Debug)]
pub struct RefusedAs(pub &'static str);

impl Refused {
    /// 400 with an error code of the RFC and a sentence.
    pub fn new(error: &'static str, description: impl Into<Cow<'static, str>>) -> Refused {
        Refused::Oauth(StatusCode::BAD_REQUEST, error, description.into())
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Refused {
        let described = error.detail.clone().unwrap_or(error.code.message().into());
        match (error.code, error.status()) {
            // RFC 9449 §5, §8
            (ErrorCode::UseDpopNonce, _) => Refused::new("use_dpop_nonce", described),
            (ErrorCode::InvalidProof, _) => Refused::new("invalid_dpop_proof", described),
            (_, 429 | 500..) => Refused::Api(error),
            (_, status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                Refused::Oauth(status, "invalid_request", described)
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Refused::Api(error) => error.into_response(),
            Refused::Oauth(status, error, error_description) => {
                let body = Json(OauthError { error, error_description });
                (status, Extension(RefusedAs(error)), body).into_response()
            }
        }
    }
}

/// For the OpenAPI document: `responses(…, Refused)`.
impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Description>> {
        refusals("OauthError", "Problem")
    }
}

impl Refused {
    /// The description that [`IntoResponses`] refers to. Errors without a code in the RFC are described by a
    /// [`Problem`], as at the other endpoints.
    ///
    /// [`Problem`]: doorward_protocol::error::Problem
    pub fn description() -> Description {
        let mut description = ApiError::description();
        description.description =
            "Refused. The reason is in `error`, or in `code` of a problem document.".into();
        let error = Content::new(Some(Ref::from_schema_name("OauthError")));
        description.content.insert("application/json".into(), error.into());
        description
    }
}

/// The known parameters of a form. Their values may be tokens, so their memory is wiped on drop.
#[derive(Debug, Default)]
pub struct Form(BTreeMap<&'static str, Secret>);

impl Form {
    /// Reads the form. A known parameter that occurs twice is an error; unknown parameters are ignored (RFC 6749 §3.2).
    pub async fn read(request: Request, known: &[&'static str]) -> Result<Form, Refused> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let is_form = kind
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        if !is_form {
            return Err(Refused::new("invalid_request", "Send a form: application/x-www-form-urlencoded."));
        }
        let body = read(request.into_body()).await?;
        let mut form = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&body) {
            let Some(name) = known.iter().find(|known| **known == name) else { continue };
            if form.insert(*name, Secret::from(value.into_owned())).is_some() {
                return Err(Refused::new("invalid_request", "A parameter occurs twice."));
            }
        }
        Ok(Form(form))
    }

    /// Returns the value of a parameter. An empty value counts as absent (RFC 6749 §3.2).
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose).filter(|text| !text.is_empty())
    }

    /// Returns the value of a required parameter.
    pub fn require(&self, name: &'static str) -> Result<&str, Refused> {
        self.get(name)
            .ok_or_else(|| Refused::new("invalid_request", format!("The parameter {name} is missing.")))
    }
}
