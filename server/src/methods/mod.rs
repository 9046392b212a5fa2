//! Ways to sign in: one file each. A method proves who someone is and hands that on; sessions issue tokens.

use utoipa_axum::router::OpenApiRouter;

use crate::state::{App, AppState};

/// Declares the methods: each is a file beside this one with its `names`, where it is on, and its `router`.
macro_rules! methods {
    ($($name:ident),* $(,)?) => {
        $( pub mod $name; )*

        /// Names of the methods that are on, for `GET /v1/settings`.
        pub fn names(app: &App) -> Vec<String> {
            [$( $name::names(app) ),*].into_iter().flatten().map(str::to_owned).collect()
        }

        /// The routes of all methods, and of getting back in.
        pub fn router() -> OpenApiRouter<AppState> {
            OpenApiRouter::new()$( .merge($name::router()) )*.merge(recovery::router())
        }
    };
}

methods! {
    password,
    code,
    device,
    custom,
    provider,
}

pub mod recovery;
