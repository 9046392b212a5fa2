//! Setting or changing the password of a signed-in user.

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::screening;
use doorward_accounts::sessions::current::CurrentSession;
use doorward_core::message::Message;
use doorward_core::one_time_code::Scene;
use doorward_core::operation::Operation;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::Secret;
use doorward_credentials::passwords::Match;
use doorward_limits::{self, Failed, Purpose, Subject};
use doorward_messages::outbox;
use doorward_protocol::password::{PasswordChanged, UpdatePasswordRequest};
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use doorward_store::{Tx, accounts, challenges, passwords, sessions, transaction};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(update_password))
}

/// Sets the password. Ends all other sessions of the account, because one may belong to an attacker, and
/// forgets all remembered devices except this one.
#[utoipa::path(post, path = "/v1/password", request_body = UpdatePasswordRequest, security(("access_token" = [])),
    responses((status = 200, body = PasswordChanged), ApiError))]
async fn update_password(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<UpdatePasswordRequest>,
) -> Result<Answer<PasswordChanged>, ApiError> {
    session.fresh(&app.platform)?;
    let account = session.account.clone();
    let (purpose, subject) = match &json.request.old_password {
        Some(_) => (Purpose::SignIn, Subject::Account(&account)),
        None => (Purpose::Code, Subject::Nobody),
    };
    doorward_limits::admit(&app.limits, &caller, purpose, subject).await?;
    let done = change(&app, caller.clone(), session, json).await;
    doorward_limits::settle(&app.platform, &caller, subject, done).await.map(Answer)
}

async fn change(
    app: &AppState,
    caller: Caller,
    session: CurrentSession,
    json: Json<UpdatePasswordRequest>,
) -> Result<PasswordChanged, Failed> {
    let Json { request, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::ChangePassword, &session, json).await?;
    let mut db = app.platform.store.read().await?;
    let stored = passwords::of(&mut db, &session.account.id).await?;
    drop(db);
    let turn =
        doorward_limits::hash_priority(&app.platform, &caller, Subject::Account(&session.account)).await?;
    if let Some(stored) = &stored {
        let old =
            request.old_password.ok_or_else(|| ApiError::field("old_password", "This field is required."))?;
        if app.accounts.hasher.verify(&Secret::from(old), Some(stored), turn).await? == Match::No {
            return Err(Failed::Wrong(refuse(app, caller, session, "old_password").await));
        }
    }
    let password = Secret::from(request.new_password);
    app.accounts.screening.admit(&password, &screening::of_account(&session.account), "new_password").await?;
    let hash = app.accounts.hasher.hash(&app.platform.world, &password, turn).await?;
    let (job, devices, id) = (app.clone(), caller.devices.clone(), session.account.id.clone());
    app.platform
        .store
        .write(transaction!(|tx| replace(tx, &job, &caller, session, stored.as_ref(), &hash).await))
        .await?;
    app.outbox.wake_up.signal();
    let account = accounts::by_id(&mut *app.platform.store.read().await?, &id).await?;
    let known_device = account.and_then(|account| doorward_limits::mint(&app.platform, &account, &devices));
    Ok(PasswordChanged { known_device })
}

async fn replace(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    session: CurrentSession,
    verified: Option<&PasswordHash>,
    hash: &PasswordHash,
) -> Result<(), ApiError> {
    let now = app.platform.world.now();
    session.confirm(tx, now).await?;
    let id = session.account.id.as_str();
    // The password may have changed since it was verified.
    if passwords::of(tx, id).await?.as_ref() != verified {
        return Err(ApiError::field("old_password", WRONG));
    }
    passwords::set(tx, id, hash, now).await?;
    doorward_limits::forgiven(tx, &app.platform, id).await?;
    sessions::delete_others(tx, id, &session.id).await?;
    // Codes that were requested before no longer work, except for verifying an address.
    for address in session.account.email.iter().chain(&session.account.phone) {
        challenges::void_others(tx, Scene::VerifyEmail, address).await?;
    }
    accounts::touch(tx, id, now).await?;
    if let Some(address) = session.account.told_at() {
        outbox::notice(tx, &app.platform.world, caller, Message::PasswordChanged, address).await?;
    }
    let record = Record::of(Event::PasswordChanged).account(id).session(&session.id);
    Ok(record.write(tx, &app.platform.world, caller, now).await?)
}

const WRONG: &str = "This is not the password of your account.";

/// Records that a signed-in user entered a wrong password. Returns the error.
pub(super) async fn refuse(
    app: &AppState,
    caller: Caller,
    session: CurrentSession,
    field: &'static str,
) -> ApiError {
    let job = app.clone();
    let written = app
        .platform
        .store
        .write(transaction!(|tx| {
            let now = job.platform.world.now();
            session.confirm(tx, now).await?;
            let record = Record::of(Event::PasswordRefused).account(&session.account.id).session(&session.id);
            record.write(tx, &job.platform.world, &caller, now).await?;
            Ok::<(), ApiError>(doorward_limits::failed(tx, &job.platform, &caller, None).await?)
        }))
        .await;
    written.err().unwrap_or_else(|| ApiError::field(field, WRONG))
}
