//! E-mail address and password: signing up and signing in.

use axum::Json as Answer;
use axum::extract::State;
use doorward_protocol::canonical_email;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::login::LoginRequest;
use doorward_protocol::session::Tokens;
use doorward_protocol::signup::{SignupAnswer, SignupConfirmation, SignupRequest};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::audit::{Event, Record};
use crate::challenges::Scene;
use crate::config::{Confirmation, SignupDisclosure};
use crate::dpop::{self, Proof};
use crate::error::ApiError;
use crate::extract::{Caller, Json};
use crate::http::is_local;
use crate::idempotency::{self, Claim, Idempotency};
use crate::mail::Message;
use crate::outbox;
use crate::passwords::{Match, PasswordHash};
use crate::secret::Secret;
use crate::sessions;
use crate::state::{App, AppState};
use crate::store::accounts::Account;
use crate::store::identities::Kind;
use crate::store::sessions::Session;
use crate::store::{StoreError, Tx, accounts, identities, passwords};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(signup)).routes(routes!(login))
}

/// Creates an account.
#[utoipa::path(post, path = "/v1/signup", request_body = SignupRequest,
    responses((status = 200, body = SignupAnswer), ApiError))]
async fn signup(
    State(app): State<AppState>,
    caller: Caller,
    proof: Option<Proof>,
    Json { request, idempotency }: Json<SignupRequest>,
) -> Result<Answer<SignupAnswer>, ApiError> {
    let plan = Plan::of(&app, request, proof)?;
    let mut db = app.store.read().await?;
    // Where a taken address is told anyway, it need not cost a hash. Asked before the key is looked for: whoever took
    // the address meanwhile has left the key, too, if it was this very request.
    let taken = !plan.quiet && identities::exists(&mut db, Kind::Email, &plan.email).await?;
    let done = idempotency::find(&mut db, idempotency.as_ref(), app.world.now()).await?;
    // Given back before anything else is read: holding one while waiting for the next ends in a standstill.
    drop(db);
    match done {
        Some(done) => return repeat(&app, &done, plan.proof).await.map(Answer),
        None if taken => return Err(ErrorCode::Exists.into()),
        None => {}
    }
    let hash = app.hasher.hash(&app.world, &plan.password).await?;
    let (job, proof) = (app.clone(), plan.proof.clone());
    let done = app
        .store
        .write(move |tx| {
            Box::pin(async move { create(tx, &job, &caller, &plan, &hash, idempotency.as_ref()).await })
        })
        .await?;
    app.bell.ring();
    answer(&app, &done, proof.as_ref()).await.map(Answer)
}

/// A signup that may go ahead.
struct Plan {
    email: String,
    password: Secret,
    account: Account,
    sign_in: Option<SignIn>,
    /// Of the key that the session is bound to.
    proof: Option<Proof>,
    /// Where the confirmation ends.
    redirect: Option<Url>,
    /// Must the answer be the same for a taken address?
    quiet: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SignIn {
    /// As a login would.
    Counted,
    /// Without counting as one.
    Uncounted,
}

impl Plan {
    /// The operator decides, the page can only tighten (D-20).
    fn of(app: &App, request: SignupRequest, proof: Option<Proof>) -> Result<Plan, ApiError> {
        let settings = &app.config.signup;
        if !settings.open {
            return Err(ErrorCode::Forbidden.into());
        }
        let quiet = app.config.disclosure.signup == SignupDisclosure::Quiet;
        let options = request.options;
        let asked = match &options.signup_confirmation {
            Some(SignupConfirmation::Flag(asked)) => *asked,
            Some(SignupConfirmation::Redirect(_)) => true,
            None => false,
        };
        let confirmation_required = asked || quiet || settings.confirmation == Confirmation::Required;
        let sign_in = match (options.login.unwrap_or(false), options.generate_token.unwrap_or(false)) {
            (true, _) => Some(("options.login", SignIn::Counted)),
            (false, true) => Some(("options.generate_token", SignIn::Uncounted)),
            (false, false) => None,
        };
        if let Some((field, _)) = sign_in {
            if confirmation_required {
                return Err(ApiError::field(
                    field,
                    "The address must be confirmed before the first sign-in.",
                ));
            }
            if !settings.auto_login {
                return Err(ApiError::field(field, "This server does not sign in with a signup."));
            }
            sessions::admit(app, proof.is_some())?;
        }
        let redirect = match options.signup_confirmation {
            Some(SignupConfirmation::Redirect(text)) => Some(redirect(app, &text)?),
            _ => None,
        };
        let email = canonical_email(&request.email)
            .ok_or_else(|| ApiError::field("email", "Enter an e-mail address, like name@example.com."))?;
        let now = app.world.now();
        let account = Account {
            id: app.world.id(),
            profile: request.profile,
            email: Some(email.clone()),
            email_verified_at: None,
            phone_number: request.phone_number,
            email_subscription: options.email_subscription.unwrap_or(false),
            roles: app.config.roles.default.clone(),
            disabled: false,
            confirmation_required,
            logins_count: 0,
            last_login: None,
            created_at: now,
            updated_at: now,
        };
        let sign_in = sign_in.map(|(_, sign_in)| sign_in);
        Ok(Plan { email, password: request.password.into(), account, sign_in, proof, redirect, quiet })
    }
}

/// An address of the operator's list, compared after one parse by the rules that browsers parse by (O07).
fn redirect(app: &App, text: &str) -> Result<Url, ApiError> {
    let listed = |url: &Url| {
        let same = |entry: &String| Url::parse(entry).is_ok_and(|entry| entry == *url);
        app.config.links.redirects.iter().any(same) || (app.dev && is_local(url))
    };
    Url::parse(text).ok().filter(listed).ok_or_else(|| {
        ApiError::field(
            "options.signup_confirmation",
            "This must be true, or a full address that is in the server's setting links.redirects.",
        )
    })
}

/// What an answer to a signup is made of: ids, so that a repetition mints its tokens anew (D-16).
#[derive(Deserialize, Serialize)]
struct Done {
    confirmation_required: bool,
    session: Option<String>,
}

/// The one transaction: identity, account, password, session, mail, audit, or nothing of it.
async fn create(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    plan: &Plan,
    hash: &PasswordHash,
    idempotency: Option<&Idempotency>,
) -> Result<Done, ApiError> {
    let now = app.world.now();
    let key = dpop::spend(tx, plan.proof.as_ref()).await?;
    let claim = match idempotency::claim(tx, idempotency, now).await? {
        Claim::New(claim) => claim,
        Claim::Done(done) => return Ok(done),
    };
    let mut account = plan.account.clone();
    identities::lock(tx, Kind::Email, &plan.email).await?;
    if identities::exists(tx, Kind::Email, &plan.email).await? {
        if !plan.quiet {
            return Err(ErrorCode::Exists.into());
        }
        outbox::notice(tx, &app.world, caller, Message::AccountExists, &plan.email).await?;
        Record::of(Event::SignupRepeated).write(tx, &app.world, caller, now).await?;
        let done = Done { confirmation_required: true, session: None };
        claim.answer(tx, &done).await?;
        return Ok(done);
    }
    if plan.sign_in == Some(SignIn::Counted) {
        account.logins_count = 1;
        account.last_login = Some(now);
    }
    accounts::insert(tx, &account).await?;
    identities::insert(tx, Kind::Email, &plan.email, &account.id, now).await.map_err(taken)?;
    passwords::set(tx, &account.id, hash, now).await?;
    let session = match plan.sign_in {
        Some(_) => Some(sessions::establish(tx, app, caller, &account.id, "password", key).await?),
        None => None,
    };
    let redirect = plan.redirect.as_ref().map(Url::as_str);
    outbox::challenge(tx, &app.world, caller, Scene::VerifyEmail, &plan.email, None, redirect).await?;
    let record = Record::of(Event::SignedUp).account(&account.id);
    record.write(tx, &app.world, caller, now).await?;
    if let Some(session) = &session {
        let record = Record::of(Event::SignedIn).account(&account.id).session(&session.id);
        record.write(tx, &app.world, caller, now).await?;
    }
    let session = session.map(|session| session.id);
    let done = Done { confirmation_required: account.confirmation_required, session };
    claim.answer(tx, &done).await?;
    Ok(done)
}

/// Two signups of one address at once: the unique row decides.
fn taken(error: StoreError) -> ApiError {
    match error {
        StoreError::Conflict => ErrorCode::Exists.into(),
        error => error.into(),
    }
}

/// The answer to a signup that was carried out before: nothing is written but the proof.
async fn repeat(app: &AppState, done: &Done, proof: Option<Proof>) -> Result<SignupAnswer, ApiError> {
    let Some(proof) = proof else { return answer(app, done, None).await };
    let spent = proof.clone();
    app.store.write(move |tx| Box::pin(async move { spent.spend(tx).await })).await?;
    answer(app, done, Some(&proof)).await
}

/// The answer to a signup, now or repeated.
async fn answer(app: &App, done: &Done, proof: Option<&Proof>) -> Result<SignupAnswer, ApiError> {
    let mut answer = SignupAnswer { confirmation_required: done.confirmation_required, session: None };
    if let Some(id) = &done.session {
        let mut db = app.store.read().await?;
        // It may have been signed out meanwhile: then there is nothing to hand out.
        if let Some((session, _)) = crate::store::sessions::find(&mut db, id).await?
            && sessions::is_for(&session, proof)
            && let Some(account) = accounts::by_id(&mut db, &session.account).await?
        {
            answer.session = Some(signed_in(app, &session, &account)?);
        }
    }
    Ok(answer)
}

fn signed_in(app: &App, session: &Session, account: &Account) -> Result<Tokens, ApiError> {
    let tokens = sessions::tokens(app, session, &account.roles)?;
    Ok(Tokens { user: Some(account.to_profile()), ..tokens })
}

/// Signs in.
#[utoipa::path(post, path = "/v1/login", request_body = LoginRequest,
    responses((status = 200, body = Tokens), ApiError))]
async fn login(
    State(app): State<AppState>,
    caller: Caller,
    proof: Option<Proof>,
    Json { request, .. }: Json<LoginRequest>,
) -> Result<Answer<Tokens>, ApiError> {
    sessions::admit(&app, proof.is_some())?;
    let password = Secret::from(request.password);
    let email = canonical_email(&request.email).unwrap_or_default();
    let mut db = app.store.read().await?;
    let account = accounts::by_email(&mut db, &email).await?;
    // Unknown account, wrong password, no password: the same questions, the same hash, a write, the same words.
    let id = account.as_ref().map_or("", |account| account.id.as_str());
    let stored = passwords::of(&mut db, id).await?;
    drop(db);
    let matched = app.hasher.verify(&password, stored.as_ref()).await?;
    let (account, stored) = match (account, stored, matched) {
        (Some(account), Some(stored), Match::Yes | Match::Outdated) => (account, stored),
        (account, ..) => {
            return refuse(&app, caller, proof, account, ErrorCode::IncorrectUsernameOrPassword).await;
        }
    };
    // These two show only to who knows the password.
    if account.disabled {
        return refuse(&app, caller, proof, Some(account), ErrorCode::UserIsDisabled).await;
    }
    if account.awaits_confirmation() {
        // Who signs up and then signs in with the same password would learn whether the address was free.
        let quiet = app.config.disclosure.signup == SignupDisclosure::Quiet;
        let code =
            if quiet { ErrorCode::IncorrectUsernameOrPassword } else { ErrorCode::SignupConfirmationNeeded };
        return refuse(&app, caller, proof, Some(account), code).await;
    }
    let better = match matched {
        // A busy server does it at another login.
        Match::Outdated => app.hasher.hash(&app.world, &password).await.ok(),
        Match::Yes | Match::No => None,
    };
    let job = app.clone();
    let (session, account) = app
        .store
        .write(move |tx| {
            Box::pin(
                async move { enter(tx, &job, &caller, &account.id, (&stored, better), proof.as_ref()).await },
            )
        })
        .await?;
    Ok(Answer(signed_in(&app, &session, &account)?))
}

/// The one transaction of a login. What was read before the hash may have changed meanwhile.
async fn enter(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    id: &str,
    (verified, better): (&PasswordHash, Option<PasswordHash>),
    proof: Option<&Proof>,
) -> Result<(Session, Account), ApiError> {
    let now = app.world.now();
    let key = dpop::spend(tx, proof).await?;
    // A new password ends all sessions: it comes before this one, and then the old one does not fit, or after it.
    accounts::lock(tx, id).await?;
    if passwords::of(tx, id).await?.as_ref() != Some(verified) {
        return Err(ErrorCode::IncorrectUsernameOrPassword.into());
    }
    accounts::count_login(tx, id, now).await?;
    let account = accounts::by_id(tx, id).await?.filter(|account| !account.disabled);
    let account = account.ok_or(ErrorCode::UserIsDisabled)?;
    if let Some(better) = better {
        passwords::upgrade(tx, id, verified, &better).await?;
    }
    let session = sessions::establish(tx, app, caller, id, "password", key).await?;
    let record = Record::of(Event::SignedIn).account(id).session(&session.id);
    record.write(tx, &app.world, caller, now).await?;
    Ok((session, account))
}

async fn refuse<T>(
    app: &AppState,
    caller: Caller,
    proof: Option<Proof>,
    account: Option<Account>,
    code: ErrorCode,
) -> Result<T, ApiError> {
    let world = app.world.clone();
    app.store
        .write(move |tx| {
            Box::pin(async move {
                dpop::spend(tx, proof.as_ref()).await?;
                let record = Record::of(Event::SignInFailed).detail(code.as_str());
                let record =
                    Record { account: account.as_ref().map(|account| account.id.as_str()), ..record };
                record.write(tx, &world, &caller, world.now()).await?;
                Ok::<(), ApiError>(())
            })
        })
        .await?;
    Err(code.into())
}
