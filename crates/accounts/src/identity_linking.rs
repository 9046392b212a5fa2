//! Links identities at providers to accounts. An identity is (provider, issuer, subject), never an address
//! (SECURITY A01). A signed-in user can link it to the account of the session. A sign-in links it to the account with
//! the same e-mail address, but only if the provider vouches for the address and the operator trusts the provider
//! (SECURITY A02). If the address was not proven here before, this is its first proof: see
//! [`crate::addresses::first_proof`].

use doorward_core::message::Message;
use doorward_core::password_hash::PasswordHash;
use doorward_credentials::dpop::Thumbprint;
use doorward_hooks::Hooks;
use doorward_messages::outbox;
use doorward_protocol::error::ErrorCode;
use doorward_providers::Person;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Granted;
use doorward_request::platform::Platform;
use doorward_store::identities::{self, Identity, Kind, Link};
use doorward_store::{StoreError, Tx, accounts};

use crate::addresses::contacts::Contact;
use crate::addresses::first_proof::{self, Evidence, Standing};
use crate::addresses::keep_a_way_in;
use crate::approved::{self, Admission, Approved, Attempt, Found};
use crate::flows::FlowOutcome;
use crate::service::Accounts;
use crate::sessions::current::CurrentSession;
use crate::sign_up::SignUp;
use crate::{names, registration, signin};

/// A user's identity at a provider, as a name of an account.
pub fn identity(provider: &str, person: &Person) -> Identity {
    Identity::at_provider(provider, &person.issuer, &person.subject, person.email.as_deref())
}

/// The user's e-mail address as a proven name of an account. `None` unless a trusted provider vouches for it.
pub fn vouched(person: &Person) -> Option<Identity> {
    let value = person.email.clone().filter(|_| person.vouched)?;
    Some(Identity { kind: Kind::Email, value, look: None, proven: true, origin: None })
}

/// Asks the hooks about the session that a sign-in with a provider may begin, or the account that it may
/// create.
pub async fn admit(
    hooks: &Hooks,
    caller: &Caller,
    attempt: &Approved<Attempt>,
    provider: &str,
    person: &Person,
    first: Option<Granted>,
    evidence: &Evidence,
) -> Result<Admission, ApiError> {
    let (name, address) = (identity(provider, person), vouched(person));
    let names = [Some(&name), address.as_ref()].into_iter().flatten().cloned().collect();
    let draft = first.map(|first| SignUp::of_first(&hooks.platform, names, provider, first)).transpose()?;
    let draft = draft.map(|mut draft| {
        draft.account.profile = person.profile.clone();
        draft
    });
    let find = async || {
        let mut db = hooks.platform.store.read().await?;
        if let Some(account) = accounts::by_identity(&mut db, name.kind, &name.value).await? {
            return Ok(Found::Account(account.into()));
        }
        let Some(contact) = address.as_ref().map(Contact::from) else { return Ok(Found::NoAccount) };
        let standing = first_proof::standing(&mut db, &contact, evidence).await?;
        if let Standing::Own(account) = &standing
            && has_identity_at(&mut db, &account.id, provider).await?
        {
            // No hook is asked, because `sign_in` will only offer to link the identity.
            return Ok(Found::Wrong);
        }
        Ok(standing.account_after(&hooks.platform, &contact).map_or(Found::NoAccount, Found::Account))
    };
    approved::admit(hooks, caller, attempt, draft, find).await
}

/// A sign-in with a provider, after the provider's answer and the hooks' approval.
pub struct ProviderSignIn<'a> {
    /// The provider's name in the settings.
    pub provider: &'a str,
    /// The user as the provider describes them.
    pub person: &'a Person,
    /// The approval of the hooks.
    pub admission: &'a Admission,
    /// The password of the account, if the sign-in creates one.
    pub password: Option<&'a PasswordHash>,
    /// The evidence that the user created the account that has the vouched address.
    pub evidence: &'a Evidence,
    /// The key that the session is bound to.
    pub key: Option<Thumbprint>,
}

/// Signs in to the account that has the identity, or else to the account that has the vouched address. If no
/// account has either, creates one if that is allowed. Otherwise offers the user to register or to link the
/// identity.
pub async fn sign_in(
    tx: &mut Tx,
    accounts: &Accounts,
    caller: &Caller,
    sign_in: ProviderSignIn<'_>,
) -> Result<FlowOutcome, ApiError> {
    let ProviderSignIn { provider, person, admission, password, evidence, key } = sign_in;
    let (name, address) = (identity(provider, person), vouched(person));
    let mut names = admission.names(&name);
    names.extend(address.clone().filter(|address| !names.iter().any(|name| name.value == address.value)));
    names::lock(tx, &names).await?;
    // The owner is read again after the lock, because it may have changed before.
    if let Some(account) = identities::owner(tx, name.kind, &name.value).await? {
        accounts::lock(tx, &account).await?;
        if identities::owner(tx, name.kind, &name.value).await?.as_ref() == Some(&account) {
            let session = signin::enter(tx, &accounts.platform, caller, &account, admission, key).await?.id;
            return Ok(FlowOutcome::SignedIn { session });
        }
    }
    if let Some(contact) = address.as_ref().map(Contact::from) {
        let standing = first_proof::locked_standing(tx, &contact, evidence).await?;
        let account = match &standing {
            // The account already has another identity at this provider, maybe of another person. The user decides
            // whether to link this one.
            Standing::Own(account) if has_identity_at(tx, &account.id, provider).await? => {
                return Ok(FlowOutcome::Offered);
            }
            Standing::Own(account) => Some(account),
            Standing::Unowned(account) => {
                first_proof::take_over_and_notify(tx, &accounts.hooks, caller, &contact, account).await?;
                Some(account)
            }
            Standing::OwnedByOther(_) | Standing::Free => None,
        };
        if let Some(account) = account {
            first_proof::note(tx, &accounts.platform, caller, &contact, account).await?;
            insert_identity(tx, &accounts.platform, caller, &account.id, provider, &name).await?;
            let session =
                signin::enter(tx, &accounts.platform, caller, &account.id, admission, key).await?.id;
            return Ok(FlowOutcome::SignedIn { session });
        }
    }
    if !admission.may_make_account() {
        return Ok(FlowOutcome::Offered);
    }
    let new = admission.sign_up()?;
    let done = registration::create(tx, accounts, caller, new, password, evidence, key).await?;
    let session = done.session.ok_or_else(|| ApiError::internal("a sign-in without a session"))?;
    Ok(FlowOutcome::SignedIn { session })
}

/// Links the identity at the provider to the account that is signed in.
pub async fn link(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    provider: &str,
    person: &Person,
    session: &CurrentSession,
) -> Result<FlowOutcome, ApiError> {
    let (name, account) = (identity(provider, person), &session.account.id);
    identities::lock(tx, name.kind, &name.value).await?;
    accounts::lock(tx, account).await?;
    // `CurrentSession::confirm` has used up the proof before the calls to the provider. The session may have ended
    // during these calls.
    doorward_store::sessions::lock(tx, &session.id).await?;
    let alive = doorward_store::sessions::live_account(tx, &session.id, platform.world.now()).await?;
    alive.ok_or(ErrorCode::SessionRequired)?;
    match identities::owner(tx, name.kind, &name.value).await? {
        Some(owner) if owner != *account => return Err(ErrorCode::SocialAccountInUse.into()),
        Some(_) => {}
        None if has_identity_at(tx, account, provider).await? => {
            let detail = "The account already has another identity at this provider. Unlink it first.";
            return Err(ApiError {
                field: Some("provider".into()),
                detail: Some(detail.into()),
                ..ErrorCode::Exists.into()
            });
        }
        None => insert_identity(tx, platform, caller, account, provider, &name).await?,
    }
    Ok(FlowOutcome::Linked { account: account.clone() })
}

/// Unlinks an account's identity at a provider, unless it is the last sign-in method. Returns the links that
/// remain.
pub async fn unlink(
    tx: &mut Tx,
    accounts: &Accounts,
    caller: &Caller,
    account: &str,
    provider: &str,
) -> Result<Vec<Link>, ApiError> {
    // Identities without a provider, like device ids, are unlinked by their kind.
    let is_removed = |name: &identities::Held| name.provider.as_deref().unwrap_or(&name.kind) == provider;
    let links = identities::links(tx, account).await?;
    if !links.iter().any(|link| link.provider == provider) {
        return Err(ErrorCode::NotFound.into());
    }
    keep_a_way_in(tx, accounts, account, is_removed).await?;
    identities::unlink(tx, account, provider).await?;
    record_and_notify(tx, &accounts.platform, caller, account, Event::IdentityUnlinked, provider).await?;
    Ok(identities::links(tx, account).await?)
}

/// True if the account has an identity at this provider.
async fn has_identity_at(tx: &mut Tx, account: &str, provider: &str) -> Result<bool, StoreError> {
    let held = identities::held(tx, account).await?;
    Ok(held.iter().any(|name| name.provider.as_deref() == Some(provider)))
}

async fn insert_identity(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    account: &str,
    provider: &str,
    name: &Identity,
) -> Result<(), ApiError> {
    accounts::lock(tx, account).await?;
    identities::insert(tx, name, account, platform.world.now()).await.map_err(|error| match error {
        StoreError::Conflict => ErrorCode::SocialAccountInUse.into(),
        error => ApiError::from(error),
    })?;
    Ok(record_and_notify(tx, platform, caller, account, Event::IdentityLinked, provider).await?)
}

/// Writes the audit record and notifies the owner of the account.
async fn record_and_notify(
    tx: &mut Tx,
    platform: &Platform,
    caller: &Caller,
    account: &str,
    event: Event,
    provider: &str,
) -> Result<(), StoreError> {
    let now = platform.world.now();
    accounts::touch(tx, account, now).await?;
    Record::of(event).account(account).detail(provider).write(tx, &platform.world, caller, now).await?;
    let account = accounts::by_id(tx, account).await?;
    match account.as_ref().and_then(|account| account.told_at()) {
        Some(address) => {
            outbox::notice(tx, &platform.world, caller, Message::IdentitiesChanged, address).await
        }
        None => Ok(()),
    }
}
