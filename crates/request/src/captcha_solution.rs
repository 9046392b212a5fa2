//! The solution of a captcha, as a request brings it.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

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
