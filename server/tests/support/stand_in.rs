//! A stand-in for the servers of a vendor. It records requests and answers as the vendor documents. A request
//! that it does not know makes the test fail.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use doorward_providers::{Begun, FlowParameters, Memory, Person, ProviderAnswer, Refusal};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use super::TestApp;

/// A received request. A parameter that is repeated or missing is an error of the test.
#[derive(Clone, Debug)]
pub struct Taken {
    pub line: String,
    pub headers: HeaderMap,
    pub query: HashMap<String, String>,
    pub form: HashMap<String, String>,
}

/// The servers of a vendor.
#[derive(Clone)]
pub struct StandIn {
    pub port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Taken {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// Status and body.
pub type Said = (u16, String);

/// A JSON answer.
pub fn json(status: u16, json: Value) -> Said {
    (status, json.to_string())
}

impl StandIn {
    /// Calls `answer` for each request. The `line` of a request is `METHOD /path`.
    pub async fn start(answer: impl Fn(&Taken) -> Said + Send + Sync + 'static) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let taken: Arc<Mutex<Vec<Taken>>> = Arc::default();
        let (answer, kept) = (Arc::new(answer), taken.clone());
        let router = Router::new().fallback(move |request: Request| {
            let (answer, kept) = (answer.clone(), kept.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let one = Taken {
                    line: format!("{} {}", parts.method, parts.uri.path()),
                    headers: parts.headers,
                    query: unique(parts.uri.query().unwrap_or_default().as_bytes()),
                    form: unique(&body),
                };
                kept.lock().unwrap().push(one.clone());
                let (status, body) = answer(&one);
                (StatusCode::from_u16(status).unwrap(), body).into_response()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        StandIn { port, taken }
    }

    pub fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The lines of the requests received so far. They are forgotten then.
    pub fn lines(&self) -> Vec<String> {
        self.taken.lock().unwrap().drain(..).map(|taken| taken.line).collect()
    }
}

/// The parameters. Panics if one is repeated.
pub fn unique(text: &[u8]) -> HashMap<String, String> {
    let mut all = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(text).into_owned() {
        assert_eq!(all.insert(name.clone(), value), None, "{name} is repeated");
    }
    all
}

/// The parameters in the URL of a consent screen.
pub fn asked(begun: &Begun) -> HashMap<String, String> {
    unique(begun.url.query().unwrap_or_default().as_bytes())
}

impl TestApp {
    /// Begins a flow that returns to our page.
    pub async fn begin(&self, provider: &str) -> Result<Begun, Refusal> {
        let callback = Url::parse("https://app.example.com/signin").unwrap();
        let asked = FlowParameters { callback: &callback, again: false, locale: Some("de") };
        self.app.accounts.providers.get(provider).unwrap().begin(&self.app.platform.world, &asked).await
    }

    pub async fn finish(
        &self,
        provider: &str,
        memory: &Memory,
        code: &str,
        user: Option<&str>,
    ) -> Result<Person, Refusal> {
        let answer = ProviderAnswer::Code { code, iss: None, user };
        self.app
            .accounts
            .providers
            .get(provider)
            .unwrap()
            .finish(&self.app.platform.world, memory, &answer)
            .await
    }

    pub async fn bring(&self, provider: &str, token: &str) -> Result<Person, Refusal> {
        self.app
            .accounts
            .providers
            .get(provider)
            .unwrap()
            .of_token(&self.app.platform.world, token, None)
            .await
    }
}
