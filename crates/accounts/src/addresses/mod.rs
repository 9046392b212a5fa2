//! The e-mail address and the phone number of an account: adding, replacing and removing them. The user must
//! have signed in recently (D-9) and proves every contact with a code.

pub mod challenges;
pub mod contacts;
pub mod domains;
pub mod first_proof;

use std::sync::Arc;

use doorward_core::message::Message;
use doorward_core::one_time_code::Scene;
use doorward_limits::{self, Purpose};
use doorward_messages::outbox;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::GivenCode;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::idempotency::{self, Claim, Idempotency};
use doorward_request::platform::Platform;
use doorward_store::accounts::{self, Account};
use doorward_store::identities::{self, Held, Kind};
use doorward_store::{StoreError, Tx, passwords, transaction};

use challenges::Verdict;
use contacts::Contact;
use first_proof::{Evidence, Standing};

use crate::service::Accounts;
use crate::sessions::current::CurrentSession;

/// A contact with the code that was sent to it.
#[derive(Debug)]
pub struct Proven {
    /// The contact.
    pub contact: Contact,
    /// The code.
    pub code: GivenCode,
}

/// A change of the contact of one kind.
#[derive(Debug)]
pub enum Change {
    /// Adds the first contact, or proves the one from the sign-up.
    Bind(Proven),
    /// Replaces the contact.
    Replace {
        /// The new contact.
        new: Proven,
        /// The old contact, if the request proves it.
        old: Option<Proven>,
    },
    /// Removes the contact.
    Unbind(Kind),
}

impl Change {
    fn kind(&self) -> Kind {
        match self {
            Change::Bind(new) | Change::Replace { new, .. } => new.contact.kind,
            Change::Unbind(kind) => *kind,
        }
    }

    fn given(&self) -> Option<&Proven> {
        match self {
            Change::Bind(new) | Change::Replace { new, .. } => Some(new),
            Change::Unbind(_) => None,
        }
    }
}

/// Checks the age of the session, the domain lists and the limits, before hooks are asked and before any
/// lookup.
pub async fn admit(
    accounts: &Arc<Accounts>,
    caller: &Caller,
    session: &CurrentSession,
    change: &Change,
) -> Result<(), ApiError> {
    session.fresh(&accounts.platform)?;
    if let Some(new) = change.given()
        && new.contact.kind == Kind::Email
        && session.account.email.as_ref() != Some(&new.contact.value)
    {
        domains::admit(&accounts.platform.config.signup, &new.contact.value)?;
    }
    match change.given() {
        Some(new) => {
            doorward_limits::admit(&accounts.limits, caller, Purpose::Code, new.contact.subject()).await
        }
        None => Ok(()),
    }
}

/// Carries out the change. Returns the account after it.
pub async fn change(
    accounts: &Arc<Accounts>,
    caller: Caller,
    session: CurrentSession,
    change: Change,
    idempotency: Option<Idempotency>,
) -> Result<Account, ApiError> {
    let (job, id) = (accounts.clone(), session.account.id.clone());
    let verdict = accounts
        .platform
        .store
        .write(transaction!(|tx| {
            let now = job.platform.world.now();
            // Names are locked before accounts, as in all transactions.
            if let Some(new) = change.given() {
                identities::lock(tx, new.contact.kind, &new.contact.value).await?;
            }
            session.confirm(tx, now).await?;
            let claim = match idempotency::claim(tx, idempotency.as_ref(), now).await? {
                Claim::New(claim) => claim,
                Claim::Done(verdict) => return Ok(verdict),
            };
            let account = &session.account.id;
            let account = accounts::by_id(tx, account).await?.ok_or(ErrorCode::SessionRequired)?;
            let verdict = carry_out(tx, &job, &caller, &account, &change).await?;
            claim.answer(tx, &verdict).await?;
            Ok::<Verdict, ApiError>(verdict)
        }))
        .await?;
    accounts.outbox.wake_up.signal();
    verdict.met()?;
    let mut db = accounts.platform.store.read().await?;
    Ok(accounts::by_id(&mut db, &id).await?.ok_or(ErrorCode::SessionRequired)?)
}

async fn carry_out(
    tx: &mut Tx,
    accounts: &Accounts,
    caller: &Caller,
    account: &Account,
    change: &Change,
) -> Result<Verdict, ApiError> {
    let kind = change.kind();
    let present = if kind == Kind::Phone { account.phone.as_ref() } else { account.email.as_ref() };
    match (change, present) {
        // The user proves the contact that was given at sign-up.
        (Change::Bind(new), Some(present))
            if new.contact.value == *present && account.proven_email() != Some(present.as_str()) => {}
        (Change::Bind(_), Some(_)) => {
            return Err(bad_request("The account already has an address of this kind. Change it."));
        }
        // The number was given at sign-up and never proven.
        (Change::Unbind(Kind::Phone), None) if account.phone_number.is_some() => {}
        (Change::Replace { .. } | Change::Unbind(_), None) => {
            return Err(bad_request("The account has no address of this kind yet. Add one first."));
        }
        (Change::Unbind(_), Some(_)) => {
            keep_a_way_in(tx, accounts, &account.id, |name| name.kind == kind.as_str()).await?;
        }
        (Change::Replace { new, old }, Some(present)) => {
            if new.contact.value == *present {
                return Err(ApiError::field(new.contact.field(), "This is already your address or number."));
            }
            if let Some(code) = prove_old(tx, &accounts.platform, caller, account, kind, old.as_ref()).await?
            {
                return Ok(Verdict::refused(code));
            }
        }
        (Change::Bind(_), None) => {}
    }
    if let Some(new) = change.given() {
        if let Some(code) = prove(tx, &accounts.platform, caller, account, new).await? {
            if let Change::Replace { old: Some(old), .. } = change {
                // The old code was right, and the next attempt needs it again.
                doorward_store::challenges::restore(tx, scene(kind), &account.id, &old.contact.value).await?;
            }
            return Ok(Verdict::refused(code));
        }
        release_claim(tx, &accounts.platform, caller, &new.contact, &account.id).await?;
        let owner = identities::owner(tx, kind, &new.contact.value).await?;
        if owner.is_some_and(|owner| owner != account.id) {
            // Another account has proven the contact. Accounts are not merged automatically (seed X15). The
            // codes stay valid.
            return Err(ErrorCode::MergeRequired.into());
        }
    }
    write(tx, &accounts.platform, caller, account, change, present).await?;
    Ok(Verdict::Met { account: account.id.clone(), redirect: None })
}

/// Removes the contact from another account that only claims it, because this user has proven it.
async fn release_claim(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    contact: &Contact,
    account: &str,
) -> Result<(), StoreError> {
    match first_proof::locked_standing(tx, contact, &Evidence::default()).await? {
        Standing::Unowned(other) | Standing::OwnedByOther(other) if other.id != account => {
            first_proof::release(tx, platform, caller, contact, &other).await
        }
        _ => Ok(()),
    }
}

fn bad_request(detail: &'static str) -> ApiError {
    ApiError::request(400, detail)
}

/// The scene of the codes that prove the old and the new contact of this kind.
fn scene(kind: Kind) -> Scene {
    if kind == Kind::Phone { Scene::BindPhone } else { Scene::ChangeEmail }
}

/// Checks the code for the old contact, if one is required. An e-mail address that was never proven needs none:
/// it may be mistyped, and then the user cannot read the code.
async fn prove_old(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    account: &Account,
    kind: Kind,
    old: Option<&Proven>,
) -> Result<Option<ErrorCode>, ApiError> {
    let (needed, present, field, code_field) = match kind {
        Kind::Phone => {
            (platform.config.phone.verify_old, &account.phone, "old_phone_number", "old_phone_code")
        }
        _ => {
            let needed = platform.config.email.verify_old && account.email_verified_at.is_some();
            (needed, &account.email, "old_email", "old_email_code")
        }
    };
    match old {
        None if needed => Err(ApiError::field(
            code_field,
            "The code that was sent to the current address or number is also required.",
        )),
        Some(old) if Some(&old.contact.value) != present.as_ref() => {
            Err(ApiError::field(field, "This does not belong to your account."))
        }
        Some(old) if needed => prove(tx, platform, caller, account, old).await,
        Some(_) | None => Ok(None),
    }
}

/// Consumes a code that was sent for this account. Returns the reason of a refusal.
async fn prove(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    account: &Account,
    proven: &Proven,
) -> Result<Option<ErrorCode>, ApiError> {
    let (contact, scene) = (&proven.contact, scene(proven.contact.kind));
    challenges::consume_own(tx, platform, caller, scene, &account.id, contact.proof(&proven.code)).await
}

/// Returns an error if the change would remove the last sign-in method and so lock the owner out. `is_removed`
/// selects the names that the change removes.
pub async fn keep_a_way_in(
    tx: &mut Tx,
    accounts: &Accounts,
    account: &str,
    is_removed: impl Fn(&Held) -> bool,
) -> Result<(), ApiError> {
    let has_password = passwords::of(tx, account).await?.is_some();
    let names = identities::held(tx, account).await?;
    if names.iter().any(|name| !is_removed(name) && contacts::is_way_in(accounts, name, has_password)) {
        return Ok(());
    }
    let detail = "This is the last sign-in method of the account. Add another first: an address, a number, or a password.";
    Err(ApiError { detail: Some(detail.into()), ..ErrorCode::Forbidden.into() })
}

/// Writes the change, and notifies the owner at the contact that the account had before (SECURITY A05).
async fn write(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    account: &Account,
    change: &Change,
    present: Option<&String>,
) -> Result<(), ApiError> {
    let (now, kind, id) = (platform.world.now(), change.kind(), account.id.as_str());
    identities::remove(tx, kind, id).await?;
    if let Some(present) = present {
        doorward_store::challenges::void_all(tx, present).await?;
    }
    if let Some(new) = change.given() {
        let name = new.contact.identity(true);
        identities::insert(tx, &name, id, now).await.map_err(|error| match error {
            StoreError::Conflict => ErrorCode::MergeRequired.into(),
            error => ApiError::from(error),
        })?;
    }
    if kind == Kind::Phone {
        accounts::forget_phone(tx, id).await?;
    }
    if kind == Kind::Email && change.given().is_some() {
        accounts::confirm(tx, id).await?;
    }
    accounts::touch(tx, id, now).await?;
    if let Some(address) = account.told_at() {
        outbox::notice(tx, &platform.world, caller, Message::AddressChanged, address).await?;
    }
    let event = match (kind, change) {
        (Kind::Phone, Change::Bind(_)) => Event::PhoneBound,
        (Kind::Phone, Change::Replace { .. }) => Event::PhoneChanged,
        (Kind::Phone, Change::Unbind(_)) => Event::PhoneUnbound,
        (_, Change::Bind(_)) => Event::EmailBound,
        (_, Change::Replace { .. }) => Event::EmailChanged,
        (_, Change::Unbind(_)) => Event::EmailUnbound,
    };
    Ok(Record::of(event).account(id).write(tx, &platform.world, caller, now).await?)
}
