//! Creates accounts. The sign-in method supplies the names and their proof. The rest is the same for all
//! methods.

use std::sync::Arc;

use doorward_core::canonical;
use doorward_core::message::Message;
use doorward_core::one_time_code::Scene;
use doorward_core::password_hash::PasswordHash;
use doorward_credentials::dpop::{Proof, Thumbprint};
use doorward_credentials::signing::TokenIssuer;
use doorward_hooks::Hooks;
use doorward_messages::outbox;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::signup::SignupAnswer;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Granted;
use doorward_request::platform::Platform;
use doorward_store::accounts::{self, Account};
use doorward_store::identities::{self, Identity, Kind};
use doorward_store::{StoreError, Tx, passwords, transaction};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::addresses::contacts::Contact;
use crate::addresses::first_proof::{self, Evidence, Standing};
use crate::approved::NewAccount;
use crate::names::{exists, is_secret, is_taken};
use crate::service::Accounts;
use crate::sign_up::FirstSession;
use crate::signin;

/// The result of a sign-up, stored for a repeated request. It contains only ids, so that a repetition mints new
/// tokens (D-16).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Done {
    /// True if the address must be confirmed before the first sign-in.
    pub confirmation_required: bool,
    /// The id of the account. `None` if the response must not reveal that the account was created.
    #[serde(default)]
    pub account: Option<String>,
    /// The id of the new session, if one began.
    pub session: Option<String>,
    /// True if the account began with an unproven address. The owner of the address may take the account over.
    #[serde(default)]
    pub has_claim: bool,
}

/// Creates the account with its names, password, session, mail and audit record, all in the caller's
/// transaction. The caller has locked the names.
pub async fn create(
    tx: &mut Tx,
    accounts: &Accounts,
    caller: &Caller,
    new: &NewAccount,
    password: Option<&PasswordHash>,
    evidence: &Evidence,
    key: Option<Thumbprint>,
) -> Result<Done, ApiError> {
    let (now, plan) = (accounts.platform.world.now(), &new.sign_up);
    if plan.is_first {
        plan.check_domains(&accounts.platform)?;
    }
    for name in plan.names.iter().filter(|name| matches!(name.kind, Kind::Email | Kind::Phone)) {
        make_room(tx, &accounts.hooks, caller, name, evidence).await?;
    }
    if let Some(taken) = plan.taken(tx).await? {
        return Err(taken);
    }
    for name in &plan.names {
        if is_taken(tx, name).await? {
            outbox::notice(tx, &accounts.platform.world, caller, Message::AccountExists, &name.value).await?;
            doorward_limits::spend_message(tx, &accounts.limits, caller, &name.value).await?;
            Record::of(Event::SignupRepeated).write(tx, &accounts.platform.world, caller, now).await?;
            return Ok(Done { confirmation_required: true, account: None, session: None, has_claim: true });
        }
    }
    let signup_key = evidence.proof.as_ref().map(|proof| proof.key().to_owned());
    let account = &Account { signup_key, ..plan.account.clone() };
    accounts::insert(tx, account).await?;
    for name in &plan.names {
        identities::insert(tx, name, &account.id, now).await.map_err(|error| match error {
            // Two concurrent sign-ups: the unique constraint decides.
            StoreError::Conflict => exists(name),
            error => error.into(),
        })?;
    }
    doorward_limits::inherited(tx, &accounts.platform, &plan.names, &account.id).await?;
    if let Some(password) = password {
        passwords::set(tx, &account.id, password, now).await?;
    }
    let record = Record::of(Event::SignedUp).account(&account.id).detail(&plan.method);
    record.write(tx, &accounts.platform.world, caller, now).await?;
    if let Some(email) = plan.names.iter().find(|name| is_secret(name)) {
        let redirect = plan.redirect.as_ref().map(Url::as_str);
        let scene = Scene::VerifyEmail;
        outbox::challenge(tx, &accounts.platform.world, caller, scene, &email.value, None, redirect).await?;
    }
    let session = match &new.sign_in {
        Some(sign_in) => {
            if plan.session == Some(FirstSession::Counted) {
                accounts::count_login(tx, &account.id, now).await?;
            }
            Some(signin::begin(tx, &accounts.platform, caller, &account.id, sign_in, key).await?)
        }
        None => None,
    };
    let session = session.map(|session| session.id);
    if plan.is_first {
        doorward_limits::spend_signup(tx, &accounts.limits, caller).await?;
    }
    // Last in every transaction, because all concurrent mails wait for these rows.
    if let Some(email) = plan.names.iter().find(|name| is_secret(name)) {
        doorward_limits::spend_message(tx, &accounts.limits, caller, &email.value).await?;
    }
    // With a quiet sign-up, the response is the same for a taken address, so it must not contain the account.
    let is_shown = !(plan.quiet && plan.names.iter().any(is_secret));
    let account_id = is_shown.then(|| account.id.clone());
    let has_claim = plan.names.iter().any(is_secret);
    Ok(Done { confirmation_required: account.confirmation_required, account: account_id, session, has_claim })
}

/// Removes a name of the new account from the account that has it now (D-39). An account that only claims the
/// name always loses it. An account without an owner is replaced, but only if this sign-up proves the name.
async fn make_room(
    tx: &mut Tx,
    hooks: &Hooks,
    caller: &Caller,
    name: &Identity,
    evidence: &Evidence,
) -> Result<(), ApiError> {
    let contact = Contact::from(name);
    let no_evidence = Evidence::default();
    let evidence = if name.proven { evidence } else { &no_evidence };
    match first_proof::locked_standing(tx, &contact, evidence).await? {
        Standing::OwnedByOther(account) => {
            Ok(first_proof::release(tx, &hooks.platform, caller, &contact, &account).await?)
        }
        // A new sign-up must not reopen a disabled account.
        Standing::Unowned(account) if name.proven && account.disabled => {
            Err(ErrorCode::UserIsDisabled.into())
        }
        Standing::Unowned(account) if name.proven => {
            Ok(first_proof::replace(tx, hooks, caller, &contact, &account).await?)
        }
        Standing::Free | Standing::Own(_) | Standing::Unowned(_) => Ok(()),
    }
}

/// The response to a sign-up, new or repeated.
pub async fn answer(
    issuer: &TokenIssuer,
    done: &Done,
    proof: Option<&Proof>,
) -> Result<SignupAnswer, ApiError> {
    let session = match &done.session {
        // The session may have ended meanwhile. Then the response has no tokens.
        Some(id) => signin::tokens_of(issuer, id, &[], proof).await?,
        None => None,
    };
    let user = match &done.account {
        Some(id) => {
            let mut db = issuer.platform.store.read().await?;
            accounts::by_id(&mut db, id).await?.map(|account| account.to_profile())
        }
        None => None,
    };
    Ok(SignupAnswer { confirmation_required: done.confirmation_required, user, session })
}

/// The response to a repeated sign-up. Only the proof of the key is written.
pub async fn repeat(
    issuer: &Arc<TokenIssuer>,
    done: &Done,
    proof: Option<Proof>,
) -> Result<SignupAnswer, ApiError> {
    if let Some(spent) = proof.clone() {
        issuer.platform.store.write(transaction!(|tx| spent.spend(tx).await)).await?;
    }
    let answer = answer(issuer, done, proof.as_ref()).await?;
    if !done.has_claim || answer.session.is_some() {
        return Ok(answer);
    }
    // Once the address is proven, the account may belong to another user, so it is not shown.
    let email = answer.user.as_ref().and_then(|user| user.email.as_deref()).and_then(canonical::email);
    let holder = match email {
        Some(email) => {
            identities::holder(&mut *issuer.platform.store.read().await?, Kind::Email, &email).await?
        }
        None => None,
    };
    let user = answer.user.filter(|_| holder.is_some_and(|holder| !holder.is_proven));
    Ok(SignupAnswer { user, ..answer })
}

/// The grants for an account that a first sign-in may create. `None` if it may not create one. `allowed` is the
/// operator's setting, `asked` is the option of the request: it can forbid the account, but not allow it
/// against the operator's setting.
pub fn first(
    platform: &Platform,
    allowed: bool,
    asked: Option<bool>,
    granted: Granted,
) -> Result<Option<Granted>, ApiError> {
    let allowed = (allowed || granted.create) && platform.config.signup.open;
    match asked {
        Some(true) if !allowed => Err(ApiError::field(
            "options.auto_register",
            "This server does not create accounts with this sign-in method.",
        )),
        asked => Ok((allowed && asked != Some(false)).then_some(granted)),
    }
}
