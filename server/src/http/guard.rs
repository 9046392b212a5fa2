//! Guards around every request: a time limit, a panic handler, the check for exactly one `Host`, the Host check of
//! `--dev`, and the origin check of the development routes.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use doorward_core::local_address::is_local;
use doorward_core::tasks;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use futures_util::FutureExt;
use url::Url;

use crate::app::AppState;

/// Time limit for a request, including its body.
const LIMIT: Duration = Duration::from_secs(30);

pub(super) async fn timeout(request: Request, next: Next) -> Response {
    match tokio::time::timeout(LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError { cause: Some("took longer than 30 s".into()), ..ApiError::overloaded(5) }
            .into_response(),
    }
}

/// A panic ends only its own request.
pub(super) async fn panics(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => ApiError::internal(format_args!("panic: {}", tasks::text_of(&*panic))).into_response(),
    }
}

/// Rejects a request that does not name exactly one host (RFC 9112 §3.2): with two, a proxy and this server could each
/// use a different one. Before HTTP/1.1 the header was optional.
pub(super) async fn one_host(request: Request, next: Next) -> Response {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let fault = match (hosts.next(), hosts.next()) {
        (None, _) if request.version() < Version::HTTP_11 => None,
        (None, _) => Some("The request has no Host header."),
        (Some(host), None) if is_host(host) => None,
        (Some(_), None) => Some("The Host header is not a valid host."),
        (Some(_), Some(_)) => Some("The request has more than one Host header."),
    };
    match fault {
        Some(fault) => ApiError::request(400, fault).into_response(),
        None => next.run(request).await,
    }
}

/// True for a name or address, with or without a port. An empty value is also valid: clients send it if the URL of the
/// request has no host.
fn is_host(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    bytes.is_empty() || (!bytes.contains(&b'@') && Authority::try_from(bytes).is_ok())
}

/// With `--dev` the server answers only under names of this machine: a page of another site must not reach the mailbox
/// by pointing its own name at 127.0.0.1 (DNS rebinding, D-36).
pub(super) async fn host(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let local =
        host.is_none_or(|host| Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_local(&url)));
    if app.platform.dev && !local {
        return ApiError::request(421, "With --dev this server answers only to localhost.").into_response();
    }
    let origin = request.headers().get(header::ORIGIN);
    if origin.is_some_and(|origin| is_closed_to(request.uri().path(), origin)) {
        return ApiError::from(ErrorCode::Forbidden).into_response();
    }
    next.run(request).await
}

/// True if a page without an origin requests the development mailbox or clock: any website can open such a page in a
/// sandboxed frame.
pub(super) fn is_closed_to(path: &str, origin: &HeaderValue) -> bool {
    origin == "null" && path.starts_with("/dev/")
}
