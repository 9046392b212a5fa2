//! Adds a fresh nonce to every answer to a request with a proof (RFC 9449 §8.2), also to a refusal.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use doorward_credentials::dpop;

use crate::app::AppState;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

pub(super) async fn give(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let proven = request.headers().contains_key("dpop");
    let mut response = next.run(request).await;
    let nonce = if proven { dpop::nonce(&app.platform.secret_keys, app.platform.world.now()) } else { None };
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::from_str(&nonce).ok()) {
        response.headers_mut().insert(DPOP_NONCE, nonce);
    }
    response
}
