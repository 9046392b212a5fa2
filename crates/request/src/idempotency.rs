//! Idempotency keys (D-16): a repeated request gets the answer of the first, even if both arrive at the same time.
//!
//! The row is written in the transaction of the request's effect. It contains ids, never tokens: those are created
//! again.

use doorward_core::clock::Millis;
use doorward_core::secret_keys::{Purpose, SecretKeys};
use doorward_store::{Tx, idempotency as store};
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// How long a key is remembered.
pub const KEPT: doorward_config::Span = doorward_config::Span::minutes(10);

/// The `Idempotency-Key` of a request, with a MAC that recognises a repetition of the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// A UUID that the caller chose.
    pub key: String,
    /// MAC over method, path and body. A plain hash is not enough, because the body may contain a password.
    pub request: Vec<u8>,
}

impl Idempotency {
    /// Reads the header. `None` if it is absent.
    pub fn of(parts: &Parts, body: &[u8], keys: &SecretKeys) -> Result<Option<Idempotency>, ApiError> {
        let Some(header) = parts.headers.get("idempotency-key") else { return Ok(None) };
        let key = header
            .to_str()
            .ok()
            .and_then(|text| uuid::Uuid::try_parse(text.trim().trim_matches('"')).ok())
            .ok_or_else(|| ApiError::request(400, "The header Idempotency-Key must be a UUID."))?;
        let route = [parts.method.as_str(), " ", parts.uri.path(), "\n"].concat();
        let request = keys
            .mac(keys.active_id(), Purpose::Replay, &[route.as_bytes(), body])
            .ok_or_else(|| ApiError::internal("no active secret key"))?;
        Ok(Some(Idempotency { key: key.to_string(), request: request.to_vec() }))
    }
}

/// Whether a request is to be carried out.
#[derive(Debug)]
pub enum Claim<'a, T> {
    /// Yes. The answer must be stored in the same transaction.
    New(Claimed<'a>),
    /// No, it was carried out before. This is the stored answer.
    Done(T),
}

/// The right to carry a request out, until the end of the transaction.
#[derive(Debug)]
pub struct Claimed<'a>(Option<&'a Idempotency>);

/// A cheap check whether the request was carried out before. Only [`claim`] decides.
pub async fn find<T: DeserializeOwned>(
    db: &mut Tx,
    idempotency: Option<&Idempotency>,
    now: Millis,
) -> Result<Option<T>, ApiError> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let done = store::find(db, &idempotency.key, now - KEPT.millis()).await?;
    done.map(|done| answer_of(idempotency, &done)).transpose()
}

/// Takes the key, unless the request was carried out before. If two requests arrive at the same time, the second waits
/// for the first.
pub async fn claim<'a, T: DeserializeOwned>(
    tx: &mut Tx,
    idempotency: Option<&'a Idempotency>,
    now: Millis,
) -> Result<Claim<'a, T>, ApiError> {
    if let Some(idempotency) = idempotency {
        let (key, request) = (&idempotency.key, &idempotency.request);
        if let Some(done) = store::claim(tx, key, request, now, now - KEPT.millis()).await? {
            return answer_of(idempotency, &done).map(Claim::Done);
        }
    }
    Ok(Claim::New(Claimed(idempotency)))
}

fn answer_of<T: DeserializeOwned>(idempotency: &Idempotency, done: &store::Done) -> Result<T, ApiError> {
    if done.request != idempotency.request {
        return Err(ApiError::request(422, "This Idempotency-Key was used for another request."));
    }
    serde_json::from_str(&done.answer).map_err(ApiError::internal)
}

impl Claimed<'_> {
    /// Stores the data of the answer: ids, never a secret.
    pub async fn answer(self, tx: &mut Tx, answer: &impl Serialize) -> Result<(), ApiError> {
        if let Some(idempotency) = self.0 {
            let answer = serde_json::to_string(answer).map_err(ApiError::internal)?;
            store::answer(tx, &idempotency.key, &answer).await?;
        }
        Ok(())
    }
}
