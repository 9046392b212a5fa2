//! Flows: sign-ins with a provider, from the consent screen to what came of them (D-32). A flow is one row: begun for one
//! provider, callback and browser, ended by one answer of the provider's, and by that once, however often it comes.

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

/// Wakes those who wait for a flow that another request is ending.
#[derive(Debug, Default)]
pub struct Waiting(Notify);

impl Waiting {
    fn wake(&self) {
        self.0.notify_waiters();
    }

    /// What was woken before this is awaited is not missed.
    fn woken(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.notified()
    }
}

/// What the database and the log have of a text that opens something.
fn hash(text: &str) -> Vec<u8> {
    digest(&SHA256, text.as_bytes()).as_ref().to_vec()
}

/// Seals what the database must not show of a flow.
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

/// The person of a flow that nobody was known by.
pub fn person(platform: &Platform, flow: &doorward_store::flows::Flow) -> Option<Person> {
    open(platform, &flow.id, "person", flow.person.as_ref()?)
}

/// What a request shows of the browser that it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Browser<'a> {
    /// The proof of its key.
    pub proof: Option<&'a Proof>,
    /// The session that it comes with.
    pub session: Option<&'a CurrentSession>,
    /// The secret of a flow that was begun without a key.
    pub flow: Option<&'a str>,
}

impl Browser<'_> {
    fn key(&self) -> Option<&str> {
        let of_session = self.session.and_then(|session| session.claims.cnf.as_ref());
        of_session.map(|key| key.jkt.as_str()).or(self.proof.map(Proof::key))
    }

    /// What a flow would be bound to that this browser begins, or has begun.
    fn binding(&self) -> Option<Binding> {
        let key = self.key().map(|key| Binding::Key(key.to_owned()));
        key.or_else(|| self.flow.map(|flow| Binding::Secret(hash(flow))))
    }

    /// Is it the one that is bound there? Takes the same time wherever the two differ.
    pub fn is(&self, binding: &Binding) -> bool {
        match binding {
            Binding::Key(key) => self.key().is_some_and(|shown| same(key.as_bytes(), shown.as_bytes())),
            // Also where the key is one that could not be kept from page to page: the session begins with that.
            Binding::Secret(known) => self.flow.is_some_and(|shown| same(known, &hash(shown))),
        }
    }
}

/// The answer does not belong to a flow of this browser.
pub fn mismatch(why: &'static str) -> ApiError {
    told(ErrorCode::OauthStateMismatch, why)
}

/// Why, for the caller and for the log.
fn told(code: ErrorCode, why: impl Into<Cow<'static, str>>) -> ApiError {
    let why = why.into();
    ApiError { cause: Some(why.clone().into_owned()), detail: Some(why), ..code.into() }
}

/// The error that tells why a provider was not believed.
pub fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Denied(why) | Refusal::Untrusted(why) => told(ErrorCode::OauthDenied, why),
        Refusal::Reused => ErrorCode::OauthReused.into(),
        Refusal::Mismatch(why) => told(ErrorCode::OauthStateMismatch, why),
        Refusal::Unreachable(why) => ApiError {
            detail: Some("The provider could not be reached. Please try again.".into()),
            cause: Some(why),
            ..ErrorCode::Network.into()
        },
        Refusal::Setup(why) => ApiError::internal(why),
    }
}
