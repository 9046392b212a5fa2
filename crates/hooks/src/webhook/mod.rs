//! Webhooks: the operator's services, called over HTTP and signed according to Standard Webhooks. Before an operation a
//! user waits for their answers, so that each has little time, and is not called after repeated failures. After an
//! operation, [`crate::delivery`] sends them the outcome.

mod answer;
mod breaker;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use breaker::Breaker;
use doorward_config::{Config, ConfigError, OnFailure};
use doorward_core::clock::rfc3339;
use doorward_core::delivery_queue::Failure;
use doorward_core::webhook_signature;
use doorward_outbound::{CallLimits, HttpClient, HttpResponse};
use doorward_request::error::ApiError;
use doorward_request::event::{HookAnswer, Model, Report};
use http::{Method, Request, header};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::Url;

use crate::Hooks;

pub(super) use doorward_core::webhook_signature::WebhookKey;

/// Most bytes of an answer; a valid answer is much smaller.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Time limit of a call after an operation. No user waits for it.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The operator's webhooks, in the order of their names.
#[derive(Debug)]
pub struct Webhooks(Vec<Webhook>);

/// One webhook.
#[derive(Debug)]
struct Webhook {
    name: String,
    settings: doorward_config::Webhook,
    keys: Vec<WebhookKey>,
    breaker: Mutex<Breaker>,
}

impl Webhooks {
    /// Reads the settings. Does not connect yet.
    pub fn open(config: &Config, http: &HttpClient) -> Result<Webhooks, ConfigError> {
        let open = |(name, settings): (&String, &doorward_config::Webhook)| {
            let about =
                |key: &str, cause: &str| ConfigError::about(&format!("webhooks.{name}.{key}"), None, cause);
            let url = Url::parse(&settings.url).map_err(|_| about("url", "is not a valid URL"))?;
            http.check(&url).map_err(|cause| about("url", &cause))?;
            let keys = settings.secrets.iter().map(WebhookKey::read).collect::<Option<Vec<_>>>();
            Ok(Webhook {
                name: name.clone(),
                settings: settings.clone(),
                keys: keys.ok_or_else(|| about("secrets", "must be whsec_…"))?,
                breaker: Mutex::default(),
            })
        };
        config.webhooks.iter().map(open).collect::<Result<_, _>>().map(Webhooks)
    }

    /// True if there are no webhooks.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the webhooks that listen to this event.
    pub fn listening(&self, event: &str) -> Vec<&str> {
        self.hearing(event).map(|webhook| webhook.name.as_str()).collect()
    }

    /// Problems that the operator should look at.
    pub fn warnings(&self) -> Vec<String> {
        let open = |webhook: &&Webhook| webhook.with_breaker(|breaker| breaker.is_open());
        let tell = |webhook: &Webhook| {
            format!("the webhook {} keeps failing and is paused for some seconds at a time", webhook.name)
        };
        self.0.iter().filter(open).map(tell).collect()
    }

    /// Asks all listening webhooks, one after the other. Each sees the values that the previous ones set, without the
    /// fields that must not leave this process.
    /// When the time is used up, the remaining webhooks are not called. The setting `on_failure` of each decides what
    /// happens then.
    pub async fn before(&self, hooks: &Hooks, model: &Model, end: Instant) -> Result<HookAnswer, ApiError> {
        let mut model = model.public();
        let mut changes = Map::new();
        for webhook in self.hearing(model.operation.pre()) {
            match webhook.ask(hooks, &model, end).await {
                Ok(HookAnswer::GoOn(set)) => changes.extend(model.set(&hooks.platform, set)?),
                Ok(refusal) => return Ok(refusal),
                Err(cause) => {
                    let cause = format!("the webhook {}: {cause}", webhook.name);
                    match webhook.settings.on_failure {
                        OnFailure::Refuse => {
                            return Err(ApiError { cause: Some(cause), ..ApiError::overloaded(1) });
                        }
                        OnFailure::GoOn => {
                            let request = &model.about.request_id;
                            tracing::warn!(request, cause, "went on without a webhook");
                        }
                    }
                }
            }
        }
        Ok(HookAnswer::GoOn(changes))
    }

    /// Sends the outcome of an operation to one webhook. `id` is the same at each attempt.
    pub(super) async fn tell(
        &self,
        hooks: &Hooks,
        name: &str,
        id: &str,
        report: &Report,
    ) -> Result<(), Failure> {
        let Some(webhook) = self.0.iter().find(|webhook| webhook.name == name) else {
            return Err(Failure::Later("there is no such webhook in the settings".into()));
        };
        let Report { model, succeeded, code } = report;
        let outcome = [("succeeded", json!(succeeded)), ("code", json!(code))];
        let body = envelope(model.operation.post(), model, outcome);
        match webhook.call(hooks, id, body, PATIENCE).await {
            Ok(HttpResponse { status: 200..=299, .. }) => Ok(()),
            // The service does not want this event any more.
            Ok(HttpResponse { status: 410, .. }) => Err(Failure::Never("it answered 410".into())),
            Ok(HttpResponse { status, .. }) => Err(Failure::Later(format!("it answered {status}"))),
            Err(cause) => Err(Failure::Later(cause)),
        }
    }

    fn hearing<'a, 'e>(&'a self, event: &'e str) -> impl Iterator<Item = &'a Webhook> + use<'a, 'e> {
        self.0.iter().filter(move |webhook| webhook.settings.hears(event))
    }
}

impl Webhook {
    /// Asks for the webhook's answer before an operation.
    async fn ask(&self, hooks: &Hooks, model: &Model, end: Instant) -> Result<HookAnswer, String> {
        let left = end.saturating_duration_since(Instant::now());
        let time = Duration::from(self.settings.timeout).min(left);
        if time.is_zero() {
            return Err("the hooks before it used up the time".into());
        }
        let Some(pass) = self.with_breaker(|breaker| breaker.admit(hooks.platform.world.now())) else {
            return Err("it is paused, because it failed repeatedly".into());
        };
        let body = envelope(model.operation.pre(), model, []);
        let answer =
            self.call(hooks, &hooks.platform.world.id(), body, time).await.map_err(answer::AnswerError::Ill);
        let said = answer.and_then(|answer| answer::read(&answer, model.operation));
        self.with_breaker(|breaker| match &said {
            Ok(_) | Err(answer::AnswerError::Wrong(_)) => breaker.succeed(pass),
            // Earlier webhooks have used up part of its time.
            Err(answer::AnswerError::Ill(_)) if left < Duration::from(self.settings.timeout) => {}
            Err(answer::AnswerError::Ill(cause)) => {
                if let Some(pause) = breaker.fail(pass, hooks.platform.world.now()) {
                    tracing::error!(webhook = self.name, cause, pause, "paused a webhook");
                }
            }
        });
        said.map_err(answer::AnswerError::cause)
    }

    async fn call(
        &self,
        hooks: &Hooks,
        id: &str,
        body: String,
        time: Duration,
    ) -> Result<HttpResponse, String> {
        let seconds = hooks.platform.world.now() / 1000;
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.settings.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", webhook_signature::header(&self.keys, id, seconds, &body))
            .body(body.into_bytes())
            .map_err(|_| "its URL is not valid")?;
        hooks.http.send(request, CallLimits { time, bytes: LONGEST_ANSWER }).await
    }

    fn with_breaker<T>(&self, act: impl FnOnce(&mut Breaker) -> T) -> T {
        act(&mut self.breaker.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The body of a call. A field of the operation takes precedence over the general one: a `locale` in the request is
/// more specific than the browser's.
fn envelope<const N: usize>(event: &str, model: &Model, outcome: [(&str, Value); N]) -> String {
    let about = &model.about;
    let mut data = model.fields.clone();
    for (name, value) in [
        ("user_id", &about.user_id),
        ("session_id", &about.session_id),
        ("request_id", &about.request_id),
        ("ip", &about.ip),
        ("locale", &about.locale),
        ("user_agent", &about.user_agent),
    ] {
        data.entry(name).or_insert_with(|| value.as_str().into());
    }
    data.extend(outcome.map(|(name, value)| (name.to_owned(), value)));
    json!({ "type": event, "timestamp": rfc3339(about.time), "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    use doorward_core::operation::Operation;

    #[test]
    fn no_field_of_an_operation_hides_the_caller_or_the_outcome() {
        for operation in Operation::ALL {
            for name in ["user_id", "session_id", "request_id", "ip", "user_agent", "succeeded", "code"] {
                assert!(operation.field(name).is_none(), "{operation:?} {name}");
            }
        }
    }
}
