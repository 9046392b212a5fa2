//! Calls to other servers: webhooks, SMS gateways, providers. The server makes all of them through this client. It
//! connects only where [`guard`] allows it, and limits the time and the size of each answer.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod guard;

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use doorward_config::{Network, Outbound};
use guard::{Guard, SystemNames};
use http::Request;
use url::Url;

pub use guard::{Finding, Names};

/// Time limit for a new connection.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a connection is kept for the next call. Node closes idle connections after five seconds, perhaps just when
/// the next call is sent; this is shorter.
const IDLE: Duration = Duration::from_secs(4);

/// The limits of one call.
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// Time in all, from the connection to the last byte.
    pub time: Duration,
    /// Most bytes of the answer's body.
    pub bytes: usize,
}

/// The answer to a call.
#[derive(Debug)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// True if the body is complete. Otherwise it was longer than allowed, and was cut off.
    pub whole: bool,
}

/// Calls other servers. Does not follow redirects: an answer from another server is not trusted.
#[derive(Clone, Debug)]
pub struct HttpClient {
    /// Created when the first URL is checked; each URL in the settings is checked at start. A server without outbound
    /// calls does not read the system's certificates.
    client: Arc<OnceLock<reqwest::Client>>,
    guard: Arc<Guard>,
}

impl HttpClient {
    /// Prepares the client. Does not connect yet. `dev` also allows this machine.
    pub fn new(outbound: &Outbound, dev: bool) -> Result<HttpClient, String> {
        let here = ["127.0.0.0/8", "::1"].into_iter().filter_map(Network::parse).filter(|_| dev);
        HttpClient::with(outbound.allow.iter().copied().chain(here).collect(), Arc::new(SystemNames))
    }

    /// Like [`HttpClient::new`], with the resolver of a test.
    pub fn with(allow: Vec<Network>, names: Arc<dyn Names>) -> Result<HttpClient, String> {
        Ok(HttpClient { client: Arc::default(), guard: Arc::new(Guard { allow, names }) })
    }

    fn client(&self) -> Result<&reqwest::Client, String> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("doorward/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .dns_resolver(self.guard.clone())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(causes)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Checks whether a URL may be called. For settings: the error continues their name, like `leads to a private
    /// address …`.
    pub fn check(&self, url: &Url) -> Result<(), String> {
        self.guard.check(url)?;
        self.client().map(drop)
    }

    /// Makes one call. The error is for the log: it contains neither the URL nor the request.
    pub async fn send(&self, request: Request<Vec<u8>>, limits: CallLimits) -> Result<HttpResponse, String> {
        let request = reqwest::Request::try_from(request).map_err(causes)?;
        self.check(request.url()).map_err(|cause| format!("the URL {cause}"))?;
        match tokio::time::timeout(limits.time, exchange(self.client()?, request, limits.bytes)).await {
            Ok(answer) => answer.map_err(causes),
            Err(_) => Err("no answer in time".into()),
        }
    }
}

async fn exchange(
    client: &reqwest::Client,
    request: reqwest::Request,
    bytes: usize,
) -> reqwest::Result<HttpResponse> {
    let mut response = client.execute(request).await?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > bytes {
            body.truncate(bytes);
            return Ok(HttpResponse { status, body, whole: false });
        }
    }
    Ok(HttpResponse { status, body, whole: true })
}

/// The error and its causes, without the URL, which may contain a secret.
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
