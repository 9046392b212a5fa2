//! Request bodies: size, content type, JSON, the protocol's table of fields, then the struct; and who asks.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request as HttpRequest};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use doorward_core::canonical;
use doorward_core::strict_json::Strict;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::{Field, Given, Invalid, Request, Rule, Source, field_named};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::canonical_fields;
use crate::captcha::Solution;
use crate::dpop::{self, About, Fault, Proof};
use crate::error::ApiError;
use crate::hooks::{Granted, Pending};
use crate::http;
use crate::idempotency::Idempotency;
use crate::limits::{self, KnownDevice};
use crate::service_keys;
use crate::state::{App, AppState};
use crate::tokens::Claims;
use doorward_core::clock::Millis;
use doorward_core::secret::Secret;
use doorward_store::accounts::{self, Account};
use doorward_store::{Tx, sessions};

/// Largest body that is read, in bytes.
pub const BODY_LIMIT: usize = 64 * 1024;

/// A request that passed its table, and its `Idempotency-Key` if it came with one.
#[derive(Debug)]
pub struct Json<T> {
    /// The request.
    pub request: T,
    /// Makes a repetition harmless, where the caller asked for it.
    pub idempotency: Option<Idempotency>,
    /// Fields that were given as `null` or as an empty text: absent, unless the request says that this clears them.
    /// A nested one is `address.locality`.
    pub emptied: Vec<String>,
    /// What it was read from, under the names of the table. Kept only where there are hooks, which may want to see it.
    pub(crate) given: Option<Map<String, Value>>,
    /// What a hook gave beside that.
    pub granted: Granted,
}

impl<T: Request + DeserializeOwned> FromRequest<AppState> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: HttpRequest, app: &AppState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(ApiError::request(415, "Send JSON, with the header Content-Type: application/json."));
        }
        let bytes = read(body).await?;
        let idempotency = Idempotency::of(&parts, &bytes, app)?;
        let mut object = parse(&bytes)?;
        rename(&mut object, T::FIELDS, "")?;
        Json::of(object, idempotency, app)
    }
}

/// Reads a JSON object.
fn parse(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let Strict(value) = serde_json::from_slice(bytes).map_err(|error| ApiError {
        cause: Some(error.to_string()),
        ..ApiError::request(400, "The body is not valid JSON.")
    })?;
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(ApiError::request(400, "The body must be a JSON object.")),
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

impl<T: Request + DeserializeOwned> Json<T> {
    /// Checks an object whose fields have the names of the table, and brings them into canonical form.
    pub(crate) fn of(
        mut object: Map<String, Value>,
        idempotency: Option<Idempotency>,
        app: &App,
    ) -> Result<Self, ApiError> {
        T::check(&Fields(&object, T::FIELDS), app.policy())?;
        canonical_fields::object(&mut object, T::FIELDS, &app.config)?;
        let given = (!app.hooks.is_idle()).then(|| object.clone());
        let emptied = emptied(&object, T::FIELDS, "");
        drop_empty(&mut object, T::FIELDS);
        // The table has accepted every field, so that a refusal here is a gap between the table and the struct.
        let request = T::deserialize(Value::Object(object)).map_err(|error| ApiError {
            cause: Some(error.to_string()),
            ..ApiError::request(400, "The body has a field of the wrong type.")
        })?;
        Ok(Json { request, idempotency, emptied, given, granted: Granted::default() })
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

/// A JSON object as the protocol's tables see it.
struct Fields<'a>(&'a Map<String, Value>, &'a [Field]);

impl Source for Fields<'_> {
    fn get(&self, name: &str) -> Given<'_> {
        match self.0.get(name) {
            None | Some(Value::Null) => Given::Absent,
            Some(Value::String(text)) if text.is_empty() && !takes_anything(self.1, name) => Given::Absent,
            Some(Value::String(text)) => canonical::given(rule_of(self.1, name), text),
            Some(Value::Bool(flag)) => Given::Flag(*flag),
            Some(Value::Number(number)) => number.as_u64().map_or(Given::Any, Given::Number),
            Some(Value::Object(_)) => Given::Object,
            Some(Value::Array(array)) => texts(array).unwrap_or(Given::Any),
        }
    }

    fn nested(&self, name: &str) -> Option<Self> {
        let object = self.0.get(name).and_then(Value::as_object)?;
        let inner = match self.1.iter().find(|field| field.name == name).map(|field| field.rule) {
            Some(Rule::Object(inner) | Rule::TextOrObject(inner)) => inner,
            _ => &[],
        };
        Some(Fields(object, inner))
    }

    fn unknown(&self, known: &dyn Fn(&str) -> bool) -> Option<String> {
        // The name comes from outside and goes into the answer and the log: keep it short and printable.
        let printable = |name: &String| name.chars().filter(|c| !c.is_control()).take(64).collect();
        self.0.keys().find(|name| !known(name)).map(printable)
    }
}

fn texts(array: &[Value]) -> Option<Given<'static>> {
    let lengths = array.iter().map(|value| value.as_str().map(|text| text.chars().count()));
    let longest = lengths.collect::<Option<Vec<_>>>()?.into_iter().max().unwrap_or(0);
    Some(Given::Texts { count: array.len(), longest })
}

/// Gives the fields the names that they have in the table, whatever spelling they came in. Where the table has
/// `extras`, what it does not know is one of those.
fn rename(object: &mut Map<String, Value>, fields: &[Field], parent: &str) -> Result<(), Invalid> {
    let open = fields.iter().any(|field| field.name == "extras");
    let mut extras = Map::new();
    for (given, mut value) in std::mem::take(object) {
        let known = field_named(fields, &given);
        if let (Some(Rule::Object(inner) | Rule::TextOrObject(inner)), Value::Object(nested)) =
            (known.map(|field| field.rule), &mut value)
        {
            rename(nested, inner, &format!("{parent}{given}."))?;
        }
        let (to, name) = match known {
            Some(field) => (&mut *object, field.name.to_owned()),
            None if open => (&mut extras, given.clone()),
            None => (&mut *object, given.clone()),
        };
        if to.insert(name, value).is_some() {
            let field = format!("{parent}{given}");
            return Err(Invalid { field, message: "This is given twice, under two names.".into() });
        }
    }
    if !extras.is_empty() {
        match object.entry("extras").or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(named) => {
                if let Some(name) = extras.keys().find(|name| named.contains_key(*name)) {
                    return Err(Invalid { field: name.clone(), message: "This is given twice.".into() });
                }
                named.append(&mut extras);
            }
            Value::Null => object["extras"] = Value::Object(extras),
            // Refused by its rule.
            _ => {}
        }
    }
    Ok(())
}

/// The rule of a field.
fn rule_of(fields: &[Field], name: &str) -> Rule {
    fields.iter().find(|field| field.name == name).map_or(Rule::Any, |field| field.rule)
}

/// Where any value may stand, an empty text is one.
fn takes_anything(fields: &[Field], name: &str) -> bool {
    fields.iter().any(|field| field.name == name && matches!(field.rule, Rule::Any))
}

/// The fields that were given as `null` or as an empty text.
fn emptied(object: &Map<String, Value>, fields: &[Field], parent: &str) -> Vec<String> {
    let mut names = Vec::new();
    for field in fields {
        match (object.get(field.name), field.rule) {
            (Some(value), _) if is_empty(value) => names.push(format!("{parent}{}", field.name)),
            (Some(Value::Object(nested)), Rule::Object(inner) | Rule::TextOrObject(inner)) => {
                names.extend(emptied(nested, inner, &format!("{parent}{}.", field.name)));
            }
            _ => {}
        }
    }
    names
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

/// What counts as absent for the table is absent for the struct too. What is the operator's or the app's own is left
/// as it is.
fn drop_empty(object: &mut Map<String, Value>, fields: &[Field]) {
    object.retain(|name, value| !is_empty(value) || (value.is_string() && takes_anything(fields, name)));
    for field in fields {
        if let (Rule::Object(inner) | Rule::TextOrObject(inner), Some(Value::Object(nested))) =
            (field.rule, object.get_mut(field.name))
        {
            drop_empty(nested, inner);
        }
    }
}

/// The id of the request, in the log and in the answer.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Who asks, as far as the connection and the headers tell.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// Id of the request.
    pub request_id: String,
    /// The address of who asks: the other end of the connection, or whom that speaks for and is trusted in.
    pub ip: Option<IpAddr>,
    /// `Accept-Language`: the first language, a tag like `de-CH`.
    pub locale: Option<String>,
    /// `User-Agent`, as far as it is text and not longer than a person would read.
    pub user_agent: Option<String>,
    /// The solution of a captcha.
    pub captcha: Option<Solution>,
    /// What hooks are told afterwards.
    pub after: Pending,
    /// Devices that accounts know.
    pub devices: Vec<KnownDevice>,
    /// What may be a service key; nobody has looked.
    pub service_key: Option<Secret>,
    /// A program of the operator's that asks for itself: it signs in and up as many as it says.
    pub is_operators: bool,
}

impl Caller {
    /// The address as text.
    pub fn address(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }
}

/// Longest `User-Agent` that is kept, in bytes.
const LONGEST_AGENT: usize = 256;

impl FromRequestParts<AppState> for Caller {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Caller {
            request_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default(),
            ip: http::source_of(parts, &app.config),
            locale: locale(&parts.headers),
            user_agent: user_agent(&parts.headers),
            captcha: Solution::of(&parts.headers),
            after: parts.extensions.get::<Pending>().cloned().unwrap_or_default(),
            devices: limits::presented(&parts.headers),
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
    let about = About { method, public_url: &app.config.public_url, path, dev: app.dev, access_token };
    Ok(Some(Proof::check(text, about, &app.secret_keys, app.world.now())?))
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
    pub fn fresh(&self, app: &App) -> Result<(), ApiError> {
        let age = app.world.now() - self.authenticated_at;
        if age > app.config.session.fresh.millis() { Err(ErrorCode::ReauthRequired.into()) } else { Ok(()) }
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
        let now = app.world.now();
        let claims = app.access_tokens.verify(&app.signing_keys, token, now).ok_or_else(required)?;
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
        let mut db = app.store.read().await?;
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
