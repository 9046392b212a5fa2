//! A password, with an e-mail address, a username or a phone number: signing up and signing in.

use axum::Json as Answer;
use axum::extract::State;
use doorward_protocol::canonical_email;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::login::LoginRequest;
use doorward_protocol::session::Tokens;
use doorward_protocol::signup::{SignupAnswer, SignupRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::SignupDisclosure;
use crate::contacts::{self, Contact};
use crate::dpop::{self, Proof};
use crate::error::ApiError;
use crate::extract::{Caller, Json};
use crate::hooks::{self, Granted, Operation, Who};
use crate::idempotency::{self, Claim, Idempotency};
use crate::limits::{self, Purpose, Subject};
use crate::passwords::{Match, PasswordHash, Turn};
use crate::registration::{self, Done, Plan};
use crate::secret::Secret;
use crate::service_keys;
use crate::sessions;
use crate::state::{App, AppState};
use crate::store::identities::Kind;
use crate::store::{Tx, accounts, passwords};
use crate::{signin, usernames};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(signup)).routes(routes!(login))
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
    caller: Caller,
    proof: Option<Proof>,
    who: Who,
    json: Json<SignupRequest>,
) -> Result<Answer<SignupAnswer>, ApiError> {
    let caller = service_keys::speaks_for(&app, caller, json.request.options.client_ip.as_deref()).await?;
    limits::admit(&app, &caller, Purpose::SignUp, Subject::Nobody).await?;
    let more = [("method", "password")];
    let json = hooks::before_with(&app, &caller, Operation::Signup, who, json, &more).await?;
    let Json { request, idempotency, granted, .. } = json;
    let password = Secret::from(request.password.clone());
    let mut plan = plan(&app, request)?;
    plan.grant(granted);
    if plan.sign_in.is_some() {
        sessions::admit(&app, proof.is_some())?;
    }
    let mut db = app.store.read().await?;
    // Where a taken address is told anyway, it need not cost a hash. Asked before the key is looked for: whoever took
    // the address meanwhile has left the key, too, if it was this very request.
    let taken = plan.taken(&mut db).await?;
    let done = idempotency::find(&mut db, idempotency.as_ref(), app.world.now()).await?;
    // Given back before anything else is read: holding one while waiting for the next ends in a standstill.
    drop(db);
    match (done, taken) {
        (Some(done), _) => return registration::repeat(&app, &done, proof).await.map(Answer),
        (None, Some(taken)) => return Err(taken),
        (None, None) => {}
    }
    app.screening.admit(&password, &plan.known(), "password").await?;
    let hash = app.hasher.hash(&app.world, &password, Turn::Last).await?;
    let (job, shown) = (app.clone(), proof.clone());
    let done = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                create(tx, &job, &caller, &plan, &hash, (shown.as_ref(), idempotency.as_ref())).await
            })
        })
        .await?;
    app.bell.ring();
    registration::answer(&app, &done, proof.as_ref()).await.map(Answer)
}

fn plan(app: &App, request: SignupRequest) -> Result<Plan, ApiError> {
    let mut names = Vec::new();
    if let Some(email) = &request.email {
        names.push(Contact::email(email, "email")?.identity(false));
    }
    if let Some(username) = &request.username {
        names.push(contacts::username(username)?);
    }
    let phone = request.phone_number.as_deref().map(|text| Contact::phone(app, text, "phone_number"));
    let mut plan = Plan::of_signup(app, request.options, request.profile, names, "password")?;
    plan.account.phone_number = phone.transpose()?.map(|phone| phone.value);
    Ok(plan)
}

async fn create(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    plan: &Plan,
    hash: &PasswordHash,
    (proof, idempotency): (Option<&Proof>, Option<&Idempotency>),
) -> Result<Done, ApiError> {
    let key = dpop::spend(tx, proof).await?;
    let claim = match idempotency::claim(tx, idempotency, app.world.now()).await? {
        Claim::New(claim) => claim,
        Claim::Done(done) => return Ok(done),
    };
    registration::lock(tx, &plan.names).await?;
    let done = registration::create(tx, app, caller, plan, Some(hash), key).await?;
    claim.answer(tx, &done).await?;
    Ok(done)
}

/// Signs in.
#[utoipa::path(post, path = "/v1/login", request_body = LoginRequest,
    responses((status = 200, body = Tokens), ApiError))]
pub(crate) async fn login(
    State(app): State<AppState>,
    caller: Caller,
    proof: Option<Proof>,
    who: Who,
    json: Json<LoginRequest>,
) -> Result<Answer<Tokens>, ApiError> {
    sessions::admit(&app, proof.is_some())?;
    let caller = service_keys::speaks_for(&app, caller, json.request.options.client_ip.as_deref()).await?;
    let (kind, value) = name(&app, &json.request)?;
    limits::admit(&app, &caller, Purpose::SignIn, Subject::Name(kind, &value)).await?;
    let mut counted = Some((kind, value));
    let done = try_password(&app, caller.clone(), (proof, who), json, &mut counted).await;
    // It was right, or nobody has looked at it.
    if let (Err(_), Some((kind, value))) = (&done, &counted) {
        limits::give_back(&app, &caller, Subject::Name(*kind, value)).await?;
    }
    done.map(Answer)
}

/// A sign-in whose try is `counted` under a name. Takes that when the password was looked at and is to seem wrong: it stays
/// counted.
async fn try_password(
    app: &AppState,
    caller: Caller,
    (proof, who): (Option<Proof>, Who),
    json: Json<LoginRequest>,
    counted: &mut Option<(Kind, String)>,
) -> Result<Tokens, ApiError> {
    let operation = operation(&json.request);
    let Json { request, granted, .. } = hooks::before(app, &caller, operation, who, json).await?;
    let (kind, value) = name(app, &request)?;
    if let Some((before, named)) = counted.take_if(|(before, named)| (*before, &*named) != (kind, &value)) {
        // A hook has given another name: it is that one's password that is tried.
        limits::give_back(app, &caller, Subject::Name(before, &named)).await?;
        limits::admit_instead(app, &caller, Subject::Name(kind, &value)).await?;
        *counted = Some((kind, value.clone()));
    }
    let quiet = app.config.disclosure.signup == SignupDisclosure::Quiet;
    // An account of a password is only made where the page says so.
    let asked = request.options.auto_register;
    let granted = Granted { create: granted.create && !quiet, ..granted };
    let first = registration::first(app, app.config.auto_register.password && !quiet, asked, granted)?;
    let first = first.filter(|_| asked == Some(true));
    let password = Secret::from(request.password.clone());
    let mut db = app.store.read().await?;
    let account = accounts::by_identity(&mut db, kind, &value).await?;
    // Unknown account, wrong password, no password: the same questions, the same hash, a write, the same words.
    let id = account.as_ref().map_or("", |account| account.id.as_str());
    let stored = passwords::of(&mut db, id).await?;
    drop(db);
    if let (None, Some(granted)) = (&account, first)
        && kind != Kind::Phone
    {
        return begin(app.clone(), caller, proof, request, granted).await;
    }
    let turn = limits::turn(app, &caller, Subject::Name(kind, &value)).await?;
    let matched = app.hasher.verify(&password, stored.as_ref(), turn).await?;
    let (account, stored) = match (account, stored, matched) {
        (Some(account), Some(stored), Match::Yes | Match::Outdated) => (account, stored),
        (account, ..) => {
            *counted = None;
            let code = ErrorCode::IncorrectUsernameOrPassword;
            return signin::refuse(app, caller, proof, account, code).await;
        }
    };
    // It shows only to who knows the password.
    if let Some(code) = signin::refusal(&account) {
        // Who signs up and then signs in with the same password would learn whether the address was free.
        let code = match code {
            ErrorCode::SignupConfirmationNeeded if quiet => {
                *counted = None;
                ErrorCode::IncorrectUsernameOrPassword
            }
            code => code,
        };
        return signin::refuse(app, caller, proof, Some(account), code).await;
    }
    let better = match matched {
        // A busy server does it at another login.
        Match::Outdated => app.hasher.hash(&app.world, &password, Turn::Last).await.ok(),
        Match::Yes | Match::No => None,
    };
    let (job, shown, devices) = (app.clone(), proof.clone(), caller.devices.clone());
    let session = app
        .store
        .write(move |tx| {
            Box::pin(
                async move { enter(tx, &job, &caller, &account.id, (&stored, better), shown.as_ref()).await },
            )
        })
        .await?;
    signin::answer(app, &session, &devices, proof.as_ref()).await
}

/// By what the account is named, hooks know the sign-in.
fn operation(request: &LoginRequest) -> Operation {
    match (&request.username, &request.phone_number) {
        (Some(_), _) => Operation::UsernameAuth,
        (None, Some(_)) => Operation::PhoneAuth,
        (None, None) => Operation::EmailAuth,
    }
}

/// What the account is known by. A name that nobody can have is unknown like any other.
fn name(app: &App, request: &LoginRequest) -> Result<(Kind, String), ApiError> {
    Ok(match (&request.email, &request.username, &request.phone_number) {
        (_, Some(username), _) => (Kind::Username, usernames::canonical(username).unwrap_or_default()),
        (_, _, Some(phone)) => (Kind::Phone, Contact::phone(app, phone, "phone_number")?.value),
        (email, None, None) => (Kind::Email, email.as_deref().and_then(canonical_email).unwrap_or_default()),
    })
}

/// The one transaction of a login. What was read before the hash may have changed meanwhile. Answers the session's id.
async fn enter(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &str,
    (verified, better): (&PasswordHash, Option<PasswordHash>),
    proof: Option<&Proof>,
) -> Result<String, ApiError> {
    let key = dpop::spend(tx, proof).await?;
    // A new password ends all sessions: it comes before this one, and then the old one does not fit, or after it.
    accounts::lock(tx, id).await?;
    if passwords::of(tx, id).await?.as_ref() != Some(verified) {
        return Err(ErrorCode::IncorrectUsernameOrPassword.into());
    }
    if let Some(better) = better {
        passwords::upgrade(tx, id, verified, &better).await?;
    }
    Ok(signin::enter(tx, app, caller, id, "password", key).await?.id)
}

/// A sign-in that makes the account of what was given (seed A21, H39).
async fn begin(
    app: AppState,
    caller: Caller,
    proof: Option<Proof>,
    request: LoginRequest,
    granted: Granted,
) -> Result<Tokens, ApiError> {
    let password = Secret::from(request.password);
    doorward_protocol::Rule::NewPassword
        .check(&doorward_protocol::Given::Text(password.expose().into()), app.policy())
        .map_err(|said| ApiError::field("password", said))?;
    let name = match (&request.email, &request.username) {
        (_, Some(username)) => contacts::username(username)?,
        (email, None) => Contact::email(email.as_deref().unwrap_or_default(), "email")?.identity(false),
    };
    let mut plan = Plan::of_sign_in(&app, vec![name], "password")?;
    plan.grant(granted);
    let confirmed_first = plan.account.confirmation_required;
    if confirmed_first {
        plan.sign_in = None;
    }
    app.screening.admit(&password, &plan.known(), "password").await?;
    let hash = app.hasher.hash(&app.world, &password, Turn::Last).await?;
    let (job, shown) = (app.clone(), proof.clone());
    let made = app
        .store
        .write(move |tx| {
            Box::pin(async move { create(tx, &job, &caller, &plan, &hash, (shown.as_ref(), None)).await })
        })
        .await;
    app.bell.ring();
    match made {
        Ok(Done { session: Some(session), .. }) => {
            signin::answer(&app, &session, &[], proof.as_ref()).await
        }
        Ok(Done { session: None, .. }) => Err(ErrorCode::SignupConfirmationNeeded.into()),
        // Somebody else was faster, perhaps the same person: the next try signs in, or does not.
        Err(error) if error.code == ErrorCode::Exists => Err(ErrorCode::IncorrectUsernameOrPassword.into()),
        Err(error) => Err(error),
    }
}
