//! The caller of a request, and the session that hooks see.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use doorward_accounts::sessions::current::{CurrentSession, principal};
use doorward_request::caller::{Caller, RequestId};
use doorward_request::captcha_solution::Solution;
use doorward_request::event::{Pending, Principal};
use doorward_request::known_device;

use super::credentials::presented;
use crate::app::AppState;
use crate::http;

/// The maximum length of a stored `User-Agent`, in bytes.
const LONGEST_AGENT: usize = 256;

impl FromRequestParts<AppState> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Caller {
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            ip: http::source_of(parts, &app.platform.config),
            locale: locale(&parts.headers),
            user_agent: user_agent(&parts.headers),
            captcha: Solution::of(&parts.headers),
            outcome: parts.extensions.get::<Pending>().cloned().unwrap_or_default(),
            devices: known_device::presented(&parts.headers),
            service_key: presented(&parts.headers),
            is_operators: false,
        })
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?.trim();
    let kept = text.get(..LONGEST_AGENT).unwrap_or(text);
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// The signed-in user, for hooks of calls that need no session (seed H45). An invalid access token counts as
/// no session, because only hooks use it.
impl FromRequestParts<AppState> for Principal {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        if app.hooks.is_idle() {
            return Ok(Principal::default());
        }
        let session = <CurrentSession as FromRequestParts<AppState>>::from_request_parts(parts, app).await;
        Ok(principal(session.as_ref().ok()))
    }
}

/// The first language of `Accept-Language`, if it is a tag like `de-CH`.
pub fn locale(headers: &HeaderMap) -> Option<String> {
    let languages = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
    let tag = languages.split([',', ';']).next()?.trim();
    let sound = (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    sound.then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_is_the_first_language_tag_if_it_is_valid() {
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, text.parse().unwrap());
            locale(&headers)
        };
        assert_eq!(of("de-CH, en;q=0.5").as_deref(), Some("de-CH"));
        assert_eq!(of("*"), None);
        assert_eq!(of("<script>"), None);
    }
}
