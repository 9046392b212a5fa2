//! Cross-origin requests (D-14): exact origins from the settings. Public documents are open to all origins.

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use doorward_core::local_address::is_local;
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

use super::guard;
use crate::app::AppState;
use crate::routes::metadata;

/// Paths that any page may read: they contain nothing about users.
const OPEN: &[&str] = &["/v1/settings", "/.well-known/jwks.json"];

/// Path that no page may call, from any origin (SECURITY X05).
const CLOSED: &str = "/v1/admin";

pub(super) fn layer(app: &AppState) -> CorsLayer {
    let app = app.clone();
    let name = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin: &HeaderValue, parts: &Parts| {
            let path = parts.uri.path();
            if guard::is_closed_to(path, origin) {
                return false;
            }
            OPEN.contains(&path)
                || path.starts_with(metadata::PATH)
                || (!path.starts_with(CLOSED) && allowed(&app, origin))
        }))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT_LANGUAGE,
            name("captcha-response"),
            name("dpop"),
            name("idempotency-key"),
            name("known-device"),
        ])
        .expose_headers([
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            name("dpop-nonce"),
            name("known-device"),
            name("x-request-id"),
        ])
        .max_age(std::time::Duration::from_secs(600))
}

fn allowed(app: &AppState, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    app.platform.config.cors.origins.iter().any(|allowed| allowed == origin)
        || (app.platform.dev && local_origin(origin))
}

/// True for origins like `http://localhost:3000`. Parsed strictly, because a text may only look like such an origin.
fn local_origin(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == origin && is_local(&url))
}
