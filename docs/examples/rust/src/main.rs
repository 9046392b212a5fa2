//! Your own API, for pages that call it with `auth.fetch`. Start it with `cargo run`, and `doorward serve --dev` as well.

mod check;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use check::Checker;
use serde_json::json;

struct Api {
    checker: Checker,
    page: String,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let setting = |name: &str, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let port = setting("PORT", "4003");
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let origin = format!("http://localhost:{}", listener.local_addr()?.port());
    let issuer = setting("ISSUER", "http://localhost:8787");
    let checker = Checker {
        audience: setting("AUDIENCE", &issuer),
        issuer,
        origin: origin.clone(),
        keys_kept: Duration::from_secs(setting("KEYS_KEPT", "300").parse().unwrap_or(300)),
        keys: Default::default(),
        seen: Default::default(),
    };
    let api = Arc::new(Api { checker, page: setting("PAGE", "http://localhost:8787") });
    println!("ready: {origin}");
    axum::serve(listener, Router::new().fallback(hello).with_state(api)).await
}

async fn hello(State(api): State<Arc<Api>>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    // CORS: allows the page of another origin to send these headers and to read the challenge.
    let cors = [
        ("access-control-allow-origin", api.page.clone()),
        ("access-control-allow-headers", "Authorization, DPoP, Content-Type".into()),
        ("access-control-expose-headers", "WWW-Authenticate".into()),
    ];
    if method == Method::OPTIONS {
        return (StatusCode::NO_CONTENT, cors).into_response();
    }
    match api.checker.check(&method, &uri, &headers).await {
        Ok(claims) => (cors, Json(json!({ "hello": claims.sub, "roles": claims.roles }))).into_response(),
        Err(refused) => {
            let challenge = format!("DPoP error=\"{}\", algs=\"ES256\"", refused.0);
            let body = Json(json!({ "error": refused.0 }));
            (StatusCode::UNAUTHORIZED, cors, [("www-authenticate", challenge)], body).into_response()
        }
    }
}
