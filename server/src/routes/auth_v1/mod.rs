//! `/api/v1/auth/…` as seed 002 documents it, for programs that were written for that API (D-18). Off by
//! default.
//!
//! It decides nothing: each call converts its fields to the request of the same call under `/v1`, runs that
//! call's handler with all its checks, and converts the answer to the seed's format. Sessions are Bearer
//! sessions.

mod envelope;
mod request;
mod user;

pub(crate) use envelope::in_envelope;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use axum::{Json as Answer, Router};
use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use doorward_accounts::addresses::first_proof::Prover;
use doorward_accounts::entry::Call;
use doorward_accounts::sessions;
use doorward_accounts::sessions::current::CurrentSession;
use doorward_credentials::tokens::RefreshToken;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::provider::ProviderOutcome;
use doorward_protocol::session::{CLIENT_ID, Tokens};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Principal;
use doorward_store::accounts::{self, Account};
use doorward_store::identities;
use doorward_store::sessions::{self as rows, Session};
use serde_json::{Value, json};

use self::envelope::{SuccessBody, success};
use self::request::ForeignFields;
use super::{email, token};
use crate::app::{App, AppState};
use crate::http::oauth_form::Refused;
use crate::methods::{password, provider};

/// The base path.
const BASE: &str = "/api/v1/auth";

/// The routes, if the operator has enabled them.
pub(super) fn router(app: &AppState) -> Router<AppState> {
    if !app.platform.config.compat.auth_v1 {
        return Router::new();
    }
    let routes = Router::new()
        .route("/registerOrLogin/microsoftAD", post(with_microsoft))
        .route("/registerOrLogin/facebook", post(with_facebook))
        .route("/registerOrLogin/google", post(with_google))
        .route("/login", post(login))
        .route("/register", post(register))
        .route("/refreshToken", get(refresh))
        .route("/verifyAccount", post(verify))
        .route("/resendEmail", post(resend));
    Router::new().nest(BASE, routes)
}

/// Seed R04: returns the claims of the provider's token, and the session beside them (seed R08).
async fn with_microsoft(
    State(app): State<AppState>,
    caller: Caller,
    given: ForeignFields,
) -> Result<Begun, ApiError> {
    let token = given.text("JWTToken");
    let (device, session) = with_provider(&app, caller, given, "microsoft", "JWTToken").await?;
    // Its signature was verified by the call above.
    let claims = token.as_deref().and_then(|token| token.split('.').nth(1));
    let claims = claims.and_then(|claims| URL_SAFE_NO_PAD.decode(claims).ok());
    let mut claims =
        claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok()).unwrap_or_default();
    claims["session"] = session.into();
    Ok((device, success(claims)))
}

/// Seed R10.
async fn with_facebook(
    State(app): State<AppState>,
    caller: Caller,
    given: ForeignFields,
) -> Result<Begun, ApiError> {
    with_provider(&app, caller, given, "facebook", "authenToken").await.map(begun)
}

/// Seed R14.
async fn with_google(
    State(app): State<AppState>,
    caller: Caller,
    given: ForeignFields,
) -> Result<Begun, ApiError> {
    with_provider(&app, caller, given, "google", "authenToken").await.map(begun)
}

/// Signs in with a token that the program got from the provider. Registers a new user if
/// `auto_register.provider` allows it.
async fn with_provider(
    app: &AppState,
    caller: Caller,
    given: ForeignFields,
    name: &'static str,
    field: &'static str,
) -> Result<(HeaderMap, String), ApiError> {
    let request = given.request(app, &[(field, "token")], &[("nonce", "nonce")])?;
    let path = Ok(Path(name.to_owned()));
    let answer = provider::login_with_provider(State(app.clone()), call(caller), path, request).await;
    let answer = answer.map_err(|error| request::named(error, &[(field, "token")]))?;
    match (answer.0.kind, answer.0.session) {
        (ProviderOutcome::LoginExisting, Some(tokens)) => {
            Ok((device_of(&tokens), session_of(app, &tokens).await?))
        }
        _ => {
            let detail = "No account is linked to this identity of the provider, and none was created.";
            Err(ApiError { detail: Some(detail.into()), ..ErrorCode::Forbidden.into() })
        }
    }
}

/// This API has no DPoP proofs and no optional sessions.
fn call(caller: Caller) -> Call {
    Call { caller, proof: None, who: Principal::default() }
}

/// Seed R28.
async fn login(State(app): State<AppState>, caller: Caller, given: ForeignFields) -> Result<Begun, ApiError> {
    let names = [given.identifier(), ("password", "password")];
    let request = given.request(&app, &names, &[])?;
    let tokens = password::login(State(app.clone()), call(caller), request).await;
    let tokens = tokens.map_err(|error| request::named(error, &names))?.0;
    Ok(begun((device_of(&tokens), session_of(&app, &tokens).await?)))
}

/// Seed R30. The returned `secret` is valid for nothing (seed R32).
async fn register(
    State(app): State<AppState>,
    caller: Caller,
    given: ForeignFields,
) -> Result<Answer<SuccessBody>, ApiError> {
    let address = given.text("email").unwrap_or_default();
    let request = given.request(&app, &[("email", "email"), ("password", "password")], &[])?;
    let _ = password::signup(State(app.clone()), call(caller), request).await?;
    Ok(success(sent(&app, &address)))
}

/// Seed R40.
async fn resend(
    State(app): State<AppState>,
    caller: Caller,
    given: ForeignFields,
) -> Result<Answer<SuccessBody>, ApiError> {
    let address = given.text("email").unwrap_or_default();
    let request = given.request(&app, &[("email", "email")], &[])?;
    let _ = email::resend_verification(State(app.clone()), caller, Principal::default(), request).await?;
    Ok(success(sent(&app, &address)))
}

/// In the seed's API this `secret` verified the address of every caller that requested the mail. Here it is a
/// random value of the same form, and only the mail contains the token.
fn sent(app: &App, address: &str) -> Value {
    let secret = URL_SAFE.encode(app.platform.world.bytes::<37>());
    let message = format!("Verification email will send to you as {}", address.trim());
    json!({ "message": message, "secret": secret, "success": true })
}

/// Seed R36.
async fn verify(
    State(app): State<AppState>,
    caller: Caller,
    given: ForeignFields,
) -> Result<Answer<SuccessBody>, ApiError> {
    let names = [("secret", "token")];
    let request = given.request(&app, &names, &[("password", "password")])?;
    let verified = email::verify_by(&app, caller, Prover::default(), request).await;
    let profile = verified.map_err(|error| request::named(error, &names))?;
    let mut db = app.platform.store.read().await?;
    let account = accounts::by_id(&mut db, &profile.user_id).await?.ok_or(ErrorCode::TokenRevoked)?;
    let links = identities::links(&mut db, &account.id).await?;
    Ok(success(user::shown(&account, &links)))
}

/// Seed R33: exchanges a valid token for a new one while its session lasts.
async fn refresh(
    State(app): State<AppState>,
    caller: Caller,
    Presented(id): Presented,
) -> Result<Answer<SuccessBody>, ApiError> {
    let (session, _) = find(&app, &id).await?;
    let token =
        RefreshToken::write(&app.platform.secret_keys, &session.id, session.generation, &session.salt);
    let token = token.ok_or_else(|| ApiError::internal("a token could not be written"))?;
    let form = format!("grant_type=refresh_token&client_id={CLIENT_ID}&refresh_token={token}");
    let request =
        Request::post("/v1/token").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let request = request.body(form.into()).map_err(ApiError::internal)?;
    let tokens =
        token::token(State(app.clone()), caller, Ok(None), request).await.map_err(
            |refused| match refused {
                Refused::Api(error) => error,
                Refused::Oauth(..) => ErrorCode::SessionRequired.into(),
            },
        )?;
    session_of(&app, &tokens.0).await.map(success)
}

/// The id of the session whose access token of this API is in the `Authorization` header, bare or as a Bearer
/// token.
struct Presented(String);

impl FromRequestParts<AppState> for Presented {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        if let Some(bare) = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok())
            && !bare.trim().contains(' ')
            && let Ok(value) = HeaderValue::try_from(format!("Bearer {}", bare.trim()))
            && parts.headers.get_all(header::AUTHORIZATION).iter().count() == 1
        {
            parts.headers.insert(header::AUTHORIZATION, value);
        }
        let session = <CurrentSession as FromRequestParts<AppState>>::from_request_parts(parts, app).await?;
        // An access token of `/v1` lives for minutes. An attacker who finds one in a log must not exchange it
        // for a token that lives for a day.
        if session.claims.username.is_none() {
            return Err(ErrorCode::SessionRequired.into());
        }
        Ok(Presented(session.id))
    }
}

/// The answer to a sign-in.
type Begun = (HeaderMap, Answer<SuccessBody>);

fn begun((device, token): (HeaderMap, String)) -> Begun {
    (device, success(token))
}

/// The token by which the account knows this device at the next sign-in. It is a header, because these
/// answers have no field for it.
fn device_of(tokens: &Tokens) -> HeaderMap {
    let known = tokens.known_device.as_deref().and_then(|known| HeaderValue::try_from(known).ok());
    known
        .map(|known| HeaderMap::from_iter([(HeaderName::from_static("known-device"), known)]))
        .unwrap_or_default()
}

/// The token of this API for a session that a call of `/v1` has begun or refreshed.
async fn session_of(app: &App, tokens: &Tokens) -> Result<String, ApiError> {
    let claims = app.issuer.access_tokens.verify(
        &app.issuer.signing_keys,
        &tokens.access_token,
        app.platform.world.now(),
    );
    let (session, account) = find(app, &claims.ok_or(ErrorCode::SessionRequired)?.sid).await?;
    let username = match account.email.clone().or_else(|| account.username.clone()) {
        Some(own) => own,
        None => {
            let links = identities::links(&mut *app.platform.store.read().await?, &account.id).await?;
            user::stand_in(&account, &links, &session.method)
        }
    };
    sessions::token_alone(&app.issuer, &session, &account, username)
}

async fn find(app: &App, id: &str) -> Result<(Session, Account), ApiError> {
    let mut db = app.platform.store.read().await?;
    let (session, _) = rows::find(&mut db, id).await?.ok_or(ErrorCode::SessionRequired)?;
    let account = accounts::by_id(&mut db, &session.account).await?.ok_or(ErrorCode::SessionRequired)?;
    Ok((session, account))
}
