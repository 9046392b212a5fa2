//! The first proof of an address (D-39). An account has no owner as long as none of its names is proven: an
//! attacker may have created it, and may wait for the owner of the address to confirm it. So the first proof
//! keeps the account as it is only with evidence, in the same request, that the same user created it. Without
//! evidence, the account is taken over. If another name of it is proven, the address is removed from it
//! instead.

use doorward_core::message::Message;
use doorward_core::operation::Operation;
use doorward_core::password_hash::PasswordHash;
use doorward_credentials::dpop::{self, Proof};
use doorward_hooks::Hooks;
use doorward_messages::outbox;
use doorward_protocol::error::ErrorCode;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Principal;
use doorward_request::platform::Platform;
use doorward_store::accounts::{self, Account};
use doorward_store::identities::{self, Kind};
use doorward_store::{StoreError, Tx, challenges, directory, passwords, sessions};
use serde_json::{Map, Value};

use crate::addresses::contacts::{self, Contact};
use crate::profiles;
use crate::sessions::current::CurrentSession;

/// Evidence that the user who proves an address also created the account. A known device is not evidence.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// A proof by the key of the sign-up.
    pub proof: Option<Proof>,
    /// A session of the account.
    pub session: Option<Box<CurrentSession>>,
    /// The password hash of the account, after the user's password has matched it.
    pub password: Option<PasswordHash>,
}

impl Evidence {
    /// Uses up the proofs of the request.
    pub async fn spend(&self, tx: &mut Tx, platform: &Platform) -> Result<(), ApiError> {
        match &self.session {
            Some(session) => session.confirm(tx, platform.world.now()).await,
            None => dpop::spend(tx, self.proof.as_ref()).await.map(drop),
        }
    }

    /// True if the same user created this account.
    pub async fn is_for(&self, db: &mut Tx, account: &Account) -> Result<bool, StoreError> {
        if self.session.as_ref().is_some_and(|session| session.account.id == account.id) {
            return Ok(true);
        }
        if let (Some(proof), Some(key)) = (&self.proof, &account.signup_key)
            && proof.is_by(key)
        {
            return Ok(true);
        }
        match &self.password {
            // The password may have changed since the check.
            Some(verified) => Ok(passwords::of(db, &account.id).await?.as_ref() == Some(verified)),
            None => Ok(false),
        }
    }
}

/// The user who proves an address: the account and session for hooks, and the evidence.
#[derive(Debug, Default)]
pub struct Prover {
    /// The present account and session, for hooks.
    pub who: Principal,
    /// The evidence that the user created the account.
    pub evidence: Evidence,
}

/// The owner of the account that has an address, compared with the user who proves the address.
#[derive(Clone, Debug)]
pub enum Standing {
    /// No account has the address.
    Free,
    /// The account is the user's own: the address was proven before, or there is evidence.
    Own(Box<Account>),
    /// The account has no owner yet: none of its names was proven.
    Unowned(Box<Account>),
    /// The account belongs to another user, who only claims the address.
    OwnedByOther(Box<Account>),
}

impl Standing {
    /// The account after the proof, if it then belongs to the user. Hooks see this form. For an account that is
    /// taken over it contains only the data that the takeover keeps.
    pub fn account_after(self, platform: &Platform, contact: &Contact) -> Option<Box<Account>> {
        let mut account = match self {
            Standing::Own(account) => account,
            Standing::Unowned(account) => {
                let begun = Account::new(
                    account.id.clone(),
                    platform.config.roles.default.clone(),
                    account.created_at,
                );
                let profile = profiles::shown_to_all(account.profile.clone());
                let Account { username, email, disabled, logins_count, last_login, .. } = *account;
                Box::new(Account { username, email, disabled, logins_count, last_login, profile, ..begun })
            }
            Standing::Free | Standing::OwnedByOther(_) => return None,
        };
        account.confirmation_required = false;
        if contact.kind == Kind::Email {
            account.email_verified_at.get_or_insert(platform.world.now());
        }
        Some(account)
    }
}

/// Finds the account with this address and its owner. Within a transaction, call [`locked_standing`].
pub async fn standing(db: &mut Tx, contact: &Contact, evidence: &Evidence) -> Result<Standing, StoreError> {
    let Some(holder) = identities::holder(db, contact.kind, &contact.value).await? else {
        return Ok(Standing::Free);
    };
    let Some(account) = accounts::by_id(db, &holder.account).await? else { return Ok(Standing::Free) };
    let account = Box::new(account);
    Ok(if holder.is_proven || evidence.is_for(db, &account).await? {
        Standing::Own(account)
    } else if holder.has_another {
        Standing::OwnedByOther(account)
    } else {
        Standing::Unowned(account)
    })
}

/// Like [`standing`], but locks the account, so that the result stays true until the end of the transaction.
pub async fn locked_standing(
    tx: &mut Tx,
    contact: &Contact,
    evidence: &Evidence,
) -> Result<Standing, StoreError> {
    if let Some(id) = identities::owner(tx, contact.kind, &contact.value).await? {
        accounts::lock(tx, &id).await?;
    }
    standing(tx, contact, evidence).await
}

/// Records that the address is proven.
pub async fn note(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    contact: &Contact,
    account: &Account,
) -> Result<(), StoreError> {
    let now = platform.world.now();
    identities::verify(tx, contact.kind, &contact.value, &account.id, now).await?;
    accounts::confirm(tx, &account.id).await?;
    if contact.kind != Kind::Email || account.proven_email() == Some(&contact.value) {
        return Ok(());
    }
    let record = Record::of(Event::EmailVerified).account(&account.id);
    record.write(tx, &platform.world, caller, now).await
}

/// Takes over an account that has no owner yet: ends its sessions, and removes its password, codes and other
/// data. The address, the username and the public part of the profile remain. Returns whether there was a
/// password.
pub async fn take_over(
    tx: &mut Tx,
    hooks: &Hooks,
    caller: &Caller,
    contact: &Contact,
    account: &Account,
) -> Result<bool, StoreError> {
    let (id, now) = (account.id.as_str(), hooks.platform.world.now());
    sessions::delete_all(tx, id).await?;
    let had_password = passwords::remove(tx, id).await?;
    identities::remove_others(tx, contact.kind, &contact.value, id).await?;
    challenges::void_of(tx, id).await?;
    let shown = profiles::shown_to_all(account.profile.clone());
    accounts::begin_anew(tx, id, &shown, &hooks.platform.config.roles.default).await?;
    record_takeover(tx, hooks, caller, contact, id).await?;
    accounts::touch(tx, id, now).await?;
    Ok(had_password)
}

/// Like [`take_over`], for a proof that sets no password: notifies the owner of the address that the password
/// was removed.
pub async fn take_over_and_notify(
    tx: &mut Tx,
    hooks: &Hooks,
    caller: &Caller,
    contact: &Contact,
    account: &Account,
) -> Result<(), StoreError> {
    match take_over(tx, hooks, caller, contact, account).await? {
        true => {
            outbox::notice(tx, &hooks.platform.world, caller, Message::PasswordChanged, &contact.value).await
        }
        false => Ok(()),
    }
}

/// Deletes an account that has no owner yet, because the owner of its address creates a new one.
pub async fn replace(
    tx: &mut Tx,
    hooks: &Hooks,
    caller: &Caller,
    contact: &Contact,
    account: &Account,
) -> Result<(), StoreError> {
    record_takeover(tx, hooks, caller, contact, &account.id).await?;
    directory::erase(tx, &account.id).await.map(drop)
}

async fn record_takeover(
    tx: &mut Tx,
    hooks: &Hooks,
    caller: &Caller,
    contact: &Contact,
    account: &str,
) -> Result<(), StoreError> {
    let record = Record::of(Event::AccountClaimed).account(account).detail(contact.kind.as_str());
    record.write(tx, &hooks.platform.world, caller, hooks.platform.world.now()).await?;
    let field = contacts::field(contact.kind).to_owned();
    let fields = Map::from_iter([(field, Value::from(contact.value.as_str()))]);
    doorward_hooks::queue_event(tx, hooks, caller, Operation::AccountClaimed, fields, account).await
}

/// Removes the address from an account that only claims it. Notifies the owner of that account at a proven
/// contact.
pub async fn release(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    contact: &Contact,
    account: &Account,
) -> Result<(), StoreError> {
    identities::release(tx, contact.kind, &contact.value, &account.id).await?;
    let record = Record::of(Event::ClaimReleased).account(&account.id).detail(contact.kind.as_str());
    record.write(tx, &platform.world, caller, platform.world.now()).await?;
    match account.told_at() {
        Some(address) => outbox::notice(tx, &platform.world, caller, Message::AddressChanged, address).await,
        None => Ok(()),
    }
}

/// The error for a first proof that only removed the address from another account.
pub fn address_left() -> ApiError {
    let detail = "The address was removed from the account of another user. You can sign up with it now.";
    ApiError { field: Some("email".into()), detail: Some(detail.into()), ..ErrorCode::NotFound.into() }
}
