//! Ways to sign in: one file each. A method proves who someone is and hands that on; sessions issue tokens.

pub mod password;
pub mod recovery;

use utoipa_axum::router::OpenApiRouter;

use crate::state::AppState;

/// Names of the methods that are on, for `GET /v1/settings`.
pub fn names() -> Vec<String> {
    vec!["password".into()]
}

/// The routes of all methods.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().merge(password::router()).merge(recovery::router())
}
