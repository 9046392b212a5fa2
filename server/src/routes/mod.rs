//! The routes that are not sign-in methods, one file for each group of calls.

mod account;
mod address_change;
mod admin;
pub(crate) mod auth_v1;
mod captcha;
mod clock;
mod data;
mod email;
mod health;
mod hosted;
mod identities;
mod introspect;
mod jwks;
mod logout;
mod mailbox;
pub(crate) mod metadata;
mod nonce;
mod openapi;
mod password;
mod phone;
mod profile;
mod revoke;
mod sessions;
mod settings;
mod token;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use utoipa_axum::router::OpenApiRouter;

use crate::app::AppState;
use crate::{http, methods};

/// All routes, with the layers around them.
pub fn router(app: &AppState) -> Router {
    let mut api = OpenApiRouter::with_openapi(openapi::document())
        .merge(methods::router())
        .merge(logout::router())
        .merge(profile::router())
        .merge(sessions::router())
        .merge(email::router())
        .merge(phone::router())
        .merge(password::router())
        .merge(data::router())
        .merge(account::router())
        .merge(identities::router())
        .merge(token::router())
        .merge(revoke::router())
        .merge(introspect::router())
        .merge(metadata::router())
        .merge(nonce::router())
        .merge(settings::router())
        .merge(captcha::router())
        .merge(jwks::router())
        .merge(health::router());
    if app.platform.config.admin.public {
        api = api.merge(admin::router());
    }
    let (router, document) = api.split_for_parts();
    let router = router
        .merge(hosted::router())
        .merge(mailbox::router(app))
        .merge(clock::router(app))
        .merge(auth_v1::router(app))
        .merge(metadata::router_below(&app.platform.config.prefix()))
        .merge(openapi::router(openapi::at(document, &app.platform.config), app.platform.policy()))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app.clone());
    http::surround(router, app)
}

/// The routes of the listener `admin.listen`.
pub fn admin_router(app: &AppState) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(openapi::document())
        .merge(admin::router())
        .merge(health::router())
        .split_for_parts();
    let router = router
        .merge(openapi::router(document, app.platform.policy()))
        .fallback(async || ApiError::from(ErrorCode::NotFound))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app.clone());
    http::surround_for_programs(router, app)
}

/// A path without a route may be a file of a `[[site]]`.
async fn not_found(State(app): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let file = app.sites.clone().serve(&parts.method, &parts.uri, &parts.headers).await;
    file.ok_or_else(|| ErrorCode::NotFound.into())
}

async fn method_not_allowed() -> ApiError {
    ApiError::request(405, "This URL does not support this method.")
}
