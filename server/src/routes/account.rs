//! Deleting an account and its data.

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::addresses::challenges::{self, Verdict};
use doorward_accounts::addresses::contacts;
use doorward_accounts::sessions::current::CurrentSession;
use doorward_core::message::Message;
use doorward_core::one_time_code::Scene;
use doorward_core::operation::Operation;
use doorward_core::secret::Secret;
use doorward_credentials::passwords::Match;
use doorward_limits::{self, Failed, Purpose, Subject};
use doorward_messages::outbox;
use doorward_protocol::account::DeleteAccountRequest;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::{GivenCode, MailProof};
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::json::Json;
use doorward_store::identities::Kind;
use doorward_store::{Tx, accounts, directory, passwords, transaction};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::password;
use crate::app::{App, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(delete_account))
}

/// Deletes the account of the session.
#[utoipa::path(post, path = "/v1/account/delete", request_body = DeleteAccountRequest,
    security(("access_token" = [])), responses((status = 200, body = Object), ApiError))]
async fn delete_account(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<DeleteAccountRequest>,
) -> Result<Answer<Value>, ApiError> {
    session.fresh(&app.platform)?;
    let account = session.account.clone();
    let (purpose, subject) = match (&json.request.code, &json.request.password) {
        (None, Some(_)) => (Purpose::SignIn, Subject::Account(&account)),
        _ => (Purpose::Code, Subject::Nobody),
    };
    doorward_limits::admit(&app.limits, &caller, purpose, subject).await?;
    let done = delete(&app, caller.clone(), session, json).await;
    doorward_limits::settle(&app.platform, &caller, subject, done).await.map(Answer)
}

async fn delete(
    app: &AppState,
    caller: Caller,
    session: CurrentSession,
    json: Json<DeleteAccountRequest>,
) -> Result<Value, Failed> {
    let Json { request, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::DeleteAccount, &session, json).await?;
    let mut db = app.platform.store.read().await?;
    let stored = passwords::of(&mut db, &session.account.id).await?;
    drop(db);
    let account = &session.account;
    match (&request.password, &request.code, &stored) {
        (_, Some(_), _) => {}
        (Some(given), None, Some(_)) => {
            let given = Secret::from(given.clone());
            let turn =
                doorward_limits::hash_priority(&app.platform, &caller, Subject::Account(&session.account))
                    .await?;
            if app.accounts.hasher.verify(&given, stored.as_ref(), turn).await? == Match::No {
                return Err(Failed::Wrong(password::refuse(app, caller, session, "password").await));
            }
        }
        (None, None, Some(_)) => {
            let said = "Give the password, or a code that was sent for this.";
            return Err(ApiError::field("password", said).into());
        }
        (_, None, None)
            if (account.phone.is_some() && contacts::reaches(&app.accounts, Kind::Phone))
                || (account.proven_email().is_some() && contacts::reaches(&app.accounts, Kind::Email)) =>
        {
            return Err(ApiError::field("code", "Give a code that was sent for this.").into());
        }
        // The account has no password and no address that a code can be sent to. The fresh sign-in must
        // suffice.
        (_, None, None) => {}
    }
    let job = app.clone();
    let verdict = app
        .platform
        .store
        .write(transaction!(|tx| erase(tx, &job, &caller, session, request.code).await))
        .await?;
    app.outbox.wake_up.signal();
    verdict.met()?;
    Ok(json!({}))
}

/// The transaction: code, account with all its data, the last mail, audit.
async fn erase(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    session: CurrentSession,
    code: Option<GivenCode>,
) -> Result<Verdict, ApiError> {
    let now = app.platform.world.now();
    session.confirm(tx, now).await?;
    let id = session.account.id.as_str();
    let account = accounts::by_id(tx, id).await?.ok_or(ErrorCode::SessionRequired)?;
    if let Some(code) = code {
        let address = doorward_store::challenges::address_of(tx, Scene::DeleteAccount, id, now).await?;
        let proof = MailProof::Code { email: address.unwrap_or_default(), code: code.digits() };
        if let Some(code) =
            challenges::consume_own(tx, &app.platform, caller, Scene::DeleteAccount, id, proof).await?
        {
            return Ok(Verdict::refused(code));
        }
    }
    directory::erase(tx, id).await?;
    if let Some(email) = account.proven_email() {
        outbox::notice(tx, &app.platform.world, caller, Message::AccountDeleted, email).await?;
    }
    Record::of(Event::AccountDeleted).account(id).write(tx, &app.platform.world, caller, now).await?;
    Ok(Verdict::Met { account: id.to_owned(), redirect: None })
}
