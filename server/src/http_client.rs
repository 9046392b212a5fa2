//! Calls of other servers: SMS gateways and providers. Each ends in time and reads no more than it is allowed to.

use std::error::Error;
use std::time::Duration;

use axum::http::Request;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);

/// What one call may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Time in all, from the connection to the last byte.
    pub time: Duration,
    /// Bytes of the answer's body.
    pub bytes: usize,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Is that all of it? Else it was longer than allowed.
    pub whole: bool,
}

/// Calls other servers. Follows no redirect: an answer from elsewhere is nobody's word.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// Prepares it; nothing is connected yet.
    pub fn new() -> Result<HttpClient, String> {
        reqwest::Client::builder()
            .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build()
            .map(HttpClient)
            .map_err(causes)
    }

    /// Carries out one call. The error is for the log: it names neither the address nor what was sent.
    pub async fn send(&self, request: Request<Vec<u8>>, limits: Limits) -> Result<Answer, String> {
        let request = reqwest::Request::try_from(request).map_err(causes)?;
        match tokio::time::timeout(limits.time, self.exchange(request, limits.bytes)).await {
            Ok(answer) => answer.map_err(causes),
            Err(_) => Err("no answer in time".into()),
        }
    }

    async fn exchange(&self, request: reqwest::Request, bytes: usize) -> reqwest::Result<Answer> {
        let mut response = self.0.execute(request).await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > bytes {
                body.truncate(bytes);
                return Ok(Answer { status, body, whole: false });
            }
        }
        Ok(Answer { status, body, whole: true })
    }
}

/// The error and what is behind it, without the address: a secret may stand in it.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
