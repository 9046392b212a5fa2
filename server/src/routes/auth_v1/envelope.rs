//! What answers are wrapped in: `{ data, isSuccess }` (seeds R02, R03).

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

/// An answer.
#[derive(Debug, Serialize)]
pub(super) struct SuccessBody {
    data: Value,
    #[serde(rename = "isSuccess")]
    is_success: bool,
}

/// It worked, with this.
pub(super) fn success(data: impl Into<Value>) -> Answer<SuccessBody> {
    Answer(SuccessBody { data: data.into(), is_success: true })
}

/// Writes every error below the base path in this envelope, also that of an unknown path or method, of a time-out or of a
/// panic: these arise in layers that know nothing of this surface.
pub(crate) async fn in_envelope(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path().strip_prefix(BASE);
    let is_here = app.platform.config.compat.auth_v1
        && path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let response = next.run(request).await;
    if is_here { refusal(response) } else { response }
}

/// The error of a response in this envelope, with its status, and for the log as it is.
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
