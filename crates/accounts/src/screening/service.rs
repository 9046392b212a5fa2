//! Finds stolen passwords online. The service returns all hashes that begin with the same five digits, so it
//! does not learn which one is checked.

use std::time::Duration;

use doorward_outbound::{CallLimits, HttpClient};
use http::{HeaderValue, Request, header};
use url::Url;

use super::HASH;

/// The check is only advisory, so it waits at most one second. A padded response has about 60 KB.
const LIMITS: CallLimits = CallLimits { time: Duration::from_secs(1), bytes: 512 * 1024 };
/// Number of hexadecimal digits that are sent to the service.
const PREFIX: usize = 5;

/// Client of the service.
#[derive(Debug)]
pub(super) struct Service {
    client: HttpClient,
    address: Url,
}

impl Service {
    /// Prepares the client. Sends no request yet.
    pub(super) fn open(address: &str, http: &HttpClient, dev: bool) -> Result<Service, String> {
        let url = Url::parse(address).ok().filter(|url| {
            let scheme = url.scheme() == "https" || (dev && url.scheme() == "http");
            scheme && url.path().ends_with('/') && url.query().is_none() && url.fragment().is_none()
        });
        let address =
            url.ok_or("must be an https address that ends in /, like https://pwned.example.com/range/")?;
        http.check(&address)?;
        Ok(Service { client: http.clone(), address })
    }

    /// True if the service knows the password with this hash. Returns `false` if the service does not answer
    /// (fail open).
    pub(super) async fn has(&self, hash: [u8; HASH]) -> bool {
        let hex: String = hash.iter().map(|byte| format!("{byte:02X}")).collect();
        let (prefix, suffix) = hex.split_at(PREFIX);
        match self.range(prefix).await {
            Ok(text) => text.lines().any(|line| {
                let (found, count) = line.trim().split_once(':').unwrap_or((line.trim(), "1"));
                // Padding entries have the count 0.
                found.eq_ignore_ascii_case(suffix) && count.trim() != "0"
            }),
            Err(cause) => {
                tracing::warn!(cause, "password.breach_service does not answer");
                false
            }
        }
    }

    async fn range(&self, prefix: &str) -> Result<String, String> {
        let address = self.address.join(prefix).map_err(|error| error.to_string())?;
        let mut request =
            Request::get(address.as_str()).body(Vec::new()).map_err(|error| error.to_string())?;
        // With padding, the size of a response does not reveal the prefix.
        request.headers_mut().insert("add-padding", HeaderValue::from_static("true"));
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("text/plain"));
        let answer = self.client.send(request, LIMITS).await?;
        if answer.status != 200 {
            return Err(format!("status {}", answer.status));
        }
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}
