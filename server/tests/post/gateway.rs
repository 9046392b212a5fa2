//! A small SMS gateway that can misbehave, and helpers that ask for codes and use them.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use doorward_accounts::addresses::challenges;
use doorward_core::one_time_code::Scene;
use doorward_messages::outbox;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::MailProof;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_store::challenges::Consumed;
use doorward_store::{StoreError, transaction};
use tokio::net::TcpListener;

use crate::support::TestApp;

/// The behaviour of the gateway, from the next request on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    /// Answers with this status and body.
    Says(u16, &'static str),
    /// Takes the request and does not answer.
    Silent,
    /// Answers 500 with an endless body.
    Endless,
}

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Taken {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The fields of a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Gateway {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

type State = (Mood, Vec<Taken>);

impl Gateway {
    pub(crate) async fn start(mood: Mood) -> Gateway {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new((mood, Vec::new())));
        let router = Router::new().fallback(answer).with_state(state.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Gateway { port, state }
    }

    /// The gateway's address for `sms.url`.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.state.lock().unwrap().0 = mood;
    }

    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().1.clone()
    }
}

async fn answer(
    Shared(state): Shared<Arc<Mutex<State>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mood = {
        let mut state = state.lock().unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let path = uri.path_and_query().unwrap().to_string();
        state.1.push(Taken { method, path, headers, body });
        state.0
    };
    match mood {
        Mood::Says(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Mood::Silent => std::future::pending().await,
        Mood::Endless => {
            let more =
                futures_util::stream::repeat_with(|| Ok::<_, Infallible>(Bytes::from_static(&[b'x'; 8192])));
            (StatusCode::INTERNAL_SERVER_ERROR, Body::from_stream(more)).into_response()
        }
    }
}

/// Asks for a code as a call does: budget, challenge, outbox, in one transaction.
pub(crate) async fn ask(t: &TestApp, scene: Scene, to: &str) -> Result<(), ApiError> {
    ask_as(t, scene, to, Caller::default(), None).await
}

pub(crate) async fn ask_as(
    t: &TestApp,
    scene: Scene,
    to: &str,
    caller: Caller,
    account: Option<String>,
) -> Result<(), ApiError> {
    let (app, to) = (t.app.clone(), to.to_owned());
    let done: Result<(), ApiError> = t
        .app
        .platform
        .store
        .write(transaction!(|tx| {
            if to.starts_with('+') {
                doorward_limits::spend_message(tx, &app.limits, &caller, &to).await?;
            }
            outbox::challenge(tx, &app.platform.world, &caller, scene, &to, account.as_deref(), None).await?;
            Ok(())
        }))
        .await;
    t.app.outbox.wake_up.signal();
    done
}

/// Uses a code.
pub(crate) async fn meet(t: &TestApp, scene: Scene, to: &str, code: &str) -> Result<Consumed, ErrorCode> {
    let app = t.app.clone();
    let proof = MailProof::Code { email: to.to_owned(), code: code.to_owned() };
    let met: Result<_, StoreError> = t
        .app
        .platform
        .store
        .write(move |tx| {
            Box::pin(
                async move { challenges::consume(tx, &app.platform, &Caller::default(), scene, proof).await },
            )
        })
        .await;
    met.unwrap()
}

/// Uses a code as the given account. Returns the error of a refusal.
pub(crate) async fn meet_own(
    t: &TestApp,
    scene: Scene,
    to: &str,
    code: &str,
    account: &str,
) -> Option<ErrorCode> {
    let (app, account) = (t.app.clone(), account.to_owned());
    let proof = MailProof::Code { email: to.to_owned(), code: code.to_owned() };
    let met: Result<_, ApiError> = t
        .app
        .platform
        .store
        .write(transaction!(|tx| {
            challenges::consume_own(tx, &app.platform, &Caller::default(), scene, &account, proof).await
        }))
        .await;
    met.unwrap()
}

/// The six digits in a text.
pub(crate) fn code(text: &str) -> String {
    let digits = |part: &&str| part.len() == 6 && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(digits).expect("a code").to_owned()
}
