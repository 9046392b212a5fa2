//! The OpenAPI document, generated from the code that serves the API.

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

/// The document without routes.
pub(super) fn document() -> OpenApi {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("at+jwt").description(Some(
        "For a session that is bound to a key, use the scheme DPoP instead of Bearer, and send a proof in the header DPoP (RFC 9449).",
    )).build();
    let client = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("A client in introspection.clients."));
    let service_key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("dw_sk_…")
        .description(Some("A service key of the scope `admin`, created with doorward key create."));
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

/// Adds the base URL of the API to the document.
pub(super) fn at(mut document: OpenApi, config: &Config) -> OpenApi {
    document.servers = Some(vec![ServerBuilder::new().url(config.address("")).build()]);
    document
}

fn text(document: &OpenApi, policy: Policy) -> String {
    let mut document = serde_json::to_value(document).unwrap_or_default();
    requests::describe(&mut document["components"]["schemas"], policy);
    document.to_string()
}

/// Serves the finished document. It is generated at the first request.
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
