//! The layers around every route, from the outside in: request id, log and errors, security headers, the check for one
//! `Host`, CORS, the envelope of `/api/v1/auth`, nonces, equal timing, events for hooks, panics, memory for bodies,
//! time-out, the Host check of `--dev`.

mod bodies;
mod cors;
mod equal_timing;
mod event;
mod guard;
mod headers;
mod nonce;
pub mod oauth_form;
mod source;
pub mod static_sites;
mod trace;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use bodies::Bodies;
use trace::Trace;

use crate::app::AppState;
use crate::routes::auth_v1;

pub use source::of as source_of;

/// Adds all layers to the routes.
pub fn surround(router: Router, app: &AppState) -> Router {
    let router = guarded(router, app).layer(from_fn_with_state(app.clone(), auth_v1::in_envelope));
    // The CORS layer answers preflight requests itself, so the layers for every answer are outside it.
    outermost(router.layer(cors::layer(app)), app)
}

/// Like [`surround`], but without CORS and the envelope, for routes that no page may call.
pub fn surround_for_programs(router: Router, app: &AppState) -> Router {
    outermost(guarded(router, app), app)
}

/// Adds the layers for every answer.
fn outermost(router: Router, app: &AppState) -> Router {
    router
        .layer(from_fn(guard::one_host))
        .layer(from_fn_with_state(app.clone(), headers::security))
        .layer(from_fn_with_state(Trace::of(app), trace::problems))
}

/// Adds the layers between the routes and the layer that writes errors.
fn guarded(router: Router, app: &AppState) -> Router {
    router
        .layer(from_fn_with_state(app.clone(), guard::host))
        .layer(from_fn(guard::timeout))
        .layer(from_fn_with_state(Bodies::of(app), bodies::limit))
        .layer(from_fn(guard::panics))
        .layer(from_fn_with_state(app.clone(), event::settle))
        .layer(from_fn_with_state(app.clone(), equal_timing::keep))
        .layer(from_fn_with_state(app.clone(), nonce::give))
}
