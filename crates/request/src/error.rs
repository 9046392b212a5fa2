//! The one error of the HTTP layer: a code for the caller, a cause for the log.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum_core::response::{IntoResponse, Response};
use doorward_protocol::Invalid;
use doorward_protocol::captcha::Challenge;
use doorward_protocol::error::{ErrorCode, Problem};
use doorward_store::StoreError;
use utoipa::IntoResponses;
use utoipa::openapi::response::Response as Description;
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};

/// The reason why a request failed. `http::trace` converts it to JSON (RFC 9457).
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The code, for programs.
    pub code: ErrorCode,
    /// The HTTP status, if it differs from the code's own.
    pub status: Option<u16>,
    /// The field at fault.
    pub field: Option<String>,
    /// Detail of this case, for a person.
    pub detail: Option<Cow<'static, str>>,
    /// Seconds to wait before the next attempt.
    pub retry_after: Option<u32>,
    /// The captcha that must be solved first.
    pub captcha: Option<Box<Challenge>>,
    /// The cause, for the log only.
    pub cause: Option<String>,
}

impl From<ErrorCode> for ApiError {
    fn from(code: ErrorCode) -> ApiError {
        ApiError {
            code,
            status: None,
            field: None,
            detail: None,
            retry_after: None,
            captcha: None,
            cause: None,
        }
    }
}

/// An error that a page shows in its own words. Attached to the answer for the log.
#[derive(Clone, Debug)]
pub struct Shown(pub ApiError);

/// For the OpenAPI document: `responses(…, Shown)` marks a call that shows its errors on a page.
impl IntoResponses for Shown {
    fn responses() -> BTreeMap<String, RefOr<Description>> {
        refusals("Page", "Page")
    }
}

impl Shown {
    /// The one description that [`IntoResponses`] refers to.
    pub fn description() -> Description {
        let mut description = ApiError::description();
        description.description = "Refused: a page says why.".into();
        description.content.insert("text/html".into(), Content::default().into());
        description
    }
}

impl ApiError {
    /// The request as a whole is refused, with a status of its own like 413.
    pub fn request(status: u16, detail: impl Into<Cow<'static, str>>) -> ApiError {
        let error = ApiError::from(ErrorCode::InvalidRequest);
        ApiError { status: Some(status), detail: Some(detail.into()), ..error }
    }

    /// A field is not valid.
    pub fn field(field: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> ApiError {
        let error = ApiError::from(ErrorCode::InvalidParameter);
        ApiError { field: Some(field.into()), detail: Some(detail.into()), ..error }
    }

    /// The server is overloaded. The client should wait this many seconds.
    pub fn overloaded(retry_after: u32) -> ApiError {
        ApiError { retry_after: Some(retry_after), ..ErrorCode::Overloaded.into() }
    }

    /// An internal error. The cause goes into the log.
    pub fn internal(cause: impl std::fmt::Display) -> ApiError {
        ApiError { cause: Some(cause.to_string()), ..ErrorCode::Internal.into() }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        // Codes that only the SDK uses have no status. None of them occurs here.
        self.status.unwrap_or(match self.code.status() {
            0 => 500,
            status => status,
        })
    }

    /// The error as JSON for the caller.
    pub fn problem(&self, request_id: &str) -> Problem {
        Problem {
            kind: format!("urn:doorward:error:{}", self.code.as_str()),
            title: self.code.message().to_owned(),
            status: self.status(),
            detail: self.detail.as_ref().map(|detail| detail.clone().into_owned()),
            code: self.code.as_str().to_owned(),
            field: self.field.clone(),
            retry_after: self.retry_after,
            business_code: self.code.business_code(),
            captcha: self.captcha.as_deref().cloned(),
            id: Some(request_id.to_owned()),
        }
    }
}

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> ApiError {
        ApiError::field(invalid.field, invalid.message)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::Unavailable(cause) => ApiError { cause: Some(cause), ..ApiError::overloaded(1) },
            StoreError::Conflict => ApiError::internal("a unique row exists already"),
            StoreError::Internal(cause) => ApiError::internal(cause),
        }
    }
}

/// For the command line: the error as a sentence.
impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(self.detail.as_deref().unwrap_or(self.code.message()))?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}

impl IntoResponse for ApiError {
    /// The layer that knows the request's id writes the body.
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = http::StatusCode::from_u16(self.status()).unwrap_or_default();
        response.extensions_mut().insert(self);
        response
    }
}

/// For the OpenAPI document: `responses(…, ApiError)` adds the errors that every call can return.
impl IntoResponses for ApiError {
    fn responses() -> BTreeMap<String, RefOr<Description>> {
        refusals("Problem", "Problem")
    }
}

impl ApiError {
    /// The one description that [`IntoResponses`] refers to.
    pub fn description() -> Description {
        let problem = Content::new(Some(Ref::from_schema_name("Problem")));
        ResponseBuilder::new()
            .description("Refused, or failed: `code` says why.")
            .content("application/problem+json", problem)
            .build()
    }
}

/// References to the descriptions: `refused` for errors that the caller can correct, `failed` for those of the server.
pub fn refusals(refused: &str, failed: &str) -> BTreeMap<String, RefOr<Description>> {
    [("4XX", refused), ("5XX", failed)]
        .map(|(status, name)| (status.to_owned(), Ref::from_response_name(name).into()))
        .into()
}
