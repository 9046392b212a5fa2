//! The public settings of the server, for pages that render their forms accordingly (D-15).

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use doorward_config::{AccountDisclosure, Confirmation, SignupDisclosure};
use doorward_protocol::settings::{Disclosure, ExtraField, PasswordRule, ServerSettings, SignupRule};
use doorward_request::error::ApiError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::AppState;
use crate::methods;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(settings))
}

/// Returns the sign-in methods, rules and policies. Public and cacheable.
#[utoipa::path(get, path = "/v1/settings", responses((status = 200, body = ServerSettings), ApiError))]
async fn settings(State(app): State<AppState>) -> impl IntoResponse {
    let config = &app.platform.config;
    let extras = config.profile.extras.iter().map(|(name, extra)| ExtraField {
        name: name.clone(),
        kind: extra.kind,
        visibility: extra.visibility,
    });
    let settings = ServerSettings {
        methods: methods::names(&app),
        providers: app.accounts.providers.names(),
        password: PasswordRule {
            min_length: config.password.min_length,
            max_length: config.password.max_length,
        },
        captcha: config.captcha.kind.as_str().into(),
        captcha_site_key: Some(config.captcha.site_key.clone()).filter(|key| !key.is_empty()),
        signup: SignupRule {
            open: config.signup.open,
            confirmation: match (config.signup.confirmation, config.disclosure.signup) {
                (Confirmation::Optional, SignupDisclosure::Exists) => "optional".into(),
                (Confirmation::Required, _) | (_, SignupDisclosure::Quiet) => "required".into(),
            },
        },
        check_email: config.check_email,
        disclosure: Disclosure {
            signup: match config.disclosure.signup {
                SignupDisclosure::Exists => "exists".into(),
                SignupDisclosure::Quiet => "quiet".into(),
            },
            account: match config.disclosure.account {
                AccountDisclosure::Strict => "strict".into(),
                AccountDisclosure::Compatible => "compatible".into(),
            },
        },
        extras: extras.collect(),
    };
    ([(header::CACHE_CONTROL, "public, max-age=60")], Json(settings))
}
