//! The sign-in methods, one file each. A method identifies the account; sessions issue the tokens.

use utoipa_axum::router::OpenApiRouter;

use crate::app::{App, AppState};
use crate::request_schema::Requests;

pub mod code;
pub mod custom;
pub mod device;
pub mod password;
pub mod provider;

pub mod recovery;

/// Each method has its `names` if it is enabled, its `router`, and the `requests` that it accepts.
macro_rules! methods {
    ($($name:ident),*) => {
        /// The names of the enabled methods, for `GET /v1/settings`.
        pub fn names(app: &App) -> Vec<String> {
            [$( $name::names(app) ),*].into_iter().flatten().map(str::to_owned).collect()
        }

        /// The routes of all methods and of account recovery.
        pub fn router() -> OpenApiRouter<AppState> {
            OpenApiRouter::new()$( .merge($name::router()) )*.merge(recovery::router())
        }

        /// The requests of all methods, for the OpenAPI document.
        pub(crate) fn requests(requests: &mut Requests<'_>) {
            $( $name::requests(requests); )*
        }
    };
}

methods!(password, code, device, custom, provider);
