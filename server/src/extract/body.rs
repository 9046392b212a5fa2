//! Request bodies: size limit, content type, JSON.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request as HttpRequest};
use axum::http::{HeaderMap, header};
use doorward_protocol::Request;
use doorward_request::error::ApiError;
use doorward_request::idempotency::Idempotency;
use doorward_request::json::{Json, parse, rename};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::app::AppState;

/// The maximum size of a body, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

impl<T: Request + DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest, app: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(ApiError::request(415, "Send JSON, with the header Content-Type: application/json."));
        }
        let bytes = read(body).await?;
        let idempotency = Idempotency::of(&parts, &bytes, &app.platform.secret_keys)?;
        let object = rename(parse(&bytes)?, T::FIELDS)?;
        Json::of(object, idempotency, &app.platform, !app.hooks.is_idle())
    }
}

/// A JSON body with other field names, for APIs that other systems have designed.
#[derive(Debug)]
pub struct Foreign(pub Map<String, Value>);

impl FromRequest<AppState> for Foreign {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest, _: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(ApiError::request(415, "Send JSON, with the header Content-Type: application/json."));
        }
        parse(&read(body).await?).map(Foreign)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    let mut parts = kind.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|part| {
            !part.to_ascii_lowercase().starts_with("charset=") || part.to_ascii_lowercase().contains("utf-8")
        })
}

/// The time within which a body must arrive.
const BODY_TIME: Duration = Duration::from_secs(15);
/// Reads a whole body, at most [`BODY_LIMIT`]. The buffer is wiped when it is dropped, because it may contain
/// a password.
pub async fn read(body: Body) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    match tokio::time::timeout(BODY_TIME, read_all(body)).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::request(408, "The body did not arrive in time.")),
    }
}

async fn read_all(body: Body) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let mut body = Limited::new(body, BODY_LIMIT);
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => ApiError::request(413, "The body may have at most 64 KiB."),
            None => ApiError::request(400, "The body could not be read."),
        })?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}
