//! The solution of a captcha, read from a request.

use http::HeaderMap;
use percent_encoding::percent_decode_str;

/// A solution from a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// Id of the challenge; empty for a captcha service, which needs only the code.
    pub id: String,
    /// The letters, the numbers, or the token of a service.
    pub code: String,
}

impl Solution {
    /// Reads the header `Captcha-Response`. A malformed value is ignored.
    pub fn of(headers: &HeaderMap) -> Option<Solution> {
        let text = headers.get("captcha-response")?.to_str().ok()?;
        let (id, code) = text.split_once(':')?;
        let decode = |text: &str| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
        Some(Solution { id: decode(id)?, code: decode(code)? })
    }
}
