//! The envelope of answers: `{ data, isSuccess }` (seeds R02, R03).

use axum::Json as Answer;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use doorward_request::error::{ApiError, Shown};
use serde::Serialize;
use serde_json::{Value, json};

use super::BASE;
use crate::app::AppState;

/// A successful answer.
#[derive(Debug, Serialize)]
pub(super) struct SuccessBody {
    data: Value,
    #[serde(rename = "isSuccess")]
    is_success: bool,
}

/// Wraps the data of a successful answer.
pub(super) fn success(data: impl Into<Value>) -> Answer<SuccessBody> {
    Answer(SuccessBody { data: data.into(), is_success: true })
}

/// Writes every error below the base path in this envelope, including an unknown path or method, a time-out
/// and a panic. Those arise in layers that do not know this API.
pub(crate) async fn in_envelope(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path().strip_prefix(BASE);
    let is_here = app.platform.config.compat.auth_v1
        && path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let response = next.run(request).await;
    if is_here { refusal(response) } else { response }
}

/// Rewrites an error response in this envelope. Keeps its status, and the error for the log.
fn refusal(mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let message = error.detail.as_deref().unwrap_or(error.code.message());
    let message = match &error.field {
        Some(field) => format!("{field}: {message}"),
        None => message.to_owned(),
    };
    let mut said = json!({
        "data": null, "isSuccess": false, "error": { "code": error.code.as_str(), "message": message },
    });
    if let Some(challenge) = &error.captcha {
        said["error"]["captcha"] = json!(challenge);
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.remove(header::CONTENT_LENGTH);
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.status() == 401 {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    *response.body_mut() = Body::from(said.to_string());
    response.extensions_mut().insert(Shown(error));
    response
}
