//! Sign-up and sign-in with a password and an e-mail address, username or phone number.

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

/// The JSON requests of this method.
pub(super) fn requests(requests: &mut Requests<'_>) {
    requests.describe::<SignupRequest>();
    requests.describe::<LoginRequest>();
}

/// The name of the method.
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
    // Hooks see the sign-in that follows as one by e-mail address, if the request has an address.
    let operation = if json.request.email.is_some() { Operation::EmailAuth } else { Operation::UsernameAuth };
    let registering =
        entry::sign_up(&app.accounts, call, json, EntryMethod::unnamed(operation, "password"), |request| {
            draft(&app, request)
        })
        .await?;
    let Registering { caller, proof, idempotency, new } = registering;
    let mut db = app.platform.store.read().await?;
    // If the server discloses that a name is taken, it does so before the expensive hash. This check runs
    // before the look-up of the idempotency key: if a concurrent copy of this request takes the name in
    // between, the look-up finds its key.
    let taken = new.sign_up.taken(&mut db).await?;
    let done = idempotency::find(&mut db, idempotency.as_ref(), app.platform.world.now()).await?;
    // Released before other code needs a connection: waiting for a second connection while holding the first
    // can deadlock.
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

/// Signs in with a password.
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

/// Verifies the password and signs in.
async fn verify(app: &AppState, entering: Entering<LoginRequest>) -> Result<Tokens, Failed> {
    let Entering { caller, proof, request, attempt, first, .. } = entering;
    let name = attempt.name()?;
    let quiet = is_quiet(app);
    // Creates an account only if the page asks for it, and never for a phone number, which a password does
    // not prove.
    let first = first.filter(|_| request.options.auto_register == Some(true) && !quiet);
    let first = first.filter(|_| name.kind != Kind::Phone);
    let password = Secret::from(request.password);
    let mut db = app.platform.store.read().await?;
    let account = accounts::by_identity(&mut db, name.kind, &name.value).await?;
    // Unknown account, wrong password and missing password take the same steps: the same queries, one hash,
    // one write, and the same message.
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
    // These refusals are shown only after the right password.
    match sessions::refusal(&app.platform, &attempt.method, &account) {
        // Otherwise an attacker could sign up, sign in with the same password, and learn whether the address
        // was free.
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
        // A busy server skips this. A later login does it.
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

/// The name in the request, and the operation that hooks see for it. A malformed name is treated like an
/// unknown one.
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

/// A password that matched the stored hash.
struct VerifiedPassword<'a> {
    account: &'a str,
    /// The hash that it was compared with.
    stored: &'a PasswordHash,
    /// A hash with the current parameters, if those of the stored one are outdated.
    better: Option<PasswordHash>,
}

/// The transaction of a login. Checks again what was read before the hash. Returns the id of the session.
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
    // A password change ends all sessions. With this lock it happens either before, and then the stored hash
    // no longer matches, or after, and then it ends this session, too.
    accounts::lock(tx, account).await?;
    if passwords::of(tx, account).await?.as_ref() != Some(stored) {
        return Err(ErrorCode::IncorrectUsernameOrPassword.into());
    }
    if let Some(better) = better {
        passwords::upgrade(tx, account, stored, &better).await?;
    }
    Ok(signin::enter(tx, &app.platform, caller, account, admission, key).await?.id)
}

/// A sign-in that creates the account (seed A21, H39).
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
        // A concurrent request has created the account. The next try signs in if the password matches.
        Err(error) if error.code == ErrorCode::Exists => Err(ErrorCode::IncorrectUsernameOrPassword.into()),
        Err(error) => Err(error),
    }
}
