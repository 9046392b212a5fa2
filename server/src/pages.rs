//! The hosted pages: rendered from templates, self-contained, with a CSP that allows only the scripts inside them.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use doorward_config::{Config, is_app};
use doorward_core::clock::World;
use doorward_request::error::ApiError;
use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior, context};

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        [ $( ($name, include_str!(concat!("../templates/pages/", $name))), )* ]
    };
}

/// All pages, compiled.
#[derive(Debug)]
pub struct Pages {
    environment: Environment<'static>,
    product: String,
    form_action: String,
}

impl Pages {
    /// Compiles the templates.
    pub fn new(config: &Config, dev: bool) -> Result<Pages, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let files = templates![
            "base.html",
            "fields.html",
            "verify.html",
            "claim.html",
            "disown.html",
            "reset.html",
            "done.html",
            "mailbox.html",
            "page.css",
            "mailbox.css",
            "token.js",
            "once.js",
            "mailbox.js",
        ];
        for (name, source) in files {
            environment.add_template(name, source)?;
        }
        Ok(Pages {
            environment,
            product: config.mail.product.clone(),
            form_action: form_action(&config.links.redirects, dev),
        })
    }

    /// Renders a page with the values that it uses.
    pub fn show(&self, world: &World, name: &str, values: Value) -> Result<Response, ApiError> {
        let nonce = STANDARD.encode(world.bytes::<16>());
        let page = context! { nonce => nonce.as_str(), product => self.product.as_str(), ..values };
        let html = self
            .environment
            .get_template(name)
            .and_then(|template| template.render(page))
            .map_err(|error| ApiError::internal(format_args!("page {name}: {error:#}")))?;
        let policy = format!(
            "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
             frame-src 'self'; img-src data:; form-action {}; base-uri 'none'; frame-ancestors 'none'",
            self.form_action
        );
        let policy = HeaderValue::try_from(policy).map_err(ApiError::internal)?;
        // Layers add no-store, no-referrer and the other headers to every answer.
        Ok(([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response())
    }
}

/// The sources of `form-action`. Browsers also apply it to a redirect that answers a form: pages on which a
/// confirmation may end must be listed.
fn form_action(redirects: &[String], dev: bool) -> String {
    let mut allowed = vec!["'self'".to_owned()];
    if dev {
        let local =
            ["http://localhost:*", "https://localhost:*", "http://127.0.0.1:*", "http://*.localhost:*"];
        allowed.extend(local.map(str::to_owned));
    }
    let pages = redirects.iter().filter_map(|redirect| url::Url::parse(redirect).ok());
    let source = |url: url::Url| match is_app(&url) {
        // For schemes other than http and https, browsers compare only the scheme.
        true => format!("{}:", url.scheme()),
        false => url.origin().ascii_serialization(),
    };
    for origin in pages.map(source) {
        if !allowed.contains(&origin) {
            allowed.push(origin);
        }
    }
    allowed.join(" ")
}
