//! Ways to sign in: one file each. A method proves who someone is and hands that on; sessions issue tokens.

pub mod code;
pub mod custom;
pub mod device;
pub mod password;
pub mod recovery;

use utoipa_axum::router::OpenApiRouter;

use crate::state::{App, AppState};

/// Names of the methods that are on, for `GET /v1/settings`.
pub fn names(app: &App) -> Vec<String> {
    [password::names(app), code::names(app), device::names(app), custom::names(app)]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// The routes of all methods.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(password::router())
        .merge(code::router())
        .merge(device::router())
        .merge(custom::router())
        .merge(recovery::router())
}
