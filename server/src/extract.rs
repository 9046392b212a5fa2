//! Request bodies: size, content type, JSON, the protocol's table of fields, then the struct; and who asks.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request as HttpRequest};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use doorward_protocol::Request;
use doorward_protocol::error::ErrorCode;
use doorward_request::caller::Caller;
use doorward_request::caller::RequestId;
use doorward_request::json::Json;
use doorward_request::json::parse;
use doorward_request::json::rename;
use doorward_request::known_device;
use doorward_request::platform::Platform;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::dpop::{self, About, Fault, Proof};
use crate::hooks::principal;
use crate::http;
use crate::service_keys;
use crate::state::{App, AppState};
use crate::tokens::Claims;
use doorward_core::clock::Millis;
use doorward_request::captcha_solution::Solution;
use doorward_request::error::ApiError;
use doorward_request::event::Pending;
use doorward_request::event::Who;
use doorward_request::idempotency::Idempotency;
use doorward_store::accounts::{self, Account};
use doorward_store::{Tx, sessions};

/// Largest body that is read, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

impl<T: Request + DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest, app: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(ApiError::request(415, "Send JSON, with the header Content-Type: application/json."));
        }
        let bytes = read(body).await?;
        let idempotency = Idempotency::of(&parts, &bytes, &app.platform.secret_keys)?;
        let mut object = parse(&bytes)?;
        rename(&mut object, T::FIELDS, "")?;
        Json::of(object, idempotency, &app.platform, !app.hooks.is_idle())
    }
}

/// A request whose fields have other names than ours, for surfaces that others have designed.
#[derive(Debug)]
pub struct Foreign(pub Map<String, Value>);

impl FromRequest<AppState> for Foreign {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest, _: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(ApiError::request(415, "Send JSON, with the header Content-Type: application/json."));
        }
        parse(&read(body).await?).map(Foreign)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else {
        return false;
    };
    let mut parts = kind.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|part| {
            !part.to_ascii_lowercase().starts_with("charset=") || part.to_ascii_lowercase().contains("utf-8")
        })
}

/// Time for a client to send its body.
const BODY_TIME: Duration = Duration::from_secs(15);
/// Reads a whole body, at most [`BODY_LIMIT`]. It may hold a password: wiped when dropped.
pub async fn read(body: Body) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    match tokio::time::timeout(BODY_TIME, read_all(body)).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::request(408, "The body did not arrive in time.")),
    }
}

async fn read_all(body: Body) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let mut body = Limited::new(body, BODY_LIMIT);
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => ApiError::request(413, "The body may have at most 64 KiB."),
            None => ApiError::request(400, "The body could not be read."),
        })?;
        if let Some(data) = frame.data_ref() {
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

/// Longest `User-Agent` that is kept, in bytes.
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
            after: parts.extensions.get::<Pending>().cloned().unwrap_or_default(),
            devices: known_device::presented(&parts.headers),
            service_key: service_keys::presented(&parts.headers),
            is_operators: false,
        })
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?.trim();
    let kept = text.get(..LONGEST_AGENT).unwrap_or(text);
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// The proof of a key that came without an access token: a session that begins now is bound to it, a refresh needs it.
/// No proof is none; a bad one is refused.
impl OptionalFromRequestParts<AppState> for Proof {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Option<Self>, ApiError> {
        proof(parts, app, None)
    }
}

fn proof(parts: &Parts, app: &App, access_token: Option<&str>) -> Result<Option<Proof>, ApiError> {
    let mut all = parts.headers.get_all("dpop").iter();
    let text = match (all.next(), all.next()) {
        (None, _) => return Ok(None),
        (Some(one), None) => one.to_str().map_err(|_| Fault::Invalid("The proof is no JWS."))?,
        _ => return Err(Fault::Invalid("There must be one DPoP header only.").into()),
    };
    let (method, path) = (parts.method.as_str(), parts.uri.path());
    let about = About {
        method,
        public_url: &app.platform.config.public_url,
        path,
        dev: app.platform.dev,
        access_token,
    };
    Ok(Some(Proof::check(text, about, &app.platform.secret_keys, app.platform.world.now())?))
}

/// A request with the access token of a session that has not ended: revoking one works at once (D-5). If the session
/// is bound to a key, it came with a proof of that.
///
/// A handler that writes calls [`CurrentSession::confirm`] first in its transaction; for one that reads all is done.
#[derive(Clone, Debug)]
pub struct CurrentSession {
    /// Whose session it is.
    pub account: Account,
    /// Id of the session.
    pub id: String,
    /// When the person signed in.
    pub authenticated_at: Millis,
    /// What the access token says.
    pub claims: Arc<Claims>,
    proof: Option<Proof>,
}

impl CurrentSession {
    /// Has it not ended meanwhile, and is its proof used for the first time? Asked in the transaction of every write.
    pub async fn confirm(&self, tx: &mut Tx, now: Millis) -> Result<(), ApiError> {
        dpop::spend(tx, self.proof.as_ref()).await?;
        accounts::lock(tx, &self.account.id).await?;
        sessions::lock(tx, &self.id).await?;
        let alive = sessions::live_account(tx, &self.id, now).await?;
        alive.map(drop).ok_or_else(|| ErrorCode::SessionRequired.into())
    }
}

impl CurrentSession {
    /// Did the person sign in a moment ago? What could lock them out, or let somebody else in, needs it (D-9).
    pub fn fresh(&self, platform: &Platform) -> Result<(), ApiError> {
        let age = platform.world.now() - self.authenticated_at;
        if age > platform.config.session.fresh.millis() {
            Err(ErrorCode::ReauthRequired.into())
        } else {
            Ok(())
        }
    }
}

/// For calls with an optional session: a request without an access token has none, a bad token is refused. A service key is
/// no session: the browser that its back end calls for counts as signed out.
impl OptionalFromRequestParts<AppState> for CurrentSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Option<Self>, ApiError> {
        let is_sent = parts.headers.contains_key(header::AUTHORIZATION);
        if !is_sent || service_keys::presented(&parts.headers).is_some() {
            return Ok(None);
        }
        <Self as FromRequestParts<AppState>>::from_request_parts(parts, app).await.map(Some)
    }
}

impl FromRequestParts<AppState> for CurrentSession {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let required = || ApiError::from(ErrorCode::SessionRequired);
        let (scheme, token) = credentials(&parts.headers).ok_or_else(required)?;
        let now = app.platform.world.now();
        let claims =
            app.issuer.access_tokens.verify(&app.issuer.signing_keys, token, now).ok_or_else(required)?;
        let proof = match (scheme, &claims.cnf) {
            (Scheme::Bearer, None) => None,
            (Scheme::Dpop, Some(key)) => {
                let proof = proof(parts, app, Some(token))?.ok_or_else(required)?;
                if !proof.is_by(&key.jkt) {
                    return Err(Fault::Invalid("The access token is bound to another key.").into());
                }
                if parts.method.is_safe() {
                    proof.show(&app.seen_proofs, now)?;
                }
                Some(proof)
            }
            // A bound token is no Bearer token, whoever says so (RFC 9449 §7.2).
            (Scheme::Bearer, Some(_)) | (Scheme::Dpop, None) => return Err(required()),
        };
        let mut db = app.platform.store.read().await?;
        let account = sessions::live_account(&mut db, &claims.sid, now).await?;
        let account = account.filter(|account| account.id == claims.sub).ok_or_else(required)?;
        Ok(CurrentSession {
            account,
            id: claims.sid.clone(),
            authenticated_at: claims.auth_time.saturating_mul(1000),
            claims,
            proof,
        })
    }
}

/// Who is signed in already where nobody has to be (seed H45). A token that is not good is none: hooks learn of it, and
/// nothing else depends on it.
impl FromRequestParts<AppState> for Who {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        if app.hooks.is_idle() {
            return Ok(Who::default());
        }
        let session = <CurrentSession as FromRequestParts<AppState>>::from_request_parts(parts, app).await;
        Ok(principal(session.as_ref().ok()))
    }
}

/// How a token is presented.
pub(crate) enum Scheme {
    Bearer,
    Dpop,
}

/// Scheme and token of the one `Authorization` header.
pub(crate) fn credentials(headers: &HeaderMap) -> Option<(Scheme, &str)> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (one, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = one.to_str().ok()?.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some((Scheme::Bearer, token)),
        "dpop" => Some((Scheme::Dpop, token)),
        _ => None,
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
    fn only_the_first_language_tag_is_taken_and_only_if_it_is_one() {
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
