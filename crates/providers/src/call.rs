//! Calls to a provider, with a time limit and a size limit, and without redirects.

use std::time::{Duration, Instant};

use doorward_outbound::{CallLimits, HttpClient, HttpResponse};
use http::{Method, Request, header};
use serde_json::Value;
use url::Url;

use crate::outcome::Refusal;

/// Maximum size in bytes of a response with tokens or user data.
pub(super) const SMALL: usize = 64 * 1024;
/// Maximum size in bytes of a key set, which may contain certificates.
pub(super) const LARGE: usize = 256 * 1024;

/// Calls one provider.
pub(super) struct ProviderClient {
    http: HttpClient,
    time: Duration,
}

/// The response of the provider.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl ProviderClient {
    pub(super) fn new(http: HttpClient, time: Duration) -> ProviderClient {
        ProviderClient { http, time }
    }

    /// Sends a GET request. After a network error, tries once more within the same time limit: reading twice
    /// changes nothing.
    pub(super) async fn get(
        &self,
        url: &Url,
        authorization: Option<&str>,
        bytes: usize,
    ) -> Result<Reply, Refusal> {
        let begun = Instant::now();
        let request = || self.request(Method::GET, url, authorization, Vec::new());
        let limits = CallLimits { time: self.time, bytes };
        let answer = match self.http.send(request()?, limits).await {
            Ok(answer) => Ok(answer),
            Err(cause) => match self.time.checked_sub(begun.elapsed()) {
                Some(time) if !time.is_zero() => self.http.send(request()?, CallLimits { time, bytes }).await,
                _ => Err(cause),
            },
        };
        Reply::of(answer)
    }

    /// Posts a form, without a retry: its code is valid only once, and may have arrived even if there was no
    /// response.
    pub(super) async fn post(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        authorization: Option<&str>,
    ) -> Result<Reply, Refusal> {
        // One expression, because the serializer must not be held across an `await`.
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = self.request(Method::POST, url, authorization, body.into_bytes())?;
        let kind = header::HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        Reply::of(self.http.send(request, CallLimits { time: self.time, bytes: SMALL }).await)
    }

    fn request(
        &self,
        method: Method,
        url: &Url,
        authorization: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Request<Vec<u8>>, Refusal> {
        let mut request =
            Request::builder().method(method).uri(url.as_str()).header(header::ACCEPT, "application/json");
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(body).map_err(|_| Refusal::Setup("a request to the provider could not be built".into()))
    }
}

impl Reply {
    fn of(answer: Result<HttpResponse, String>) -> Result<Reply, Refusal> {
        match answer {
            Ok(HttpResponse { whole: false, .. }) => {
                Err(Refusal::Unreachable("the answer was too long".into()))
            }
            Ok(HttpResponse { status, body, .. }) => Ok(Reply { status, body }),
            Err(cause) => Err(Refusal::Unreachable(cause)),
        }
    }

    /// The body as JSON. `null` if it is not JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The JSON of a response that must have the status 200. `what` names the response in the error.
    pub(super) fn ok(&self, what: &str) -> Result<Value, Refusal> {
        match (self.status, self.json()) {
            (200, json) if json.is_object() => Ok(json),
            (200, _) => Err(Refusal::Unreachable(format!("{what} was not a JSON object"))),
            (status, _) => Err(Refusal::Unreachable(format!("{what} was refused with status {status}"))),
        }
    }
}
