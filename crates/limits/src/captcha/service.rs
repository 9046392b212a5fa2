//! Turnstile, hCaptcha and reCAPTCHA: their widget gives the page a token, and their verification call checks it. All
//! three document that call alike.

use std::fmt;

use doorward_config::{CaptchaKind, Config, ConfigError, Unreached};
use doorward_core::clock::Millis;
use doorward_core::local_address::is_local;
use doorward_core::secret::Secret;
use doorward_outbound::{CallLimits, HttpClient};
use doorward_protocol::captcha::Challenge;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use http::{Method, Request, header};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::spend;

/// Most characters of a token; Turnstile documents a shorter maximum.
const LONGEST: usize = 8192;
const LONGEST_OF_TURNSTILE: usize = 2048;
/// Most bytes of an answer; a valid answer is much smaller.
const LONGEST_ANSWER: usize = 16 * 1024;
/// No service accepts a token for longer. The service also keeps its own list of used tokens.
const LIFETIME: Millis = 10 * 60_000;
/// Errors about this server's settings or the service, not about the token.
const NOT_THE_TOKEN: &[&str] = &[
    "internal-error",
    "missing-input-secret",
    "invalid-input-secret",
    "sitekey-secret-mismatch",
    "invalid-keys",
];

/// A service that is ready to be asked.
pub struct Service {
    client: HttpClient,
    kind: CaptchaKind,
    site_key: String,
    secret: Secret,
    url: String,
    limits: CallLimits,
    /// Hosts that a token may come from; empty for any.
    hosts: Vec<String>,
    action: String,
    least_score: f64,
    on_failure: Unreached,
    sends_address: bool,
}

impl Service {
    /// Prepares the service. Does not connect yet.
    pub(super) fn open(config: &Config, http: &HttpClient, dev: bool) -> Result<Service, ConfigError> {
        let wrong = |key: &str, message: &str| ConfigError::about(key, None, message);
        let captcha = &config.captcha;
        let url = match captcha.verify_url.as_str() {
            "" => captcha.kind.service().unwrap_or_default(),
            set => set,
        };
        let parsed = Url::parse(url).map_err(|_| wrong("captcha.verify_url", "is not a valid URL"))?;
        if parsed.scheme() != "https" && !is_local(&parsed) {
            return Err(wrong(
                "captcha.verify_url",
                "must be https, because the secret is sent to it; http is allowed only on this machine",
            ));
        }
        http.check(&parsed).map_err(|cause| wrong("captcha.verify_url", &cause))?;
        Ok(Service {
            client: http.clone(),
            kind: captcha.kind,
            site_key: captcha.site_key.clone(),
            secret: captcha.secret.clone(),
            url: url.to_owned(),
            limits: CallLimits { time: captcha.timeout.into(), bytes: LONGEST_ANSWER },
            hosts: hosts(config, captcha, dev),
            action: captcha.action.clone(),
            least_score: f64::from(captcha.least_score) / 100.0,
            on_failure: captcha.on_failure,
            sends_address: captcha.send_address,
        })
    }

    pub(super) fn challenge(&self) -> Challenge {
        let site_key = self.site_key.clone();
        match self.kind {
            CaptchaKind::Hcaptcha => Challenge::Hcaptcha { site_key },
            CaptchaKind::Recaptcha => Challenge::Recaptcha { site_key },
            _ => Challenge::Turnstile { site_key },
        }
    }

    /// True if the token is valid and was not used here before. A setting decides what happens if the service gives no
    /// result.
    pub(super) async fn verify(
        &self,
        platform: &Platform,
        caller: &Caller,
        token: &str,
    ) -> Result<bool, ApiError> {
        if !self.could_be(token) {
            return Ok(false);
        }
        match self.ask(caller, token).await {
            // Spent only after the check: a token that could not be verified stays valid for when the service is back.
            Ok(true) => spend(platform, token, platform.world.now() + LIFETIME).await,
            Ok(false) => Ok(false),
            Err(cause) if self.on_failure == Unreached::GoOn => {
                tracing::warn!(
                    cause,
                    "the captcha service does not answer: admitted a call without a captcha"
                );
                Ok(true)
            }
            Err(cause) => Err(ApiError { cause: Some(cause), ..ApiError::overloaded(1) }),
        }
    }

    /// True if the text can be a token at all. A firewall might block other texts on their way, and the service would
    /// then seem to be down.
    fn could_be(&self, token: &str) -> bool {
        let longest = match self.kind {
            CaptchaKind::Turnstile => LONGEST_OF_TURNSTILE,
            _ => LONGEST,
        };
        let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+/=".contains(&byte);
        !token.is_empty() && token.len() <= longest && token.bytes().all(is_of_one)
    }

    /// Asks the service. The error says why there is no result.
    async fn ask(&self, caller: &Caller, token: &str) -> Result<bool, String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(self.form(caller, token).into_bytes())
            .map_err(|_| "captcha.verify_url is not a valid URL".to_owned())?;
        let answer = self.client.send(request, self.limits).await?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match said["success"].as_bool() {
            Some(true) if answer.whole && answer.status == 200 => Ok(self.takes(&said)),
            // Turnstile may send this with status 400.
            Some(false) if answer.whole && (200..500).contains(&answer.status) => refusal(&said),
            // The client may have chosen the token to cause this, so that `on_failure` must not admit the call.
            _ if (400..500).contains(&answer.status) => {
                tracing::warn!(status = answer.status, "the captcha service refused to check a token");
                Ok(false)
            }
            _ => Err(format!("its answer with status {} has no result", answer.status)),
        }
    }

    fn form(&self, caller: &Caller, token: &str) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("secret", self.secret.expose()).append_pair("response", token);
        if self.kind == CaptchaKind::Hcaptcha {
            form.append_pair("sitekey", &self.site_key);
        }
        if let Some(address) = caller.address().filter(|_| self.sends_address) {
            form.append_pair("remoteip", &address);
        }
        form.finish()
    }

    /// Checks the page, the action and the score of a valid token.
    fn takes(&self, said: &Value) -> bool {
        let host = said["hostname"].as_str().unwrap_or_default();
        let from = self.hosts.is_empty() || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
        let action = self.action.is_empty() || said["action"].as_str() == Some(&self.action);
        // hCaptcha counts in the opposite direction, and only for paying customers with rules of their own.
        let score = match said.get("score") {
            Some(score) if self.kind == CaptchaKind::Recaptcha => {
                score.as_f64().is_some_and(|score| score >= self.least_score)
            }
            _ => true,
        };
        if !(from && action && score) {
            tracing::info!(
                from,
                action,
                score,
                "refused a valid captcha token of another page, action or score"
            );
        }
        from && action && score
    }
}

/// Distinguishes a rejected token from an outage or misconfiguration.
fn refusal(said: &Value) -> Result<bool, String> {
    let errors = said["error-codes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match errors.into_iter().find(|error| NOT_THE_TOKEN.contains(error)) {
        Some(error) => Err(format!("it answered {error}")),
        None => Ok(false),
    }
}

fn hosts(config: &Config, captcha: &doorward_config::Captcha, dev: bool) -> Vec<String> {
    if captcha.hostnames.iter().any(|host| host == "*") || (dev && captcha.hostnames.is_empty()) {
        return Vec::new();
    }
    if !captcha.hostnames.is_empty() {
        return captcha.hostnames.clone();
    }
    let pages = config.cors.origins.iter().chain([&config.public_url]);
    pages.filter_map(|page| Some(Url::parse(page).ok()?.host_str()?.to_owned())).collect()
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Service")
    }
}
