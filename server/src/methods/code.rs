//! One-time codes by mail and SMS: requesting a code, and signing up or in with it.

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::addresses::challenges;
use doorward_accounts::addresses::contacts::{self, Contact};
use doorward_accounts::addresses::first_proof::{self, Evidence, Standing};
use doorward_accounts::approved::{self, Admission, Found, NewAccount};
use doorward_accounts::entry::{self, Call, Entering, EntryMethod, Registering};
use doorward_accounts::registration::{self, Done};
use doorward_accounts::sessions::current::{CurrentSession, principal};
use doorward_accounts::sign_up::SignUp;
use doorward_accounts::{names, service_keys, signin};
use doorward_config::DefaultScene;
use doorward_core::one_time_code::Scene;
use doorward_core::operation::Operation;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::Secret;
use doorward_credentials::dpop::{self, Proof};
use doorward_limits::{self, Purpose};
use doorward_messages::outbox;
use doorward_protocol::code::{CodeLoginRequest, CodeScene, CodeSignupRequest, SendCodeRequest};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::GivenCode;
use doorward_protocol::session::Tokens;
use doorward_protocol::signup::SignupAnswer;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::idempotency::{self, Claim, Idempotency};
use doorward_request::json::Json;
use doorward_store::identities::{self, Kind};
use doorward_store::{self, Tx, accounts, transaction};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};
use crate::request_schema::Requests;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(send_code))
        .routes(routes!(login_with_code))
        .routes(routes!(signup_with_code))
}

/// The JSON requests of this method.
pub(super) fn requests(requests: &mut Requests<'_>) {
    requests.describe::<SendCodeRequest>();
    requests.describe::<CodeLoginRequest>();
    requests.describe::<CodeSignupRequest>();
}

/// The names of the methods that are enabled.
pub(super) fn names(app: &App) -> Vec<&'static str> {
    let enabled = |kind| signs_in(app, kind).then(|| method(kind));
    [Kind::Email, Kind::Phone].into_iter().filter_map(enabled).collect()
}

fn method(kind: Kind) -> &'static str {
    if kind == Kind::Phone { "phone_code" } else { "email_code" }
}

/// True if codes can be sent to this kind of address and are accepted for sign-in.
fn signs_in(app: &App, kind: Kind) -> bool {
    contacts::reaches(&app.accounts, kind) && (kind == Kind::Phone || app.platform.config.email.codes)
}

/// True if a first sign-in with a code creates an account.
fn registers(app: &App, kind: Kind) -> bool {
    let settings = &app.platform.config.auto_register;
    if kind == Kind::Phone { settings.phone_code } else { settings.email_code }
}

/// Sends a code. The answer is the same whether an account has the address or not. Some scenes need a session
/// and apply to its account. An SMS code without a scene is for signing in, signing up or setting a new
/// password; with an access token it is for setting the phone number of that account.
#[utoipa::path(post, path = "/v1/code", request_body = SendCodeRequest, security((), ("access_token" = [])),
    responses((status = 200, body = Object), ApiError))]
async fn send_code(
    State(app): State<AppState>,
    caller: Caller,
    session: Option<CurrentSession>,
    json: Json<SendCodeRequest>,
) -> Result<Answer<Value>, ApiError> {
    let caller =
        service_keys::speaks_for(&app.platform, caller, json.request.options.client_ip.as_deref()).await?;
    let named =
        Contact::of(&app.platform, json.request.email.as_deref(), json.request.phone_number.as_deref())?;
    if json.request.scene.is_none() && app.platform.config.codes.default_scene == DefaultScene::Strict {
        return Err(ApiError::field("scene", "This field is required."));
    }
    doorward_limits::admit(&app.limits, &caller, Purpose::Send, named.subject()).await?;
    let Json { request, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::SendCode, principal(session.as_ref()), json)
            .await?;
    let contact = Contact::of(&app.platform, request.email.as_deref(), request.phone_number.as_deref())?;
    let scene = request.scene.map_or_else(|| default_scene(&contact, session.as_ref()), scene);
    check_scene(&app, scene, &contact, session.as_ref())?;
    let job = app.clone();
    app.platform
        .store
        .write(transaction!(|tx| issue_code(tx, &job, &caller, scene, &contact, session).await))
        .await?;
    app.outbox.wake_up.signal();
    Ok(Answer(json!({})))
}

/// The scene of a code that was requested without one (D-40). It depends on the session, and not on the call
/// that uses the code later: a code for a signed-in account never opens another account, nor the reverse.
fn default_scene(contact: &Contact, session: Option<&CurrentSession>) -> Scene {
    match (contact.kind, session) {
        (Kind::Phone, Some(_)) => Scene::BindPhone,
        (Kind::Phone, None) => Scene::Access,
        _ => Scene::Login,
    }
}

fn scene(given: CodeScene) -> Scene {
    match given {
        CodeScene::Login => Scene::Login,
        CodeScene::ResetPassword => Scene::ResetPassword,
        CodeScene::VerifyEmail => Scene::VerifyEmail,
        CodeScene::ChangeEmail => Scene::ChangeEmail,
        CodeScene::BindPhone => Scene::BindPhone,
        CodeScene::DeleteAccount => Scene::DeleteAccount,
    }
}

/// Returns an error if the scene does not suit the kind of address, if this server does not offer it, or if it needs a
/// session and the request has none. A code for deleting an account is sent only to an address of that account.
fn check_scene(
    app: &App,
    scene: Scene,
    contact: &Contact,
    session: Option<&CurrentSession>,
) -> Result<(), ApiError> {
    let fits = match scene {
        Scene::VerifyEmail | Scene::ChangeEmail => contact.kind == Kind::Email,
        Scene::BindPhone | Scene::Access => contact.kind == Kind::Phone,
        Scene::Login | Scene::ResetPassword | Scene::DeleteAccount => true,
    };
    if !fits {
        return Err(ApiError::field("scene", "This scene cannot be used with this kind of address."));
    }
    if !contacts::reaches(&app.accounts, contact.kind)
        || (scene == Scene::Login && !signs_in(app, contact.kind))
    {
        return Err(ErrorCode::Forbidden.into());
    }
    if !scene.is_bound() {
        return Ok(());
    }
    let account = &session.ok_or(ErrorCode::SessionRequired)?.account;
    let own = if contact.kind == Kind::Phone { &account.phone } else { &account.email };
    if scene == Scene::DeleteAccount && own.as_ref() != Some(&contact.value) {
        return Err(ApiError::field(contact.field(), "This does not belong to your account."));
    }
    Ok(())
}

async fn issue_code(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    scene: Scene,
    contact: &Contact,
    session: Option<CurrentSession>,
) -> Result<(), ApiError> {
    let now = app.platform.world.now();
    if !scene.rivals().is_empty() {
        // Without the lock, two concurrent requests would leave a valid code of each scene. Names are always locked
        // before accounts.
        identities::lock(tx, contact.kind, &contact.value).await?;
    }
    if let Some(session) = &session {
        session.confirm(tx, now).await?;
    }
    let account = session.as_ref().filter(|_| scene.is_bound()).map(|session| session.account.id.as_str());
    outbox::challenge(tx, &app.platform.world, caller, scene, &contact.value, account, None).await?;
    contacts::spend(tx, &app.limits, caller, contact).await?;
    let record = Record { account, ..Record::of(Event::CodeRequested).detail(scene.as_str()) };
    Ok(record.write(tx, &app.platform.world, caller, now).await?)
}

/// Signs in with a code. Creates the account at the first sign-in, if the operator allows that.
#[utoipa::path(post, path = "/v1/login/code", request_body = CodeLoginRequest,
    responses((status = 200, body = Tokens), ApiError))]
async fn login_with_code(
    State(app): State<AppState>,
    call: Call,
    json: Json<CodeLoginRequest>,
) -> Result<Answer<Tokens>, ApiError> {
    let entry_method = |request: &CodeLoginRequest| {
        let contact = Contact::of(&app.platform, request.email.as_deref(), request.phone_number.as_deref())?;
        let registers = registers(&app, contact.kind);
        let named =
            EntryMethod::named(Operation::CodeAuth, method(contact.kind), contact.identity(false), registers);
        let refusal = (!signs_in(&app, contact.kind)).then(|| ErrorCode::Forbidden.into());
        Ok(EntryMethod { refusal, ..named })
    };
    let entering = entry::sign_in(&app.accounts, call, json, entry_method).await?;
    let Entering { caller, proof, request, idempotency, attempt, first, .. } = entering;
    let name = attempt.name()?;
    let contact = Contact::from(name);
    let proven = vec![contact.identity(true)];
    let draft =
        first.map(|first| SignUp::of_first(&app.platform, proven, &attempt.method, first)).transpose()?;
    let evidence = Evidence { proof: proof.clone(), ..Evidence::default() };
    let admission = approved::admit(&app.hooks, &caller, &attempt, draft, async || {
        find_account(&app, &caller, &contact, &request.code, &evidence).await
    });
    let admission = admission.await?;
    let hash = admission.hash(&app.accounts).await?;
    let (job, asking, shown, to) = (app.clone(), caller.clone(), proof.clone(), contact.clone());
    let outcome = app
        .platform
        .store
        .write(transaction!(|tx| {
            let sign_in = CodeSignIn {
                contact: &to,
                code: &request.code,
                admission: &admission,
                password: hash.as_ref(),
            };
            enter(tx, &job, &asking, sign_in, shown, idempotency.as_ref()).await
        }))
        .await;
    app.outbox.wake_up.signal();
    match outcome {
        Ok(SignInOutcome::SignedIn(session)) => {
            Ok(Answer(signin::answer(&app.issuer, &session, &caller.devices, proof.as_ref()).await?))
        }
        Ok(SignInOutcome::Refused(text)) => Err(challenges::code_named(&text).into()),
        Err(error) if signin::is_verdict(error.code) => {
            let mut db = app.platform.store.read().await?;
            let account = accounts::by_identity(&mut db, contact.kind, &contact.value).await?;
            drop(db);
            Err(signin::refuse(&app.platform, caller, proof, account, error.code).await)
        }
        Err(error) => Err(error),
    }
}

/// Finds the account that a valid code signs in to. Does not use up the code.
async fn find_account(
    app: &App,
    caller: &Caller,
    contact: &Contact,
    code: &GivenCode,
    evidence: &Evidence,
) -> Result<Found, ApiError> {
    let mut db = app.platform.store.read().await?;
    let (keys, now) = (&app.platform.secret_keys, app.platform.world.now());
    let proof = contact.proof(code);
    let tries = challenges::tries(&mut db, &app.platform, caller, &contact.value).await?;
    if doorward_store::challenges::peek(&mut db, keys, Scene::Login, &proof, tries, now).await?.is_none() {
        return Ok(Found::Wrong);
    }
    let standing = first_proof::standing(&mut db, contact, evidence).await?;
    Ok(standing.account_after(&app.platform, contact).map_or(Found::NoAccount, Found::Account))
}

/// The outcome of a sign-in with a code, as stored for an idempotency key. It includes refusals, so that a
/// repeated request does not count as a second try.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum SignInOutcome {
    /// The id of the session.
    SignedIn(String),
    /// The error code.
    Refused(String),
}

/// A sign-in with a code that the hooks have approved.
struct CodeSignIn<'a> {
    contact: &'a Contact,
    code: &'a GivenCode,
    admission: &'a Admission,
    /// The password of the new account.
    password: Option<&'a PasswordHash>,
}

/// The transaction of a sign-in with a code. Returning an error rolls it back, so that the code stays valid.
async fn enter(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    sign_in: CodeSignIn<'_>,
    proof: Option<Proof>,
    idempotency: Option<&Idempotency>,
) -> Result<SignInOutcome, ApiError> {
    let CodeSignIn { contact, code, admission, password } = sign_in;
    let key = dpop::spend(tx, proof.as_ref()).await?;
    let claim = match idempotency::claim(tx, idempotency, app.platform.world.now()).await? {
        Claim::New(claim) => claim,
        Claim::Done(outcome) => return Ok(outcome),
    };
    names::lock(tx, &admission.names(&contact.identity(true))).await?;
    let outcome = match challenges::consume(tx, &app.platform, caller, Scene::Login, contact.proof(code))
        .await?
    {
        Err(code) => SignInOutcome::Refused(code.as_str().to_owned()),
        Ok(_) => {
            let evidence = Evidence { proof, ..Evidence::default() };
            let session = match first_proof::locked_standing(tx, contact, &evidence).await? {
                Standing::Own(account) => {
                    first_proof::note(tx, &app.platform, caller, contact, &account).await?;
                    signin::enter(tx, &app.platform, caller, &account.id, admission, key).await?.id
                }
                Standing::Unowned(account) => {
                    first_proof::take_over_and_notify(tx, &app.hooks, caller, contact, &account).await?;
                    doorward_store::challenges::void_others(tx, Scene::Login, &contact.value).await?;
                    first_proof::note(tx, &app.platform, caller, contact, &account).await?;
                    signin::enter(tx, &app.platform, caller, &account.id, admission, key).await?.id
                }
                // The code proves that the user reads the mailbox or phone, so the error may reveal that no account
                // has this address. The same code stays valid for a sign-up.
                Standing::OwnedByOther(_) | Standing::Free => {
                    let new = admission.sign_up()?;
                    let done = registration::create(tx, &app.accounts, caller, new, password, &evidence, key)
                        .await?;
                    done.session.unwrap_or_default()
                }
            };
            SignInOutcome::SignedIn(session)
        }
    };
    claim.answer(tx, &outcome).await?;
    Ok(outcome)
}

/// Creates an account with an address that a code proves.
#[utoipa::path(post, path = "/v1/signup/code", request_body = CodeSignupRequest,
    responses((status = 200, body = SignupAnswer), ApiError))]
async fn signup_with_code(
    State(app): State<AppState>,
    call: Call,
    json: Json<CodeSignupRequest>,
) -> Result<Answer<SignupAnswer>, ApiError> {
    let named =
        Contact::of(&app.platform, json.request.email.as_deref(), json.request.phone_number.as_deref())?;
    let entry_method =
        EntryMethod::named(Operation::CodeAuth, method(named.kind), named.identity(true), false);
    let code = json.request.code.clone();
    let registering =
        entry::sign_up(&app.accounts, call, json, entry_method, |request| draft(&app, request)).await?;
    let Registering { caller, proof, idempotency, new } = registering;
    let hash = new.sign_up.hash(&app.accounts).await?;
    let (job, shown) = (app.clone(), proof.clone());
    let outcome = app
        .platform
        .store
        .write(transaction!(|tx| {
            let key = idempotency.as_ref();
            let sign_up = CodeSignUp { new: &new, code: &code, password: hash.as_ref() };
            create(tx, &job, &caller, sign_up, shown.as_ref(), key).await
        }))
        .await?;
    app.outbox.wake_up.signal();
    match outcome {
        SignUpOutcome::Done(done) => {
            Ok(Answer(registration::answer(&app.issuer, &done, proof.as_ref()).await?))
        }
        SignUpOutcome::Refused(text) => Err(challenges::code_named(&text).into()),
    }
}

fn draft(app: &App, request: CodeSignupRequest) -> Result<SignUp, ApiError> {
    let contact = Contact::of(&app.platform, request.email.as_deref(), request.phone_number.as_deref())?;
    let mut names = vec![contact.identity(true)];
    if let Some(username) = &request.username {
        names.push(contacts::username(username)?);
    }
    let mut draft =
        SignUp::of_signup(&app.platform, request.options, request.profile, names, method(contact.kind))?;
    draft.password = request.password.map(Secret::from);
    Ok(draft)
}

/// The outcome of a sign-up with a code, as stored for an idempotency key.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum SignUpOutcome {
    /// The new account.
    Done(Done),
    /// The error code.
    Refused(String),
}

/// A sign-up with a code that the hooks have approved.
struct CodeSignUp<'a> {
    new: &'a NewAccount,
    code: &'a GivenCode,
    password: Option<&'a PasswordHash>,
}

/// The transaction of a sign-up with a code. Returning an error rolls it back, so that the code stays valid.
async fn create(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    sign_up: CodeSignUp<'_>,
    proof: Option<&Proof>,
    idempotency: Option<&Idempotency>,
) -> Result<SignUpOutcome, ApiError> {
    let CodeSignUp { new, code, password } = sign_up;
    let key = dpop::spend(tx, proof).await?;
    let claim = match idempotency::claim(tx, idempotency, app.platform.world.now()).await? {
        Claim::New(claim) => claim,
        Claim::Done(outcome) => return Ok(outcome),
    };
    names::lock(tx, &new.sign_up.names).await?;
    let evidence = Evidence { proof: proof.cloned(), ..Evidence::default() };
    // The hooks may have changed the address of the request.
    let proven = new.sign_up.names.iter().find(|name| name.proven);
    let proven = proven.ok_or_else(|| ApiError::internal("a sign-up with a code has no proven address"))?;
    let proof = Contact::from(proven).proof(code);
    let outcome = match challenges::consume(tx, &app.platform, caller, Scene::Login, proof).await? {
        Err(code) => SignUpOutcome::Refused(code.as_str().to_owned()),
        // A taken name is such an error: the same code is then still valid for a sign-in.
        Ok(_) => SignUpOutcome::Done(
            registration::create(tx, &app.accounts, caller, new, password, &evidence, key).await?,
        ),
    };
    claim.answer(tx, &outcome).await?;
    Ok(outcome)
}
