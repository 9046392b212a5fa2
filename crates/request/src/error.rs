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

/// Why a request was not carried out. `http::trace` turns it into RFC 9457's JSON.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// What a program can act on.
    pub code: ErrorCode,
    /// The HTTP status, where it is not the code's own.
    pub status: Option<u16>,
    /// The field at fault.
    pub field: Option<String>,
    /// What was wrong in this case.
    pub detail: Option<Cow<'static, str>>,
    /// Seconds to wait.
    pub retry_after: Option<u32>,
    /// What has to be solved first.
    pub captcha: Option<Box<Challenge>>,
    /// For the log only.
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

/// Beside a page that tells the error in its own words: for the log only.
#[derive(Clone, Debug)]
pub struct Shown(pub ApiError);

/// In the OpenAPI document, of a call whose errors a person looks at: `responses(…, Shown)`.
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
    /// The request as a whole cannot be carried out; with a status of its own like 413.
    pub fn request(status: u16, detail: impl Into<Cow<'static, str>>) -> ApiError {
        let error = ApiError::from(ErrorCode::InvalidRequest);
        ApiError { status: Some(status), detail: Some(detail.into()), ..error }
    }

    /// A field is not as it must be.
    pub fn field(field: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> ApiError {
        let error = ApiError::from(ErrorCode::InvalidParameter);
        ApiError { field: Some(field.into()), detail: Some(detail.into()), ..error }
    }

    /// There is more to do than can be done now.
    pub fn overloaded(retry_after: u32) -> ApiError {
        ApiError { retry_after: Some(retry_after), ..ErrorCode::Overloaded.into() }
    }

    /// A fault of ours; the cause goes to the log.
    pub fn internal(cause: impl std::fmt::Display) -> ApiError {
        ApiError { cause: Some(cause.to_string()), ..ErrorCode::Internal.into() }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        // Codes of the SDK have no status; none of them arises here.
        self.status.unwrap_or(match self.code.status() {
            0 => 500,
            status => status,
        })
    }

    /// As JSON for the caller.
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

/// For the command line: what was wrong, in a sentence.
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
    /// Leaves the body to the layer that knows the request's id.
    fn into_response(self) -> Response {
        let mut response = Response::default();
        *response.status_mut() = http::StatusCode::from_u16(self.status()).unwrap_or_default();
        response.extensions_mut().insert(self);
        response
    }
}

/// In the OpenAPI document: `responses(…, ApiError)` says of a call that it may be refused, or fail, as all are.
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

/// Descriptions by name: one for what the caller can do something about, one for faults of ours.
pub fn refusals(refused: &str, failed: &str) -> BTreeMap<String, RefOr<Description>> {
    [("4XX", refused), ("5XX", failed)]
        .map(|(status, name)| (status.to_owned(), Ref::from_response_name(name).into()))
        .into()
}
