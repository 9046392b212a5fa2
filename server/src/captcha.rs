//! The captcha: whether a call must bring a solution, and whether the one that it brings is right.
//!
//! A solution comes in the header `Captcha-Response`, `id:code`, so that every call can carry one. No kind of captcha is
//! built in yet: every call passes. The answer without one will be `CAPTCHA_REQUIRED`, with the number 2000 for who
//! knows it by that (seed A24).

use axum::http::HeaderMap;
use percent_encoding::percent_decode_str;

use crate::error::ApiError;
use crate::extract::Caller;
use crate::state::App;

/// A solution as a call brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// Of the challenge; empty where a service knows it by the code alone.
    pub id: String,
    /// What was read or computed.
    pub code: String,
}

impl Solution {
    /// Reads the header; what is none counts as none.
    pub fn of(headers: &HeaderMap) -> Option<Solution> {
        let text = headers.get("captcha-response")?.to_str().ok()?;
        let (id, code) = text.split_once(':')?;
        let decode = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        Some(Solution { id: decode(id)?, code: decode(code)? })
    }
}

/// Asks for a captcha, unless the call brings its solution. [`crate::limits`] knows when to ask.
pub async fn demand(app: &App, caller: &Caller) -> Result<(), ApiError> {
    let _ = (app, &caller.captcha);
    Ok(())
}
