//! The common last part of all sign-in methods, after the proof of identity: checks the account and begins the
//! session.

use std::sync::Arc;

use doorward_credentials::dpop::{self, Proof, Thumbprint};
use doorward_credentials::signing::TokenIssuer;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::session::Tokens;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::known_device::KnownDevice;
use doorward_request::platform::Platform;
use doorward_store::accounts::{self, Account};
use doorward_store::sessions::Session;
use doorward_store::{Tx, identities, sessions as rows, transaction};

use crate::addresses::first_proof::Evidence;
use crate::approved::{self, Admission, Approved, Found, SignIn};
use crate::entry::Entering;
use crate::service::Accounts;
use crate::sign_up::SignUp;
use crate::{names, registration, sessions};

/// Signs in to an account, in the transaction that has proven the user's identity.
pub async fn enter(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    id: &str,
    admission: &Admission,
    key: Option<Thumbprint>,
) -> Result<Session, ApiError> {
    accounts::lock(tx, id).await?;
    accounts::count_login(tx, id, platform.world.now()).await?;
    let account = accounts::by_id(tx, id).await?.ok_or(ErrorCode::UserIsDisabled)?;
    if let Some(code) = sessions::refusal(platform, admission.method(), &account) {
        return Err(code.into());
    }
    doorward_limits::succeeded(tx, platform, caller, &account).await?;
    begin(tx, platform, caller, id, admission.sign_in(id)?, key).await
}

/// Begins the session and writes the audit record.
pub async fn begin(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    id: &str,
    approved: &Approved<SignIn>,
    key: Option<Thumbprint>,
) -> Result<Session, ApiError> {
    let session = sessions::establish(tx, platform, caller, id, approved, key).await?;
    let record = Record::of(Event::SignedIn).account(id).session(&session.id).detail(&approved.method);
    record.write(tx, &platform.world, caller, platform.world.now()).await?;
    Ok(session)
}

/// The tokens of a session, with the profile of its account. `None` if the session has ended, or if the proof
/// does not match the key of the session. `devices` are the known devices of the request.
pub async fn tokens_of(
    issuer: &TokenIssuer,
    id: &str,
    devices: &[KnownDevice],
    proof: Option<&Proof>,
) -> Result<Option<Tokens>, ApiError> {
    let mut db = issuer.platform.store.read().await?;
    if let Some((session, _)) = rows::find(&mut db, id).await?
        && sessions::is_for(&session, proof)
        && let Some(account) = accounts::by_id(&mut db, &session.account).await?
    {
        let tokens = sessions::tokens(issuer, &session, &account.roles)?;
        let known_device = doorward_limits::mint(&issuer.platform, &account, devices);
        return Ok(Some(Tokens { user: Some(account.to_profile()), known_device, ..tokens }));
    }
    Ok(None)
}

/// The response to a sign-in.
pub async fn answer(
    issuer: &TokenIssuer,
    session: &str,
    devices: &[KnownDevice],
    proof: Option<&Proof>,
) -> Result<Tokens, ApiError> {
    // The session may have just ended, or this may be a repeated request whose session has ended since.
    Ok(tokens_of(issuer, session, devices, proof).await?.ok_or(ErrorCode::SessionRequired)?)
}

/// Signs in with an id that needs no other proof. Creates the account at the first sign-in, if that is allowed.
pub async fn by_id<T>(accounts: &Arc<Accounts>, entering: Entering<T>) -> Result<Tokens, ApiError> {
    let Entering { caller, proof, attempt, first, .. } = entering;
    let name = attempt.name()?.clone();
    let draft = first
        .map(|first| SignUp::of_first(&accounts.platform, vec![name.clone()], &attempt.method, first))
        .transpose()?;
    let find = async || {
        let found =
            accounts::by_identity(&mut *accounts.platform.store.read().await?, name.kind, &name.value)
                .await?;
        Ok(found.map_or(Found::NoAccount, |account| Found::Account(account.into())))
    };
    let admission = approved::admit(&accounts.hooks, &caller, &attempt, draft, find).await?;
    let hash = admission.hash(accounts).await?;
    let (job, asking, shown) = (accounts.clone(), caller.clone(), proof.clone());
    let known = name.clone();
    let entered: Result<String, ApiError> = accounts
        .platform
        .store
        .write(transaction!(|tx| {
            let key = dpop::spend(tx, shown.as_ref()).await?;
            // With two concurrent requests for a new id, the second finds the account of the first (seed H40).
            names::lock(tx, &admission.names(&name)).await?;
            // The owner is read again after the lock, because it may have changed before.
            if let Some(id) = identities::owner(tx, name.kind, &name.value).await? {
                accounts::lock(tx, &id).await?;
                if identities::owner(tx, name.kind, &name.value).await?.as_ref() == Some(&id) {
                    return Ok(enter(tx, &job.platform, &asking, &id, &admission, key).await?.id);
                }
            }
            let evidence = Evidence { proof: shown, ..Evidence::default() };
            let new = admission.sign_up()?;
            let done = registration::create(tx, &job, &asking, new, hash.as_ref(), &evidence, key).await?;
            done.session.ok_or_else(|| ApiError::internal("a sign-in without a session"))
        }))
        .await;
    match entered {
        Ok(session) => answer(&accounts.issuer, &session, &caller.devices, proof.as_ref()).await,
        Err(error) if is_verdict(error.code) => {
            let mut db = accounts.platform.store.read().await?;
            let account = accounts::by_identity(&mut db, known.kind, &known.value).await?;
            drop(db);
            Err(refuse(&accounts.platform, caller, proof, account, error.code).await)
        }
        Err(error) => Err(error),
    }
}

/// True for a refusal that depends on the account or its credentials. The audit log records it as a failed
/// sign-in.
pub fn is_verdict(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::UserIsDisabled
            | ErrorCode::SignupConfirmationNeeded
            | ErrorCode::IncorrectUsernameOrPassword
    )
}

/// Records a refused sign-in in the audit log. Returns the error for the response.
pub async fn refuse(
    platform: &Arc<Platform>,
    caller: Caller,
    proof: Option<Proof>,
    account: Option<Account>,
    code: ErrorCode,
) -> ApiError {
    let job = platform.clone();
    let written = platform
        .store
        .write(transaction!(|tx| {
            // The credentials were checked even if the DPoP proof is a replay, so the record is written then, too.
            let spent = match dpop::spend(tx, proof.as_ref()).await {
                Err(error) if error.code != ErrorCode::InvalidProof => return Err(error),
                spent => spent.map(drop),
            };
            let record = Record::of(Event::SignInFailed).detail(code.as_str());
            let record = Record { account: account.as_ref().map(|account| account.id.as_str()), ..record };
            record.write(tx, &job.world, &caller, job.world.now()).await?;
            // Only a wrong password counts as a guess. The other refusals follow a successful check.
            if code == ErrorCode::IncorrectUsernameOrPassword {
                doorward_limits::failed(tx, &job, &caller, None).await?;
            }
            Ok::<_, ApiError>(spent)
        }))
        .await;
    written.and_then(|spent| spent).err().unwrap_or_else(|| code.into())
}
