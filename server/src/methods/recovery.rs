//! Account recovery: requesting a code or link, and choosing a new password with it.

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::addresses::challenges::{self, Verdict};
use doorward_accounts::addresses::contacts::{self, Contact};
use doorward_accounts::addresses::first_proof::{self, Evidence, Prover, Standing};
use doorward_accounts::{screening, service_keys};
use doorward_core::message::Message;
use doorward_core::one_time_code::Scene;
use doorward_core::operation::Operation;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::Secret;
use doorward_credentials::passwords::HashPriority;
use doorward_limits::{self, Purpose, Subject};
use doorward_messages::outbox;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::{ForgotPasswordRequest, MailProof, PasswordReset, ResetPasswordRequest};
use doorward_protocol::profile::ProfileFields;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Principal;
use doorward_request::idempotency::{self, Claim, Idempotency};
use doorward_request::json::Json;
use doorward_store::accounts::{self, Account};
use doorward_store::challenges::Consumed;
use doorward_store::identities::{self, Identity, Kind};
use doorward_store::{StoreError, Tx, passwords, sessions, transaction};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(forgot_password)).routes(routes!(reset_password))
}

/// Sends a code and a link for a new password. The answer is the same for every address, unless the operator
/// has chosen `disclosure.account = "compatible"`.
#[utoipa::path(post, path = "/v1/password/forgot", request_body = ForgotPasswordRequest,
    responses((status = 200, body = Object), ApiError))]
async fn forgot_password(
    State(app): State<AppState>,
    caller: Caller,
    who: Principal,
    json: Json<ForgotPasswordRequest>,
) -> Result<Answer<Value>, ApiError> {
    let caller =
        service_keys::speaks_for(&app.platform, caller, json.request.options.client_ip.as_deref()).await?;
    let named =
        Contact::of(&app.platform, json.request.email.as_deref(), json.request.phone_number.as_deref())?;
    doorward_limits::admit(&app.limits, &caller, Purpose::Send, named.subject()).await?;
    let Json { request, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::ForgotPassword, who, json).await?;
    let contact = Contact::of(&app.platform, request.email.as_deref(), request.phone_number.as_deref())?;
    contact.known(&app.platform).await?;
    forgot(&app, caller, contact).await?;
    Ok(Answer(json!({})))
}

/// Sets a new password with the code or the link, and ends all sessions of the account.
#[utoipa::path(post, path = "/v1/password/reset", request_body = ResetPasswordRequest,
    responses((status = 200, body = PasswordReset), ApiError))]
async fn reset_password(
    State(app): State<AppState>,
    caller: Caller,
    prover: Prover,
    json: Json<ResetPasswordRequest>,
) -> Result<Answer<PasswordReset>, ApiError> {
    let caller =
        service_keys::speaks_for(&app.platform, caller, json.request.options.client_ip.as_deref()).await?;
    let ResetPasswordRequest { email, phone_number, code, token, .. } = &json.request;
    let proof = match (phone_number, code) {
        (Some(phone), Some(code)) if email.is_none() && token.is_none() => {
            Contact::phone(&app.platform, phone, "phone_number")?.proof(code)
        }
        (Some(_), None) => return Err(ApiError::field("code", "This field is required.")),
        (Some(_), Some(_)) => {
            return Err(ApiError::field(
                "phone_number",
                "Give only one of these: an address, a number or a token.",
            ));
        }
        (None, code) => MailProof::of(email.as_deref(), code.as_ref(), token.as_deref())?,
    };
    doorward_limits::admit(&app.limits, &caller, Purpose::Code, Subject::of(&proof)).await?;
    // The proof was read before the hooks, so that they cannot change it.
    let Json { request, idempotency, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::ResetPassword, prover.who, json).await?;
    let password = request.new_password.into();
    let id = reset(&app, caller, proof, prover.evidence, password, idempotency).await?;
    let account = accounts::by_id(&mut *app.platform.store.read().await?, &id).await?;
    // A user who cannot sign in with the new password does not get the profile.
    let account = account
        .filter(|account| doorward_accounts::sessions::refusal(&app.platform, "password", account).is_none());
    Ok(Answer(PasswordReset { user: account.map(|account| account.to_profile()) }))
}

/// Requests the message. The worker checks whether an account has the address when it sends, so that neither
/// the answer nor its duration reveals that (D-19).
pub(crate) async fn forgot(app: &AppState, caller: Caller, contact: Contact) -> Result<(), ApiError> {
    if contact.kind == Kind::Phone && !contacts::reaches(&app.accounts, Kind::Phone) {
        return Err(ErrorCode::Forbidden.into());
    }
    let job = app.clone();
    app.platform
        .store
        .write(transaction!(|tx| {
            let (world, scene) = (&job.platform.world, Scene::ResetPassword);
            // Two concurrent requests would leave a valid code of each scene that a reset accepts.
            identities::lock(tx, contact.kind, &contact.value).await?;
            outbox::challenge(tx, world, &caller, scene, &contact.value, None, None).await?;
            contacts::spend(tx, &job.limits, &caller, &contact).await?;
            let record = Record::of(Event::CodeRequested).detail(scene.as_str());
            Ok::<(), ApiError>(record.write(tx, world, &caller, world.now()).await?)
        }))
        .await?;
    app.outbox.wake_up.signal();
    Ok(())
}

/// Sets the password. Returns the id of the account. Hashes the password before it checks the code, so that a
/// wrong code costs the same work (D-6).
pub(crate) async fn reset(
    app: &AppState,
    caller: Caller,
    proof: MailProof,
    evidence: Evidence,
    password: Secret,
    idempotency: Option<Idempotency>,
) -> Result<String, ApiError> {
    // The screening uses only the address in the request, so that its result reveals nothing about the
    // account.
    let known = match &proof {
        MailProof::Code { email, .. } => screening::of_names(&[known_by(email)], &ProfileFields::default()),
        MailProof::Token(_) => Vec::new(),
    };
    app.accounts.screening.admit(&password, &known, "new_password").await?;
    let hash = app.accounts.hasher.hash(&app.platform.world, &password, HashPriority::Last).await?;
    let job = app.clone();
    let verdict = app
        .platform
        .store
        .write(transaction!(|tx| {
            evidence.spend(tx, &job.platform).await?;
            replace(tx, &job, &caller, proof, &evidence, &hash, idempotency.as_ref()).await
        }))
        .await?;
    app.outbox.wake_up.signal();
    verdict.met().map(|(account, _)| account)
}

fn known_by(address: &str) -> Identity {
    Contact { kind: Kind::of(address), value: address.to_owned() }.identity(false)
}

/// The transaction: code or link, password, sessions, notice, audit.
async fn replace(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    proof: MailProof,
    evidence: &Evidence,
    hash: &PasswordHash,
    idempotency: Option<&Idempotency>,
) -> Result<Verdict, ApiError> {
    let now = app.platform.world.now();
    let claim = match idempotency::claim(tx, idempotency, now).await? {
        Claim::New(claim) => claim,
        Claim::Done(verdict) => return Ok(verdict),
    };
    let verdict = match challenges::consume(tx, &app.platform, caller, Scene::ResetPassword, proof).await? {
        Ok(Consumed { account: Some(_), address, .. }) => {
            let contact = Contact { kind: Kind::of(&address), value: address };
            match first_proof::locked_standing(tx, &contact, evidence).await? {
                Standing::Own(account) => set(tx, app, caller, &contact, account, hash).await?,
                Standing::Unowned(account) if account.disabled => {
                    return Err(ErrorCode::UserIsDisabled.into());
                }
                Standing::Unowned(account) => {
                    first_proof::take_over(tx, &app.hooks, caller, &contact, &account).await?;
                    set(tx, app, caller, &contact, account, hash).await?
                }
                Standing::OwnedByOther(account) => {
                    first_proof::release(tx, &app.platform, caller, &contact, &account).await?;
                    Verdict::Left
                }
                Standing::Free => Verdict::refused(ErrorCode::InvalidCode),
            }
        }
        // Without an account, a code that is also valid for a sign-up stays valid.
        Ok(Consumed { address, .. }) => {
            doorward_store::challenges::restore_unbound(tx, Scene::Access, &address).await?;
            Verdict::refused(ErrorCode::InvalidCode)
        }
        Err(code) => Verdict::refused(code),
    };
    claim.answer(tx, &verdict).await?;
    Ok(verdict)
}

/// Sets the password, and ends sessions and challenges that began with the old one.
async fn set(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    contact: &Contact,
    account: Box<Account>,
    hash: &PasswordHash,
) -> Result<Verdict, ApiError> {
    let (id, now) = (account.id, app.platform.world.now());
    passwords::set(tx, &id, hash, now).await?;
    doorward_limits::forgiven(tx, &app.platform, &id).await?;
    // Signs out every client that used the old password, including an attacker (SECURITY C07).
    sessions::delete_all(tx, &id).await?;
    accounts::touch(tx, &id, now).await?;
    identities::own(tx, contact.kind, &contact.value, now).await?;
    accounts::forget_signup_key(tx, &id).await?;
    doorward_store::challenges::void_others(tx, Scene::VerifyEmail, &contact.value).await?;
    if app.platform.config.codes.reset_verifies {
        prove(tx, &id, &contact.value, now).await?;
    }
    if let Some(email) = told(tx, &id, &contact.value).await? {
        outbox::notice(tx, &app.platform.world, caller, Message::PasswordChanged, &email).await?;
    }
    let record = Record::of(Event::PasswordReset).account(&id);
    record.write(tx, &app.platform.world, caller, now).await?;
    Ok(Verdict::Met { account: id, redirect: None })
}

/// The address for the notice: the address that the mail was sent to, or after an SMS [`Account::told_at`].
async fn told(tx: &mut Tx, account: &str, address: &str) -> Result<Option<String>, StoreError> {
    if Kind::of(address) == Kind::Email {
        return Ok(Some(address.to_owned()));
    }
    let account = accounts::by_id(tx, account).await?;
    Ok(account.and_then(|account| account.told_at().map(str::to_owned)))
}

/// The message with the code also proves the address (seed M54: only if the operator enables it).
async fn prove(
    tx: &mut Tx,
    account: &str,
    address: &str,
    now: doorward_core::clock::Millis,
) -> Result<(), StoreError> {
    identities::verify(tx, Kind::of(address), address, account, now).await?;
    accounts::confirm(tx, account).await?;
    doorward_store::challenges::void(tx, Scene::VerifyEmail, address).await
}
