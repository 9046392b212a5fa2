//! The profile of an account, as its user and as other users see it.

use axum::Json as Answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use doorward_accounts::addresses;
use doorward_accounts::addresses::contacts;
use doorward_accounts::profiles;
use doorward_accounts::sessions::current::CurrentSession;
use doorward_core::operation::Operation;
use doorward_limits::{self, Purpose, Subject};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::profile::{PublicProfile, UpdateProfileRequest, UserProfile};
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use doorward_store::accounts::{self, Account};
use doorward_store::identities::{self, Identity, Kind};
use doorward_store::{StoreError, Tx, transaction};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::{App, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(profile, update_profile)).routes(routes!(public_profile))
}

/// Returns the profile of the signed-in user.
#[utoipa::path(get, path = "/v1/profile", security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn profile(session: CurrentSession) -> Answer<UserProfile> {
    Answer(session.account.to_profile())
}

/// Changes the given fields and keeps the others. `null` or an empty text clears a field.
#[utoipa::path(patch, path = "/v1/profile", request_body = UpdateProfileRequest, security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn update_profile(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<UpdateProfileRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let requested = json.request.username.as_deref();
    if requested.is_some() && requested != session.account.username.as_deref() {
        // The answer reveals whether a username is taken.
        doorward_limits::admit(&app.limits, &caller, Purpose::Check, Subject::Nobody).await?;
    }
    let Json { request, emptied, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::UpdateProfile, &session, json).await?;
    let username = request.username.as_deref().map(contacts::username).transpose()?;
    let job = app.clone();
    let account = app
        .platform
        .store
        .write(transaction!(|tx| change(tx, &job, &caller, session, request, &emptied, username).await))
        .await?;
    Ok(Answer(account.to_profile()))
}

async fn change(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    session: CurrentSession,
    request: UpdateProfileRequest,
    emptied: &[String],
    username: Option<Identity>,
) -> Result<Account, ApiError> {
    let now = app.platform.world.now();
    if let Some(username) = &username {
        identities::lock(tx, username.kind, &username.value).await?;
    }
    session.confirm(tx, now).await?;
    let id = session.account.id.as_str();
    let mut account = accounts::by_id(tx, id).await?.ok_or(ErrorCode::SessionRequired)?;
    profiles::change(&mut account, request, emptied, &app.platform.config.profile)?;
    let cleared = emptied.iter().any(|name| name == "username") && account.username.is_some();
    if cleared {
        addresses::keep_a_way_in(tx, &app.accounts, &account.id, |name| name.kind == Kind::Username.as_str())
            .await?;
    }
    let renamed = username.as_ref().filter(|name| account.username.as_ref() != Some(&name.value));
    if cleared || renamed.is_some() {
        rename(tx, id, renamed, now).await?;
        Record::of(Event::UsernameChanged).account(id).write(tx, &app.platform.world, caller, now).await?;
    }
    accounts::update(tx, &account, now).await?;
    caller.outcome.done(tx, id, &session.id, now).await?;
    Ok(accounts::by_id(tx, id).await?.ok_or(ErrorCode::SessionRequired)?)
}

async fn rename(
    tx: &mut Tx,
    id: &str,
    name: Option<&Identity>,
    now: doorward_core::clock::Millis,
) -> Result<(), ApiError> {
    let taken = || ApiError { field: Some("username".into()), ..ErrorCode::Exists.into() };
    identities::remove(tx, Kind::Username, id).await?;
    let Some(name) = name else { return Ok(()) };
    let look = name.look.as_deref().unwrap_or_default();
    // Checked first, because on PostgreSQL a rejected insert would abort the whole transaction.
    if identities::exists(tx, Kind::Username, &name.value).await?
        || identities::looks_taken(tx, look, id).await?
    {
        return Err(taken());
    }
    identities::insert(tx, name, id, now).await.map_err(|error| match error {
        StoreError::Conflict => taken(),
        error => error.into(),
    })
}

/// Returns the public profile of a user.
#[utoipa::path(get, path = "/v1/users/{id}", params(("id" = String, Path, description = "The id of the account.")),
    security(("access_token" = [])), responses((status = 200, body = PublicProfile), ApiError))]
async fn public_profile(
    State(app): State<AppState>,
    _: CurrentSession,
    id: Result<Path<String>, PathRejection>,
) -> Result<Answer<PublicProfile>, ApiError> {
    // Text that is not a UUID matches no user.
    let id = id.ok().and_then(|Path(id)| Uuid::try_parse(&id).ok()).ok_or(ErrorCode::NotFound)?;
    let mut db = app.platform.store.read().await?;
    let account = accounts::by_id(&mut db, &id.to_string()).await?.filter(|account| !account.disabled);
    let account = account.ok_or(ErrorCode::NotFound)?;
    Ok(Answer(profiles::public(&account, &app.platform.config.profile)))
}
