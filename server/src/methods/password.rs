//! A password, with an e-mail address, a username or a phone number: signing up and signing in.

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::addresses::contacts::{self, Contact};
use doorward_accounts::addresses::first_proof::Evidence;
use doorward_accounts::approved::{self, Admission, Approved, Attempt, Found, NewAccount};
use doorward_accounts::entry::{self, Call, Entering, EntryMethod, Registering};
use doorward_accounts::registration::{self, Done};
use doorward_accounts::sign_up::SignUp;
use doorward_accounts::{names, sessions, signin};
use doorward_config::SignupDisclosure;
use doorward_core::canonical;
use doorward_core::operation::Operation;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::Secret;
use doorward_credentials::dpop::{self, Proof};
use doorward_credentials::passwords::{HashPriority, Match};
use doorward_limits::{self, Failed, Subject};
use doorward_protocol::Rule;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::login::LoginRequest;
use doorward_protocol::session::Tokens;
use doorward_protocol::signup::{SignupAnswer, SignupRequest};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Granted;
use doorward_request::idempotency::{self, Claim, Idempotency};
use doorward_request::json::Json;
use doorward_request::usernames;
use doorward_store::identities::{Identity, Kind};
use doorward_store::{Tx, accounts, passwords, transaction};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};
use crate::request_schema::Requests;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(signup)).routes(routes!(login))
}

/// The JSON that it takes.
pub(super) fn requests(requests: &mut Requests<'_>) {
    requests.describe::<SignupRequest>();
    requests.describe::<LoginRequest>();
}

/// Its name.
pub(super) fn names(_: &App) -> Vec<&'static str> {
    vec!["password"]
}

/// Creates an account.
#[utoipa::path(post, path = "/v1/signup", request_body = SignupRequest,
    responses((status = 200, body = SignupAnswer), ApiError))]
pub(crate) async fn signup(
    State(app): State<AppState>,
    call: Call,
    json: Json<SignupRequest>,
) -> Result<Answer<SignupAnswer>, ApiError> {
    // Who signs in at once is known by the address, if there is one.
    let operation = if json.request.email.is_some() { Operation::EmailAuth } else { Operation::UsernameAuth };
    let registering =
        entry::sign_up(&app.accounts, call, json, EntryMethod::unnamed(operation, "password"), |request| {
            draft(&app, request)
        })
        .await?;
    let Registering { caller, proof, idempotency, new } = registering;
    let mut db = app.platform.store.read().await?;
    // Where a taken address is told anyway, it need not cost a hash. Asked before the key is looked for: if this very
    // request has taken the address meanwhile, it has left the key, too.
    let taken = new.sign_up.taken(&mut db).await?;
    let done = idempotency::find(&mut db, idempotency.as_ref(), app.platform.world.now()).await?;
    // Given back before anything else is read: holding one while waiting for the next ends in a standstill.
    drop(db);
    match (done, taken) {
        (Some(done), _) => return registration::repeat(&app.issuer, &done, proof).await.map(Answer),
        (None, Some(taken)) => return Err(taken),
        (None, None) => {}
    }
    let hash = new.sign_up.hash(&app.accounts).await?;
    let (job, shown) = (app.clone(), proof.clone());
    let done = app
        .platform
        .store
        .write(transaction!(|tx| {
            create(tx, &job, &caller, &new, hash.as_ref(), shown.as_ref(), idempotency.as_ref()).await
        }))
        .await?;
    app.outbox.wake_up.signal();
    registration::answer(&app.issuer, &done, proof.as_ref()).await.map(Answer)
}

fn draft(app: &App, request: SignupRequest) -> Result<SignUp, ApiError> {
    let mut names = Vec::new();
    if let Some(email) = &request.email {
        names.push(Contact::email(email, "email")?.identity(false));
    }
    if let Some(username) = &request.username {
        names.push(contacts::username(username)?);
    }
    let phone =
        request.phone_number.as_deref().map(|text| Contact::phone(&app.platform, text, "phone_number"));
    let mut draft = SignUp::of_signup(&app.platform, request.options, request.profile, names, "password")?;
    draft.account.phone_number = phone.transpose()?.map(|phone| phone.value);
    draft.password = Some(request.password.into());
    Ok(draft)
}

async fn create(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    new: &NewAccount,
    hash: Option<&PasswordHash>,
    proof: Option<&Proof>,
    idempotency: Option<&Idempotency>,
) -> Result<Done, ApiError> {
    let key = dpop::spend(tx, proof).await?;
    let claim = match idempotency::claim(tx, idempotency, app.platform.world.now()).await? {
        Claim::New(claim) => claim,
        Claim::Done(done) => return Ok(done),
    };
    names::lock(tx, &new.sign_up.names).await?;
    let evidence = Evidence { proof: proof.cloned(), ..Evidence::default() };
    let done = registration::create(tx, &app.accounts, caller, new, hash, &evidence, key).await?;
    claim.answer(tx, &done).await?;
    Ok(done)
}

/// Signs in.
#[utoipa::path(post, path = "/v1/login", request_body = LoginRequest,
    responses((status = 200, body = Tokens), ApiError))]
pub(crate) async fn login(
    State(app): State<AppState>,
    call: Call,
    json: Json<LoginRequest>,
) -> Result<Answer<Tokens>, ApiError> {
    let entering = entry::sign_in(&app.accounts, call, json, |request| way(&app, request)).await?;
    let (caller, name) = (entering.caller.clone(), entering.attempt.name()?.clone());
    let done = verify(&app, entering).await;
    doorward_limits::settle(&app.platform, &caller, Subject::Name(name.kind, &name.value), done)
        .await
        .map(Answer)
}

/// Verifies the password, and lets its owner in.
async fn verify(app: &AppState, entering: Entering<LoginRequest>) -> Result<Tokens, Failed> {
    let Entering { caller, proof, request, attempt, first, .. } = entering;
    let name = attempt.name()?;
    let quiet = is_quiet(app);
    // An account of a password is only made where the page says so, and never of a number, which it does not prove.
    let first = first.filter(|_| request.options.auto_register == Some(true) && !quiet);
    let first = first.filter(|_| name.kind != Kind::Phone);
    let password = Secret::from(request.password);
    let mut db = app.platform.store.read().await?;
    let account = accounts::by_identity(&mut db, name.kind, &name.value).await?;
    // Unknown account, wrong password, no password: the same questions, the same hash, a write, the same words.
    let id = account.as_ref().map_or("", |account| account.id.as_str());
    let stored = passwords::of(&mut db, id).await?;
    drop(db);
    if let (None, Some(first)) = (&account, first) {
        return Ok(begin(app, caller, proof, &attempt, password, first).await?);
    }
    let turn =
        doorward_limits::hash_priority(&app.platform, &caller, Subject::Name(name.kind, &name.value)).await?;
    let matched = app.accounts.hasher.verify(&password, stored.as_ref(), turn).await?;
    let wrong = ErrorCode::IncorrectUsernameOrPassword;
    let (account, stored) = match (account, stored, matched) {
        (Some(account), Some(stored), Match::Yes | Match::Outdated) => (account, stored),
        (account, ..) => {
            return Err(Failed::Wrong(signin::refuse(&app.platform, caller, proof, account, wrong).await));
        }
    };
    // It shows only to who knows the password.
    match sessions::refusal(&app.platform, &attempt.method, &account) {
        // Who signs up and then signs in with the same password would learn whether the address was free.
        Some(ErrorCode::SignupConfirmationNeeded) if quiet => {
            return Err(Failed::Wrong(
                signin::refuse(&app.platform, caller, proof, Some(account), wrong).await,
            ));
        }
        Some(code) => {
            return Err(signin::refuse(&app.platform, caller, proof, Some(account), code).await.into());
        }
        None => {}
    }
    let found = async || Ok(Found::Account(account.clone().into()));
    let admission = approved::admit(&app.hooks, &caller, &attempt, None, found).await?;
    let better = match matched {
        // A busy server does it at another login.
        Match::Outdated => {
            app.accounts.hasher.hash(&app.platform.world, &password, HashPriority::Last).await.ok()
        }
        Match::Yes | Match::No => None,
    };
    let (job, shown, devices) = (app.clone(), proof.clone(), caller.devices.clone());
    let session = app
        .platform
        .store
        .write(transaction!(|tx| {
            let verified = VerifiedPassword { account: &account.id, stored: &stored, better };
            enter(tx, &job, &caller, &admission, verified, shown.as_ref()).await
        }))
        .await?;
    Ok(signin::answer(&app.issuer, &session, &devices, proof.as_ref()).await?)
}

fn is_quiet(app: &App) -> bool {
    app.platform.config.disclosure.signup == SignupDisclosure::Quiet
}

/// The name in the request, and the operation that hooks know such a sign-in by. An impossible name is unknown like any other.
fn way(app: &App, request: &LoginRequest) -> Result<EntryMethod, ApiError> {
    let (operation, name) = match (&request.email, &request.username, &request.phone_number) {
        (_, Some(username), _) => {
            let value = usernames::canonical(username).unwrap_or_default();
            (Operation::UsernameAuth, Identity::unproven(Kind::Username, value))
        }
        (_, _, Some(phone)) => {
            (Operation::PhoneAuth, Contact::phone(&app.platform, phone, "phone_number")?.identity(false))
        }
        (email, None, None) => {
            let value = email.as_deref().and_then(canonical::email).unwrap_or_default();
            (Operation::EmailAuth, Identity::unproven(Kind::Email, value))
        }
    };
    let registers = app.platform.config.auto_register.password && !is_quiet(app);
    Ok(EntryMethod::named(operation, "password", name, registers))
}

/// A password that was right when it was compared.
struct VerifiedPassword<'a> {
    account: &'a str,
    /// The hash that it was compared with.
    stored: &'a PasswordHash,
    /// A hash with the parameters of today, if the stored one has others.
    better: Option<PasswordHash>,
}

/// The one transaction of a login. What was read before the hash may have changed meanwhile. Answers the session's id.
async fn enter(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    admission: &Admission,
    verified: VerifiedPassword<'_>,
    proof: Option<&Proof>,
) -> Result<String, ApiError> {
    let VerifiedPassword { account, stored, better } = verified;
    let key = dpop::spend(tx, proof).await?;
    // A new password ends all sessions: it comes before this one, and then the old one does not fit, or after it.
    accounts::lock(tx, account).await?;
    if passwords::of(tx, account).await?.as_ref() != Some(stored) {
        return Err(ErrorCode::IncorrectUsernameOrPassword.into());
    }
    if let Some(better) = better {
        passwords::upgrade(tx, account, stored, &better).await?;
    }
    Ok(signin::enter(tx, &app.platform, caller, account, admission, key).await?.id)
}

/// A sign-in that makes the account of what was given (seed A21, H39).
async fn begin(
    app: &AppState,
    caller: Caller,
    proof: Option<Proof>,
    attempt: &Approved<Attempt>,
    password: Secret,
    first: Granted,
) -> Result<Tokens, ApiError> {
    canonical::check(Rule::NewPassword, password.expose(), app.platform.policy())
        .map_err(|said| ApiError::field("password", said))?;
    let name = attempt.name()?;
    let name = match name.kind {
        Kind::Username => contacts::username(&name.value)?,
        _ => Contact::email(&name.value, "email")?.identity(false),
    };
    let mut draft = SignUp::of_first(&app.platform, vec![name], &attempt.method, first)?;
    draft.password = Some(password);
    if draft.account.confirmation_required {
        draft.session = None;
    }
    let admission =
        approved::admit(&app.hooks, &caller, attempt, Some(draft), async || Ok(Found::NoAccount)).await?;
    let new = admission.sign_up()?.clone();
    let hash = new.sign_up.hash(&app.accounts).await?;
    let (job, shown) = (app.clone(), proof.clone());
    let made = app
        .platform
        .store
        .write(move |tx| {
            Box::pin(
                async move { create(tx, &job, &caller, &new, hash.as_ref(), shown.as_ref(), None).await },
            )
        })
        .await;
    app.outbox.wake_up.signal();
    match made {
        Ok(Done { session: Some(session), .. }) => {
            signin::answer(&app.issuer, &session, &[], proof.as_ref()).await
        }
        Ok(Done { session: None, .. }) => Err(ErrorCode::SignupConfirmationNeeded.into()),
        // Another request was faster, perhaps the same person's: the next try signs in, or does not.
        Err(error) if error.code == ErrorCode::Exists => Err(ErrorCode::IncorrectUsernameOrPassword.into()),
        Err(error) => Err(error),
    }
}
