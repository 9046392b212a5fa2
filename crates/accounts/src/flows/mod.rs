//! Flows: sign-ins with a provider, from the consent screen to the outcome (D-32). A flow is one row. It begins
//! for one provider, callback and browser. One answer of the provider ends it, and only once, however often the
//! answer is sent.

mod begin;
mod callback_input;
mod finish;
mod oauth_key;
mod outcome;
mod posted_answer;

pub use begin::begin;
pub use callback_input::{CallbackInput, Returned};
pub use finish::{Asker, Intent, end};
pub use oauth_key::{Good, OauthKey};
pub use outcome::FlowOutcome;
pub use posted_answer::keep;

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use doorward_core::secret::same;
use doorward_credentials::dpop::Proof;
use doorward_protocol::error::ErrorCode;
use doorward_providers::{Person, Refusal};
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_store::flows::Binding;
use tokio::sync::Notify;

use crate::sessions::current::CurrentSession;

/// Wakes requests that wait for a flow that another request is ending.
#[derive(Debug, Default)]
pub struct Waiting(Notify);

impl Waiting {
    fn wake(&self) {
        self.0.notify_waiters();
    }

    /// The future also completes for a wake-up between this call and its `await`.
    fn woken(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.notified()
    }
}

/// SHA-256 of a secret text, for the database and the log.
fn hash(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

/// Encrypts data of a flow for the database.
fn seal(
    platform: &Platform,
    id: &str,
    what: &str,
    value: &impl serde::Serialize,
) -> Result<Vec<u8>, ApiError> {
    let text = serde_json::to_vec(value).map_err(ApiError::internal)?;
    let sealed = platform.secret_keys.seal(&platform.world, &context(id, what), &text);
    sealed.ok_or_else(|| ApiError::internal("a flow could not be sealed"))
}

fn open<T: serde::de::DeserializeOwned>(
    platform: &Platform,
    id: &str,
    what: &str,
    sealed: &[u8],
) -> Option<T> {
    serde_json::from_slice(&platform.secret_keys.open(&context(id, what), sealed)?).ok()
}

fn context(id: &str, what: &str) -> String {
    format!("flow {id} {what}")
}

/// The user as the provider describes them, in a flow that found no account.
pub fn person(platform: &Platform, flow: &doorward_store::flows::Flow) -> Option<Person> {
    open(platform, &flow.id, "person", flow.person.as_ref()?)
}

/// The parts of a request that identify its browser.
#[derive(Clone, Copy, Debug)]
pub struct Browser<'a> {
    /// The proof of the browser's key.
    pub proof: Option<&'a Proof>,
    /// The session of the request.
    pub session: Option<&'a CurrentSession>,
    /// The secret of a flow that was begun without a key.
    pub flow: Option<&'a str>,
}

impl Browser<'_> {
    fn key(&self) -> Option<&str> {
        let of_session = self.session.and_then(|session| session.claims.cnf.as_ref());
        of_session.map(|key| key.jkt.as_str()).or(self.proof.map(Proof::key))
    }

    /// The binding of a flow that this browser begins or has begun.
    fn binding(&self) -> Option<Binding> {
        let key = self.key().map(|key| Binding::Key(key.to_owned()));
        key.or_else(|| self.flow.map(|flow| Binding::Secret(hash(flow))))
    }

    /// True if the flow with this binding belongs to this browser. Compares in constant time.
    pub fn is(&self, binding: &Binding) -> bool {
        match binding {
            Binding::Key(key) => self.key().is_some_and(|shown| same(key.as_bytes(), shown.as_bytes())),
            // Also if the request has a key: a browser that cannot keep its key from page to page has a new one
            // now, and the session is bound to that.
            Binding::Secret(known) => self.flow.is_some_and(|shown| same(known, &hash(shown))),
        }
    }
}

/// The error for an answer that does not belong to a flow of this browser.
pub fn mismatch(why: &'static str) -> ApiError {
    with_reason(ErrorCode::OauthStateMismatch, why)
}

/// An error with its reason, for the response and the log.
fn with_reason(code: ErrorCode, why: impl Into<Cow<'static, str>>) -> ApiError {
    let why = why.into();
    ApiError { cause: Some(why.clone().into_owned()), detail: Some(why), ..code.into() }
}

/// The error for a refusal by a provider, or for a token that failed a check.
pub fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Denied(why) | Refusal::Untrusted(why) => with_reason(ErrorCode::OauthDenied, why),
        Refusal::Reused => ErrorCode::OauthReused.into(),
        Refusal::Mismatch(why) => with_reason(ErrorCode::OauthStateMismatch, why),
        Refusal::Unreachable(why) => ApiError {
            detail: Some("The provider could not be reached. Please try again.".into()),
            cause: Some(why),
            ..ErrorCode::Network.into()
        },
        Refusal::Setup(why) => ApiError::internal(why),
    }
}
