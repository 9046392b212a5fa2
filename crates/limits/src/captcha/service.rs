//! Turnstile, hCaptcha and reCAPTCHA: their widget gives the page a token, and their verification call, which all three
//! document alike, says what it is worth.

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

/// No service's token is longer; Turnstile promises less.
const LONGEST: usize = 8192;
const LONGEST_OF_TURNSTILE: usize = 2048;
/// More than any has to say about one.
const LONGEST_ANSWER: usize = 16 * 1024;
/// No service's token is good for longer; its own list of those that were used is the other one.
const LIFETIME: Millis = 10 * 60_000;
/// Errors that are about us, or the service itself, and not about the token.
const NOT_THE_TOKEN: &[&str] = &[
    "internal-error",
    "missing-input-secret",
    "invalid-input-secret",
    "sitekey-secret-mismatch",
    "invalid-keys",
];

/// A service, ready to be asked.
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
    /// Prepares it; nothing is connected yet.
    pub(super) fn open(config: &Config, http: &HttpClient, dev: bool) -> Result<Service, ConfigError> {
        let wrong = |key: &str, message: &str| ConfigError::about(key, None, message);
        let captcha = &config.captcha;
        let url = match captcha.verify_url.as_str() {
            "" => captcha.kind.service().unwrap_or_default(),
            set => set,
        };
        let parsed = Url::parse(url).map_err(|_| wrong("captcha.verify_url", "is no address"))?;
        if parsed.scheme() != "https" && !is_local(&parsed) {
            return Err(wrong(
                "captcha.verify_url",
                "must be https: the secret travels to it; http only on this machine",
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

    /// Is the token right, and was it never used here? What happens when nobody can say is a setting.
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
            // Afterwards: a token that nobody could verify is still good when the service is back.
            Ok(true) => spend(platform, token, platform.world.now() + LIFETIME).await,
            Ok(false) => Ok(false),
            Err(cause) if self.on_failure == Unreached::GoOn => {
                tracing::warn!(cause, "the captcha's service does not answer: a call passed without");
                Ok(true)
            }
            Err(cause) => Err(ApiError { cause: Some(cause), ..ApiError::overloaded(1) }),
        }
    }

    /// Does it look like a token at all? What does not might be stopped on its way to the service, which then seems to
    /// be silent.
    fn could_be(&self, token: &str) -> bool {
        let longest = match self.kind {
            CaptchaKind::Turnstile => LONGEST_OF_TURNSTILE,
            _ => LONGEST,
        };
        let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+/=".contains(&byte);
        !token.is_empty() && token.len() <= longest && token.bytes().all(is_of_one)
    }

    /// The error says why there is no verdict.
    async fn ask(&self, caller: &Caller, token: &str) -> Result<bool, String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(self.form(caller, token).into_bytes())
            .map_err(|_| "captcha.verify_url came out wrong".to_owned())?;
        let answer = self.client.send(request, self.limits).await?;
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match said["success"].as_bool() {
            Some(true) if answer.whole && answer.status == 200 => Ok(self.takes(&said)),
            // Turnstile says so with 400, too.
            Some(false) if answer.whole && (200..500).contains(&answer.status) => refusal(&said),
            // Whoever chose the token may have chosen it for that, too: to go on would let them pass.
            _ if (400..500).contains(&answer.status) => {
                tracing::warn!(
                    status = answer.status,
                    "the captcha's service wants to hear nothing of a token"
                );
                Ok(false)
            }
            _ => Err(format!("its answer with status {} says nothing", answer.status)),
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

    /// A token is right; is it from our page, and for this?
    fn takes(&self, said: &Value) -> bool {
        let host = said["hostname"].as_str().unwrap_or_default();
        let from = self.hosts.is_empty() || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
        let action = self.action.is_empty() || said["action"].as_str() == Some(&self.action);
        // hCaptcha counts the other way round, and only for those who pay for rules of their own.
        let score = match said.get("score") {
            Some(score) if self.kind == CaptchaKind::Recaptcha => {
                score.as_f64().is_some_and(|score| score >= self.least_score)
            }
            _ => true,
        };
        if !(from && action && score) {
            tracing::info!(from, action, score, "a right captcha was not ours");
        }
        from && action && score
    }
}

/// A token that is wrong, old or used is a verdict; a fault that is ours or the service's is none.
fn refusal(said: &Value) -> Result<bool, String> {
    let errors = said["error-codes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    match errors.into_iter().find(|error| NOT_THE_TOKEN.contains(error)) {
        Some(error) => Err(format!("it says {error}")),
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
