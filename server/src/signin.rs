//! What follows once a method has proven who somebody is: may they come in, and the session that begins.

use doorward_protocol::error::ErrorCode;
use doorward_protocol::session::Tokens;

use crate::audit::{Event, Record};
use crate::dpop::{self, Proof, Thumbprint};
use crate::error::ApiError;
use crate::extract::Caller;
use crate::hooks::Granted;
use crate::limits::{self, KnownDevice};
use crate::registration::{self, Plan};
use crate::sessions;
use crate::state::{App, AppState};
use crate::store::accounts::{self, Account};
use crate::store::identities::{self, Identity};
use crate::store::sessions::Session;
use crate::store::{Tx, sessions as rows};

/// Signs in to an account that was proven to be somebody's, in the transaction that proved it.
pub async fn enter(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &str,
    method: &str,
    key: Option<Thumbprint>,
) -> Result<Session, ApiError> {
    accounts::lock(tx, id).await?;
    accounts::count_login(tx, id, app.world.now()).await?;
    let account = accounts::by_id(tx, id).await?.ok_or(ErrorCode::UserIsDisabled)?;
    if let Some(code) = refusal(&account) {
        return Err(code.into());
    }
    limits::succeeded(tx, app, caller, &account).await?;
    begin(tx, app, caller, id, method, key).await
}

/// Why somebody whose account it is does not come in. Told only to who has proven that.
pub fn refusal(account: &Account) -> Option<ErrorCode> {
    if account.disabled {
        return Some(ErrorCode::UserIsDisabled);
    }
    account.awaits_confirmation().then_some(ErrorCode::SignupConfirmationNeeded)
}

/// Begins the session, and writes that down.
pub async fn begin(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &str,
    method: &str,
    key: Option<Thumbprint>,
) -> Result<Session, ApiError> {
    let session = sessions::establish(tx, app, caller, id, method, key).await?;
    let record = Record::of(Event::SignedIn).account(id).session(&session.id).detail(method);
    record.write(tx, &app.world, caller, app.world.now()).await?;
    Ok(session)
}

/// The tokens of a session with whose it is; nothing when it has ended, or is not for who proves this. `devices` came with
/// the call.
pub async fn tokens_of(
    app: &App,
    id: &str,
    devices: &[KnownDevice],
    proof: Option<&Proof>,
) -> Result<Option<Tokens>, ApiError> {
    let mut db = app.store.read().await?;
    if let Some((session, _)) = rows::find(&mut db, id).await?
        && sessions::is_for(&session, proof)
        && let Some(account) = accounts::by_id(&mut db, &session.account).await?
    {
        let tokens = sessions::tokens(app, &session, &account.roles)?;
        let known_device = limits::mint(app, &account, devices);
        return Ok(Some(Tokens { user: Some(account.to_profile()), known_device, ..tokens }));
    }
    Ok(None)
}

/// The answer to a sign-in.
pub async fn answer(
    app: &App,
    session: &str,
    devices: &[KnownDevice],
    proof: Option<&Proof>,
) -> Result<Tokens, ApiError> {
    // It can have ended in this moment, or the request be a repetition of an old one.
    Ok(tokens_of(app, session, devices, proof).await?.ok_or(ErrorCode::SessionRequired)?)
}

/// Signs in by an id that opens an account by itself; the first time, if there may be one, makes the account.
pub async fn by_id(
    app: &AppState,
    caller: Caller,
    proof: Option<Proof>,
    name: Identity,
    method: &'static str,
    first: Option<Granted>,
) -> Result<Tokens, ApiError> {
    sessions::admit(app, proof.is_some())?;
    let (job, asking, shown) = (app.clone(), caller.clone(), proof.clone());
    let known = name.clone();
    let entered: Result<String, ApiError> = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let key = dpop::spend(tx, shown.as_ref()).await?;
                // Of two at once with a new id, the second finds the account of the first (seed H40).
                identities::lock(tx, name.kind, &name.value).await?;
                if let Some(id) = identities::owner(tx, name.kind, &name.value).await? {
                    return Ok(enter(tx, &job, &asking, &id, method, key).await?.id);
                }
                let granted = first.ok_or(ErrorCode::NotFound)?;
                let mut plan = Plan::of_sign_in(&job, vec![name], method)?;
                plan.grant(granted);
                let done = registration::create(tx, &job, &asking, &plan, None, key).await?;
                done.session.ok_or_else(|| ApiError::internal("a sign-in without a session"))
            })
        })
        .await;
    match entered {
        Ok(session) => answer(app, &session, &caller.devices, proof.as_ref()).await,
        Err(error) if is_verdict(error.code) => {
            let mut db = app.store.read().await?;
            let account = accounts::by_identity(&mut db, known.kind, &known.value).await?;
            drop(db);
            refuse(app, caller, proof, account, error.code).await
        }
        Err(error) => Err(error),
    }
}

/// Is it said to somebody who was recognised, and is to be written down?
pub fn is_verdict(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::UserIsDisabled
            | ErrorCode::SignupConfirmationNeeded
            | ErrorCode::IncorrectUsernameOrPassword
    )
}

/// Writes down that somebody did not come in, and says why.
pub async fn refuse<T>(
    app: &AppState,
    caller: Caller,
    proof: Option<Proof>,
    account: Option<Account>,
    code: ErrorCode,
) -> Result<T, ApiError> {
    let job = app.clone();
    let spent = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                // A proof that was used before hides nothing: the password was looked at.
                let spent = match dpop::spend(tx, proof.as_ref()).await {
                    Err(error) if error.code != ErrorCode::InvalidProof => return Err(error),
                    spent => spent.map(drop),
                };
                let record = Record::of(Event::SignInFailed).detail(code.as_str());
                let record =
                    Record { account: account.as_ref().map(|account| account.id.as_str()), ..record };
                record.write(tx, &job.world, &caller, job.world.now()).await?;
                // Whoever proved whose it is has guessed nothing.
                if code == ErrorCode::IncorrectUsernameOrPassword {
                    limits::failed(tx, &job, &caller, None).await?;
                }
                Ok::<_, ApiError>(spent)
            })
        })
        .await?;
    spent?;
    Err(code.into())
}
