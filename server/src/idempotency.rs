//! Idempotency keys (D-16): a repeated request gets the answer of the first, also when both arrive at once.
//!
//! The row is written in the transaction of the effect, and holds ids, never tokens: those are minted anew.

use axum::http::request::Parts;

use crate::error::ApiError;
use crate::keys::Purpose;
use crate::state::App;

/// How long a key is remembered.
pub const KEPT: crate::config::Span = crate::config::Span::minutes(10);

/// The `Idempotency-Key` of a request, with what tells whether another request is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// A UUID that the caller chose.
    pub key: String,
    /// MAC over method, path and body: the body may hold a password, so that a bare hash would not do.
    pub request: Vec<u8>,
}

impl Idempotency {
    /// Reads the header; `None` when there is none.
    pub fn of(parts: &Parts, body: &[u8], app: &App) -> Result<Option<Idempotency>, ApiError> {
        let Some(header) = parts.headers.get("idempotency-key") else { return Ok(None) };
        let key = header
            .to_str()
            .ok()
            .and_then(|text| uuid::Uuid::try_parse(text.trim().trim_matches('"')).ok())
            .ok_or_else(|| ApiError::request(400, "The header Idempotency-Key must be a UUID."))?;
        let keys = &app.secret_keys;
        let route = [parts.method.as_str(), " ", parts.uri.path(), "\n"].concat();
        let request = keys
            .mac(keys.active_id(), Purpose::Replay, &[route.as_bytes(), body])
            .ok_or_else(|| ApiError::internal("no active secret key"))?;
        Ok(Some(Idempotency { key: key.to_string(), request: request.to_vec() }))
    }
}
