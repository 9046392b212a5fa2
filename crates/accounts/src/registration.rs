//! Creating an account, whatever it is known by. A method brings the names and what proves them; what else an account
//! begins with is the same for all.

use doorward_core::canonical;
use doorward_core::profile;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::profile::ProfileInput;
use doorward_protocol::signup::{FirstSignIn, SignupAnswer, SignupConfirmation, SignupOptions};
use doorward_request::platform::Platform;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use url::Url;

use crate::approved::NewAccount;
use crate::contacts::{self, Contact};
use crate::domains;
use crate::first_proof::{self, Evidence, Standing};
use crate::service::Accounts;
use crate::{screening, signin};
use doorward_config::{Confirmation, SignupDisclosure};
use doorward_core::local_address::is_local;
use doorward_core::message::Message;
use doorward_core::one_time_code::Scene;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::Secret;
use doorward_credentials::dpop::{Proof, Thumbprint};
use doorward_credentials::passwords::Turn;
use doorward_credentials::signing::TokenIssuer;
use doorward_hooks::Hooks;
use doorward_messages::outbox;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Granted;
use doorward_request::values;
use doorward_store::accounts::Account;
use doorward_store::identities::{Identity, Kind};
use doorward_store::{StoreError, Tx, accounts, identities, passwords};

/// An account that is to be made: the draft that the hooks are asked about.
#[derive(Clone, Debug)]
pub struct SignUp {
    /// What it begins with.
    pub account: Account,
    /// What it is known by.
    pub names: Vec<Identity>,
    /// Its first password.
    pub password: Option<Secret>,
    /// Does a session begin with it, and how is that counted?
    pub session: Option<FirstSession>,
    /// Where the confirmation ends.
    pub redirect: Option<Url>,
    /// Must the answer be the same for a taken address?
    pub quiet: bool,
    /// The method that makes it.
    pub method: String,
    /// Does a sign-in make it? It is not limited as a signup yet.
    pub is_first: bool,
    /// Has a hook said which roles it has?
    pub has_granted_roles: bool,
}

/// How the session that comes with a signup is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstSession {
    /// As a login would be (seed A06).
    Counted,
    /// Not as a login (seed A07).
    Uncounted,
}

impl SignUp {
    /// The account of a signup. The operator decides, the page can only tighten (D-20).
    pub fn of_signup(
        platform: &Platform,
        options: SignupOptions,
        profile: ProfileInput,
        names: Vec<Identity>,
        method: &str,
    ) -> Result<SignUp, ApiError> {
        let settings = &platform.config.signup;
        let quiet = platform.config.disclosure.signup == SignupDisclosure::Quiet;
        let asked = match &options.signup_confirmation {
            Some(SignupConfirmation::Flag(asked)) => *asked,
            Some(SignupConfirmation::Redirect(_)) => true,
            None => false,
        };
        if quiet && names.iter().any(is_secret) && names.iter().any(|name| name.kind == Kind::Username) {
            // Whether it is taken afterwards would tell whether the address was free.
            return Err(ApiError::field("username", "Choose a username after the address is confirmed."));
        }
        let demanded = asked || settings.confirmation == Confirmation::Required;
        let unproven = names.iter().any(|name| name.kind == Kind::Email && !name.proven);
        if demanded && !unproven && !names.iter().any(|name| name.proven) {
            return Err(ApiError::field("email", "An address is needed, which is then confirmed by mail."));
        }
        let confirmation_required = (demanded || quiet) && unproven;
        let session = match (options.login.unwrap_or(false), options.generate_token.unwrap_or(false)) {
            // Both: a login it is (seed A09).
            (true, _) => Some(("options.login", FirstSession::Counted)),
            (false, true) => Some(("options.generate_token", FirstSession::Uncounted)),
            (false, false) => None,
        };
        if let Some((field, _)) = session {
            if confirmation_required {
                return Err(ApiError::field(
                    field,
                    "The address must be confirmed before the first sign-in.",
                ));
            }
            if !settings.auto_login {
                return Err(ApiError::field(field, "This server does not sign in with a signup."));
            }
        }
        let redirect = match options.signup_confirmation {
            Some(SignupConfirmation::Redirect(text)) => Some(redirect(platform, &text)?),
            _ => None,
        };
        let mut draft = SignUp::of_sign_in(platform, names, method)?;
        draft.check_domains(platform)?;
        let (profile, extras) = profile.merged();
        profile::check(&profile, &platform.config.profile.genders)?;
        values::take_over(&mut draft.account.extras, extras, &platform.config.profile)?;
        draft.account.profile = profile;
        draft.account.email_subscription = options.email_subscription.unwrap_or(false);
        draft.account.confirmation_required = confirmation_required;
        draft.session = session.map(|(_, session)| session);
        draft.redirect = redirect;
        draft.is_first = false;
        Ok(draft)
    }

    /// The account of a first sign-in, with what a hook has given.
    pub fn of_first(
        platform: &Platform,
        names: Vec<Identity>,
        method: &str,
        granted: Granted,
    ) -> Result<SignUp, ApiError> {
        Ok(SignUp::of_sign_in(platform, names, method)?.granted(granted))
    }

    /// The account of a first sign-in, which makes it.
    fn of_sign_in(platform: &Platform, names: Vec<Identity>, method: &str) -> Result<SignUp, ApiError> {
        if !platform.config.signup.open {
            return Err(ErrorCode::Forbidden.into());
        }
        let unproven = names.iter().any(|name| name.kind == Kind::Email && !name.proven);
        let now = platform.world.now();
        let beginning = platform.config.defaults.get(method);
        let roles = beginning
            .and_then(|beginning| beginning.roles.as_ref())
            .unwrap_or(&platform.config.roles.default);
        let mut account = Account::new(platform.world.id(), roles.clone(), now);
        account.extras = beginning.map(|beginning| beginning.extras.clone()).unwrap_or_default();
        account.confirmation_required =
            unproven && platform.config.signup.confirmation == Confirmation::Required;
        let quiet = platform.config.disclosure.signup == SignupDisclosure::Quiet;
        Ok(SignUp {
            account,
            names,
            password: None,
            session: Some(FirstSession::Counted),
            redirect: None,
            quiet,
            method: method.to_owned(),
            is_first: true,
            has_granted_roles: false,
        })
    }

    /// Gives the account what a hook says instead of what it would begin with.
    #[must_use]
    pub fn granted(mut self, granted: Granted) -> SignUp {
        if let Some(roles) = granted.roles {
            self.account.roles = roles;
            self.has_granted_roles = true;
        }
        self
    }

    /// Refuses addresses of domains that the operator does not want.
    pub fn check_domains(&self, platform: &Platform) -> Result<(), ApiError> {
        let mut addresses = self.names.iter().filter(|name| name.kind == Kind::Email);
        addresses.try_for_each(|name| domains::admit(&platform.config.signup, &name.value))
    }

    /// The account of a first sign-in with what hooks have added to it. The names that the person signs in by stay.
    pub fn complete(
        &mut self,
        platform: &Platform,
        given: FirstSignIn,
        granted: Granted,
    ) -> Result<(), ApiError> {
        let FirstSignIn { email, username, phone_number, password, profile } = given;
        let phone = phone_number.map(|value| Contact { kind: Kind::Phone, value }.identity(false));
        let email = email.map(|value| Contact { kind: Kind::Email, value }.identity(false));
        let username = username.as_deref().map(contacts::username).transpose()?;
        for (kind, given) in [(Kind::Email, email), (Kind::Username, username), (Kind::Phone, phone)] {
            let present = self.names.iter().find(|name| name.kind == kind);
            match (present, given) {
                (Some(present), Some(given)) if present.value == given.value => {}
                (Some(_), _) => {
                    let field = contacts::field(kind);
                    let cause = format!("pre_signup has set another {field} than the person signs in by");
                    return Err(ApiError::internal(cause));
                }
                (None, Some(given)) if kind == Kind::Phone => self.account.phone_number = Some(given.value),
                (None, Some(given)) => self.names.push(given),
                (None, None) => {}
            }
        }
        self.check_domains(platform)?;
        let (profile, extras) = profile.merged();
        profile::check(&profile, &platform.config.profile.genders)?;
        self.account.extras.clear();
        values::take_over(&mut self.account.extras, extras, &platform.config.profile)?;
        self.account.profile = profile;
        self.password = password.map(Secret::from);
        if let Some(roles) = granted.roles {
            self.account.roles = roles;
        }
        Ok(())
    }

    /// The account as it will be.
    pub fn as_account(&self) -> Account {
        let mut account = self.account.clone();
        for name in &self.names {
            match name.kind {
                Kind::Email => {
                    account.email = Some(name.value.clone());
                    account.email_verified_at = name.proven.then_some(account.created_at);
                }
                Kind::Phone => account.phone = Some(name.value.clone()),
                Kind::Username => account.username = Some(name.value.clone()),
                Kind::Device | Kind::Custom | Kind::Provider => {}
            }
        }
        account
    }

    /// Screens and hashes its first password, if it has one.
    pub async fn hash(&self, accounts: &Arc<Accounts>) -> Result<Option<PasswordHash>, ApiError> {
        let Some(password) = &self.password else { return Ok(None) };
        accounts.screening.admit(password, &self.known(), "password").await?;
        Ok(Some(accounts.hasher.hash(&accounts.platform.world, password, Turn::Last).await?))
    }

    /// What a password of the account must not be made of.
    fn known(&self) -> Vec<String> {
        screening::of_names(&self.names, &self.account.profile)
    }

    /// Is a name taken that may be told to be?
    pub async fn taken(&self, db: &mut Tx) -> Result<Option<ApiError>, StoreError> {
        for name in &self.names {
            if !(self.quiet && is_secret(name)) && is_taken(db, name).await? {
                return Ok(Some(exists(name)));
            }
        }
        Ok(None)
    }
}

/// Who asks whether an address is taken may not learn it where the signup is quiet; unless they have it.
fn is_secret(name: &Identity) -> bool {
    name.kind == Kind::Email && !name.proven
}

/// Has an account this name, or one that cannot be told from it?
pub async fn is_taken(db: &mut Tx, name: &Identity) -> Result<bool, StoreError> {
    if let Some(holder) = identities::holder(db, name.kind, &name.value).await? {
        // An account that is proven by another name does not keep others from an address that it only claims.
        return Ok(name.kind != Kind::Email || holder.is_proven || !holder.has_another);
    }
    match &name.look {
        Some(look) => identities::looks_taken(db, look, "").await,
        None => Ok(false),
    }
}

/// The refusal of a name that is taken.
pub fn exists(name: &Identity) -> ApiError {
    ApiError { field: Some(contacts::field(name.kind).into()), ..ErrorCode::Exists.into() }
}

/// Locks names in one order for all, before any account: so no two transactions wait for each other.
pub async fn lock(tx: &mut Tx, names: &[Identity]) -> Result<(), StoreError> {
    let mut names: Vec<_> = names.iter().map(|name| (name.kind.as_str(), name.kind, &name.value)).collect();
    names.sort_by_key(|(kind, _, value)| (*kind, *value));
    for (_, kind, value) in names {
        identities::lock(tx, kind, value).await?;
    }
    Ok(())
}

/// What an answer to a signup is made of: ids, so that a repetition mints its tokens anew (D-16).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Done {
    /// Must the address be confirmed before the first login?
    pub confirmation_required: bool,
    /// The account, if it may be told that there is one.
    #[serde(default)]
    pub account: Option<String>,
    /// The session that began.
    pub session: Option<String>,
    /// Did the account begin with an address that was not proven? Its owner may take the account over.
    #[serde(default)]
    pub has_claim: bool,
}

/// Creates the account, in the transaction of what led to it: names, password, session, mail and audit, or nothing of
/// it. The names are locked.
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
            // Two at once: the unique row decides.
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
    // Last, as everywhere: all mails of this moment wait for these rows.
    if let Some(email) = plan.names.iter().find(|name| is_secret(name)) {
        doorward_limits::spend_message(tx, &accounts.limits, caller, &email.value).await?;
    }
    // Where a taken address gets the same answer, that has no account in it.
    let told = !(plan.quiet && plan.names.iter().any(is_secret));
    let account_id = told.then(|| account.id.clone());
    let has_claim = plan.names.iter().any(is_secret);
    Ok(Done { confirmation_required: account.confirmation_required, account: account_id, session, has_claim })
}

/// Takes the name of a new account from the account that has it now (D-39): from one that only claims it, always; from one
/// without an owner, only if this signup proves the name.
async fn make_room(
    tx: &mut Tx,
    hooks: &Hooks,
    caller: &Caller,
    name: &Identity,
    evidence: &Evidence,
) -> Result<(), ApiError> {
    let contact = Contact::from(name);
    let none = Evidence::default();
    let evidence = if name.proven { evidence } else { &none };
    match first_proof::locked_standing(tx, &contact, evidence).await? {
        Standing::OwnedByOther(account) => {
            Ok(first_proof::release(tx, &hooks.platform, caller, &contact, &account).await?)
        }
        // What an operator has closed is not opened by making it anew.
        Standing::Unowned(account) if name.proven && account.disabled => {
            Err(ErrorCode::UserIsDisabled.into())
        }
        Standing::Unowned(account) if name.proven => {
            Ok(first_proof::replace(tx, hooks, caller, &contact, &account).await?)
        }
        Standing::Free | Standing::Own(_) | Standing::Unowned(_) => Ok(()),
    }
}

/// The answer to a signup, now or repeated.
pub async fn answer(
    issuer: &TokenIssuer,
    done: &Done,
    proof: Option<&Proof>,
) -> Result<SignupAnswer, ApiError> {
    let session = match &done.session {
        // It may have been signed out meanwhile: then there is nothing to hand out.
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

/// The answer to a signup that was carried out before: nothing is written but the proof.
pub async fn repeat(
    issuer: &Arc<TokenIssuer>,
    done: &Done,
    proof: Option<Proof>,
) -> Result<SignupAnswer, ApiError> {
    if let Some(spent) = proof.clone() {
        issuer.platform.store.write(move |tx| Box::pin(async move { spent.spend(tx).await })).await?;
    }
    let answer = answer(issuer, done, proof.as_ref()).await?;
    if !done.has_claim || answer.session.is_some() {
        return Ok(answer);
    }
    // The account is shown only as long as it is that of then: afterwards it may be another person's.
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

/// May a first sign-in make the account, and what does that begin with? The page may say no to what the operator allows,
/// and cannot allow more.
pub fn first(
    platform: &Platform,
    allowed: bool,
    asked: Option<bool>,
    granted: Granted,
) -> Result<Option<Granted>, ApiError> {
    let allowed = (allowed || granted.create) && platform.config.signup.open;
    match asked {
        Some(true) if !allowed => {
            Err(ApiError::field("options.auto_register", "This server makes no accounts with this sign-in."))
        }
        asked => Ok((allowed && asked != Some(false)).then_some(granted)),
    }
}

/// An address of the operator's list, compared after one parse by the rules that browsers parse by (O07).
fn redirect(platform: &Platform, text: &str) -> Result<Url, ApiError> {
    let listed = |url: &Url| {
        let same = |entry: &String| Url::parse(entry).is_ok_and(|entry| entry == *url);
        platform.config.links.redirects.iter().any(same) || (platform.dev && is_local(url))
    };
    Url::parse(text).ok().filter(listed).ok_or_else(|| {
        ApiError::field(
            "options.signup_confirmation",
            "This must be true, or a full address that is in the server's setting links.redirects.",
        )
    })
}
