//! The description of the API, made from the code that serves it.

mod requests;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use doorward_config::Config;
use doorward_protocol::Policy;
use doorward_protocol::error::Problem;
use doorward_request::error::{ApiError, Shown};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, ServerBuilder};

use crate::app::AppState;
use crate::http::oauth_form::{OauthError, Refused};

/// The frame that the routes put themselves into.
pub(super) fn document() -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("at+jwt").description(Some(
        "With a session that is bound to a key: the scheme DPoP instead of Bearer, and the header DPoP with a proof (RFC 9449).",
    )).build();
    let client =
        HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some("One of introspection.clients."));
    let service_key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("dw_sk_…")
        .description(Some("A service key of the scope `admin`, made with doorward key create."));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("doorward")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some("Sign-up and sign-in for web front ends.")),
        )
        .components(Some(
            ComponentsBuilder::new()
                .security_scheme("access_token", SecurityScheme::Http(bearer))
                .security_scheme("service_key", SecurityScheme::Http(service_key.build()))
                .security_scheme("client", SecurityScheme::Http(client.build()))
                .schema_from::<Problem>()
                .schema_from::<OauthError>()
                .response("Problem", ApiError::description())
                .response("OauthError", Refused::description())
                .response("Page", Shown::description())
                .build(),
        ))
        .build()
}

/// The document, with the address that its calls are below.
pub(super) fn at(mut document: OpenApi, config: &Config) -> OpenApi {
    document.servers = Some(vec![ServerBuilder::new().url(config.address("")).build()]);
    document
}

fn text(document: &OpenApi, policy: Policy) -> String {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    requests::describe(&mut document["components"]["schemas"], policy);
    document.to_string()
}

/// Serves the finished document. It is written when a program first asks for it.
pub(super) fn router(document: OpenApi, policy: Policy) -> Router<AppState> {
    let (document, written) = (Arc::new(document), Arc::new(OnceLock::<String>::new()));
    let serve = move || async move {
        let text = written.get_or_init(|| text(&document, policy)).clone();
        let headers =
            [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "public, max-age=300")];
        (headers, text).into_response()
    };
    Router::new().route("/openapi.json", get(serve))
}
