//! Gives each request its id, logs it, and converts errors to JSON (RFC 9457).

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::RequestId;
use doorward_request::error::{ApiError, Shown};
use tracing::{Instrument, Level, enabled};

use super::source;
use crate::app::AppState;
use crate::log::Refusals;
use crate::{extract, translations};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The state of the layer.
#[derive(Clone)]
pub(super) struct Trace {
    app: AppState,
    refusals: Arc<Refusals>,
}

impl Trace {
    pub(super) fn of(app: &AppState) -> Trace {
        Trace { app: app.clone(), refusals: Arc::default() }
    }
}

/// The layer. Of the request's content it logs only method, route and result: a path, a query or a header may contain a
/// secret.
pub(super) async fn problems(
    State(Trace { app, refusals }): State<Trace>,
    request: Request,
    next: Next,
) -> Response {
    let id = app.platform.world.id();
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(RequestId(id.clone()));
    let locale = extract::locale(&parts.headers);
    let client = source::of(&parts, &app.platform.config);
    let request = Request::from_parts(parts, body);
    let begun = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span).await;
    let error = response.extensions_mut().remove::<ApiError>();
    if let Some(error) = &error {
        render(&mut response, error, &id, locale.as_deref());
    }
    let error = error.or_else(|| response.extensions_mut().remove::<Shown>().map(|Shown(error)| error));
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let status = response.status().as_u16();
    let route = route.as_deref().unwrap_or("(none)");
    let ms = begun.elapsed().as_micros() as f64 / 1000.0;
    let code = error.as_ref().map(|error| error.code.as_str());
    let cause = error.as_ref().and_then(|error| error.cause.as_deref());
    let is_shown = if status >= 500 { enabled!(Level::ERROR) } else { enabled!(Level::INFO) };
    if status >= 400 && !(is_shown && refusals.allows(route, code.unwrap_or_default(), client)) {
        return response;
    }
    if status >= 500 {
        tracing::error!(id, %method, route, status, ms, code, cause, "request");
    } else if status >= 400 {
        tracing::info!(id, %method, route, status, ms, code, cause, "request");
    } else {
        tracing::debug!(id, %method, route, status, ms, "request");
    }
    response
}

fn render(response: &mut Response, error: &ApiError, id: &str, locale: Option<&str>) {
    let mut problem = error.problem(id);
    let language = locale.and_then(|locale| translations::localize(&mut problem, locale));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let headers = response.headers_mut();
    if let Some(language) = language {
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language));
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.remove(header::CONTENT_LENGTH);
    if let Some(seconds) = error.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if error.status() == 401 {
        for challenge in challenges(error.code) {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
    }
    *response.body_mut() = Body::from(body);
}

/// RFC 6750 §3 and RFC 9449 §7.1. A failed sign-in had no token, so that its challenge names no error.
fn challenges(code: ErrorCode) -> &'static [&'static str] {
    match code {
        ErrorCode::UseDpopNonce => &["DPoP error=\"use_dpop_nonce\", algs=\"ES256\""],
        ErrorCode::InvalidProof => &["DPoP error=\"invalid_dpop_proof\", algs=\"ES256\""],
        ErrorCode::SessionRequired => {
            &["Bearer error=\"invalid_token\"", "DPoP error=\"invalid_token\", algs=\"ES256\""]
        }
        _ => &["Bearer", "DPoP algs=\"ES256\""],
    }
}
