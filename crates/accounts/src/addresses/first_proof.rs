//! The first proof of an address (D-39). As long as none of its names was proven, an account has no owner: a stranger may
//! have prepared it, and wait for the owner of the address to confirm it. So the first proof keeps what was prepared only with
//! evidence, in the same request, that the same person prepared it. Without evidence the account is taken over; or, if another
//! name of it is proven, the address leaves it.

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

/// What shows that the person who proves an address has also prepared the account. A known device is no evidence.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// A proof by the key that the signup was made with.
    pub proof: Option<Proof>,
    /// A session of the account.
    pub session: Option<Box<CurrentSession>>,
    /// The password of the account, which was verified.
    pub password: Option<PasswordHash>,
}

impl Evidence {
    /// Uses up the proofs that came with the request.
    pub async fn spend(&self, tx: &mut Tx, platform: &Platform) -> Result<(), ApiError> {
        match &self.session {
            Some(session) => session.confirm(tx, platform.world.now()).await,
            None => dpop::spend(tx, self.proof.as_ref()).await.map(drop),
        }
    }

    /// Does it show that this account was prepared by the same person?
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
            // It may have been replaced since it was verified.
            Some(verified) => Ok(passwords::of(db, &account.id).await?.as_ref() == Some(verified)),
            None => Ok(false),
        }
    }
}

/// What came with a proof of an address: evidence, and the session for hooks.
#[derive(Debug, Default)]
pub struct Prover {
    /// For hooks.
    pub who: Principal,
    /// The proof of a key, or a session.
    pub evidence: Evidence,
}

/// To whom the account with an address belongs, when a person proves the address.
#[derive(Clone, Debug)]
pub enum Standing {
    /// No account has the address.
    Free,
    /// The account is the person's own: the address was proven before, or there is evidence.
    Own(Box<Account>),
    /// The account has no owner yet: none of its names was proven.
    Unowned(Box<Account>),
    /// The account belongs to another person, who only claims the address.
    OwnedByOther(Box<Account>),
}

impl Standing {
    /// The account as the proof leaves it, if it then belongs to the person. Hooks see this one: of an account that is taken
    /// over they do not see what the earlier holder entered.
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

/// To whom the account with this address belongs. Within a transaction, call [`locked_standing`].
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

/// The same, with the account locked: what is said of it stays true until the end of the transaction.
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

/// Notes that the address is proven.
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

/// Takes over an account that has no owner yet: all that was prepared ends. The address and the username stay, and what others
/// see of the profile. Answers whether there was a password.
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

/// The same for a proof that sets no password: the owner of the address is told that there is none any more.
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

/// Deletes an account that has no owner yet, since the owner of its address makes one of their own.
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

/// Takes the address from an account that only claims it, and tells its owner where they have proven to be reached.
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

/// The answer to a first proof that has only taken an address from another account.
pub fn address_left() -> ApiError {
    let detail = "The address belonged to the account of another person, and has left it. You can sign up with it now.";
    ApiError { field: Some("email".into()), detail: Some(detail.into()), ..ErrorCode::NotFound.into() }
}
