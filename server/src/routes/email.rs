//! E-mail addresses: verifying, resending the mail, checking whether an address is taken, binding, changing
//! and unbinding.

use axum::Json as Answer;
use axum::extract::State;
use doorward_accounts::addresses::challenges::{self, Verdict};
use doorward_accounts::addresses::contacts::{self, Contact};
use doorward_accounts::addresses::first_proof::{self, Evidence, Prover, Standing};
use doorward_accounts::addresses::{Change, Proven};
use doorward_accounts::sessions::current::CurrentSession;
use doorward_accounts::{names, service_keys, signin};
use doorward_config::{AccountDisclosure, ConfirmationClick};
use doorward_core::canonical;
use doorward_core::clock::rfc3339;
use doorward_core::message::Message;
use doorward_core::one_time_code::Scene;
use doorward_core::operation::Operation;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::Secret;
use doorward_credentials::passwords::{HashPriority, Match};
use doorward_limits::{self, Failed, Purpose, Subject};
use doorward_messages::outbox;
use doorward_protocol::email::{
    BindEmailRequest, ChangeEmailRequest, CheckEmailRequest, EmailStatus, EmailStatusData,
    ResendVerificationAnswer, ResendVerificationRequest, VerifyEmailRequest,
};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::messages::{EMAIL_AVAILABLE, EMAIL_IN_USE, PLEASE_CONFIRM};
use doorward_protocol::password::MailProof;
use doorward_protocol::phone::UnbindRequest;
use doorward_protocol::profile::UserProfile;
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Principal;
use doorward_request::idempotency::{self, Claim, Idempotency};
use doorward_request::json::Json;
use doorward_store::accounts::{self, Account};
use doorward_store::challenges::Consumed;
use doorward_store::identities::{Identity, Kind};
use doorward_store::{Tx, passwords, transaction};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::address_change;
use crate::app::{App, AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(verify_email))
        .routes(routes!(resend_verification))
        .routes(routes!(check_email))
        .routes(routes!(bind_email))
        .routes(routes!(change_email))
        .routes(routes!(unbind_email))
}

/// Adds the first e-mail address to the account.
#[utoipa::path(post, path = "/v1/email/bind", request_body = BindEmailRequest, security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn bind_email(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<BindEmailRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let request = json.request.clone();
    let contact = Contact::email(&request.email, "email")?;
    let change = Change::Bind(Proven { contact, code: request.email_code });
    address_change::carry_out(&app, caller, session, json, change).await
}

/// Replaces the e-mail address of the account.
#[utoipa::path(post, path = "/v1/email/change", request_body = ChangeEmailRequest, security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn change_email(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<ChangeEmailRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let request = json.request.clone();
    let contact = Contact::email(&request.email, "email")?;
    let new = Proven { contact, code: request.email_code };
    let old = match (request.old_email.or_else(|| session.account.email.clone()), request.old_email_code) {
        (Some(old), Some(code)) => Some(Proven { contact: Contact::email(&old, "old_email")?, code }),
        _ => None,
    };
    let change = Change::Replace { new, old };
    address_change::carry_out(&app, caller, session, json, change).await
}

/// Removes the e-mail address from the account, unless it is the last sign-in method.
#[utoipa::path(post, path = "/v1/email/unbind", request_body = UnbindRequest, security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn unbind_email(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<UnbindRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let change = Change::Unbind(Kind::Email);
    address_change::carry_out(&app, caller, session, json, change).await
}

/// Verifies an e-mail address with the code or the link of the mail. The first verification of an account
/// also needs evidence that the same person created the account: the key of the sign-up, a session of the
/// account, or its password (D-39).
#[utoipa::path(post, path = "/v1/email/verify", request_body = VerifyEmailRequest, security((), ("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn verify_email(
    State(app): State<AppState>,
    caller: Caller,
    prover: Prover,
    json: Json<VerifyEmailRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    verify_by(&app, caller, prover, json).await.map(Answer)
}

/// The same, for `/api/v1/auth`.
pub(super) async fn verify_by(
    app: &AppState,
    caller: Caller,
    prover: Prover,
    json: Json<VerifyEmailRequest>,
) -> Result<UserProfile, ApiError> {
    let caller =
        service_keys::speaks_for(&app.platform, caller, json.request.options.client_ip.as_deref()).await?;
    let VerifyEmailRequest { email, code, token, .. } = &json.request;
    let proof = MailProof::of(email.as_deref(), code.as_ref(), token.as_deref())?;
    doorward_limits::admit(&app.limits, &caller, Purpose::Code, Subject::of(&proof)).await?;
    // The proof was read before the hooks, so that they cannot change it.
    let Json { request, idempotency, .. } =
        doorward_hooks::before(&app.hooks, &caller, Operation::VerifyEmail, prover.who, json).await?;
    let password = PasswordGiven::of(request.password, request.new_password)?;
    let asked = Verification { proof, evidence: prover.evidence, password, idempotency, is_form: false };
    let (account, _) = verify(app, caller, asked).await?;
    Ok(account.to_profile())
}

/// A proof of an address, with evidence about the account.
#[derive(Debug)]
pub(crate) struct Verification {
    /// The code or the link.
    pub proof: MailProof,
    /// The evidence that the same person created the account.
    pub evidence: Evidence,
    /// The password in the request.
    pub password: PasswordGiven,
    /// The idempotency key.
    pub idempotency: Option<Idempotency>,
    /// True for a form of the server's own page, which has no captcha.
    pub is_form: bool,
}

/// The password that is sent with a proof.
#[derive(Debug)]
pub(crate) enum PasswordGiven {
    /// No password.
    None,
    /// The password of the account: evidence that the same person created it.
    Current(Secret),
    /// A new password: the person did not create the account.
    New(Secret),
}

impl PasswordGiven {
    /// An error if both are given.
    pub(crate) fn of(password: Option<String>, new_password: Option<String>) -> Result<Self, ApiError> {
        match (password, new_password) {
            (Some(_), Some(_)) => {
                Err(ApiError::field("new_password", "Give the password or a new one, not both."))
            }
            (Some(password), None) => Ok(PasswordGiven::Current(password.into())),
            (None, Some(password)) => Ok(PasswordGiven::New(password.into())),
            (None, None) => Ok(PasswordGiven::None),
        }
    }
}

/// The field that tells hooks the scene of a resent mail.
pub(super) const RESENT: (&str, &str) = ("scene", "VERIFY_EMAIL");

/// Sends the mail for verifying an e-mail address again. The answer is the same for every address, unless the
/// operator has chosen `disclosure.account = "compatible"`.
#[utoipa::path(post, path = "/v1/email/resend", request_body = ResendVerificationRequest,
    responses((status = 200, body = ResendVerificationAnswer), ApiError))]
pub(super) async fn resend_verification(
    State(app): State<AppState>,
    caller: Caller,
    who: Principal,
    json: Json<ResendVerificationRequest>,
) -> Result<Answer<ResendVerificationAnswer>, ApiError> {
    let caller =
        service_keys::speaks_for(&app.platform, caller, json.request.options.client_ip.as_deref()).await?;
    let contact = Contact::email(&json.request.email, "email")?;
    doorward_limits::admit(&app.limits, &caller, Purpose::Send, contact.subject()).await?;
    let Json { request, .. } =
        doorward_hooks::before_with(&app.hooks, &caller, Operation::SendCode, who, json, &[RESENT]).await?;
    let contact = Contact::email(&request.email, "email")?;
    contact.known(&app.platform).await?;
    let email = resend(&app, caller, contact).await?;
    Ok(Answer(ResendVerificationAnswer { email, message: PLEASE_CONFIRM.to_owned() }))
}

/// Returns whether an e-mail address is taken. Only if the operator allows it (D-19).
#[utoipa::path(post, path = "/v1/email/check", request_body = CheckEmailRequest,
    responses((status = 200, body = EmailStatus), ApiError))]
async fn check_email(
    State(app): State<AppState>,
    caller: Caller,
    Json { request, .. }: Json<CheckEmailRequest>,
) -> Result<Answer<EmailStatus>, ApiError> {
    if !app.platform.config.check_email {
        return Err(ErrorCode::Forbidden.into());
    }
    let caller =
        service_keys::speaks_for(&app.platform, caller, request.options.client_ip.as_deref()).await?;
    doorward_limits::admit(&app.limits, &caller, Purpose::Check, Subject::Nobody).await?;
    let email = Contact::email(&request.email, "email")?.value;
    let mut db = app.platform.store.read().await?;
    let account = accounts::by_email(&mut db, &email).await?;
    // An address that a user can sign up with counts as not registered, even if an account claims it.
    let registered = names::is_taken(&mut db, &Identity::unproven(Kind::Email, email.clone())).await?;
    let account = account.filter(|_| registered);
    let told =
        account.as_ref().filter(|_| app.platform.config.disclosure.account == AccountDisclosure::Compatible);
    let shown = canonical::shown_email(&email);
    let data = EmailStatusData {
        id: shown.clone(),
        email: shown,
        registered,
        verified: told.map(|account| account.email_verified_at.is_some()),
        created_at: told.map(|account| rfc3339(account.created_at)),
        updated_at: told.map(|account| rfc3339(account.updated_at)),
    };
    let message = if data.registered { EMAIL_IN_USE } else { EMAIL_AVAILABLE };
    Ok(Answer(EmailStatus { data, message: message.to_owned() }))
}

/// Verifies the address. Returns the account, and the URL that the browser is sent to afterwards.
pub(crate) async fn verify(
    app: &AppState,
    caller: Caller,
    asked: Verification,
) -> Result<(Account, Option<String>), ApiError> {
    let Verification { proof, mut evidence, password, idempotency, is_form } = asked;
    let new_password = match password {
        PasswordGiven::None => None,
        PasswordGiven::Current(password) => {
            evidence.password = verified(app, &caller, &proof, password, is_form).await?;
            None
        }
        PasswordGiven::New(password) => {
            app.accounts.screening.admit(&password, &[], "new_password").await?;
            Some(app.accounts.hasher.hash(&app.platform.world, &password, HashPriority::Last).await?)
        }
    };
    let job = app.clone();
    let verdict = app
        .platform
        .store
        .write(transaction!(|tx| {
            evidence.spend(tx, &job.platform).await?;
            let key = idempotency.as_ref();
            confirm(tx, &job, &caller, proof, &evidence, new_password.as_ref(), key).await
        }))
        .await?;
    app.outbox.wake_up.signal();
    let (account, redirect) = verdict.met()?;
    let mut db = app.platform.store.read().await?;
    let account = accounts::by_id(&mut db, &account).await?.ok_or(ErrorCode::TokenRevoked)?;
    Ok((account, redirect))
}

/// The hash of the account's password, if `password` is right. Needs a valid code or link. Tries are limited
/// like those of a login, but in a separate budget that clients without a code or link cannot use up.
async fn verified(
    app: &AppState,
    caller: &Caller,
    proof: &MailProof,
    password: Secret,
    is_form: bool,
) -> Result<Option<PasswordHash>, ApiError> {
    let (now, mut db) = (app.platform.world.now(), app.platform.store.read().await?);
    let tries = match proof {
        MailProof::Code { email, .. } => challenges::tries(&mut db, &app.platform, caller, email).await?,
        MailProof::Token(_) => 0,
    };
    let (keys, scene) = (&app.platform.secret_keys, Scene::VerifyEmail);
    let found = doorward_store::challenges::peek(&mut db, keys, scene, proof, tries, now).await?;
    let account = match found.and_then(|found| found.account) {
        Some(account) => accounts::by_id(&mut db, &account).await?,
        None => None,
    };
    // Without an account the transaction rejects the code or link, and counts the try.
    let Some(account) = account else { return Ok(None) };
    let stored = passwords::of(&mut db, &account.id).await?;
    drop(db);
    let subject = Subject::Reader(&account);
    match is_form {
        true => doorward_limits::admit_form(&app.limits, caller, Purpose::SignIn, subject).await?,
        false => doorward_limits::admit(&app.limits, caller, Purpose::SignIn, subject).await?,
    }
    let outcome = async {
        let turn = doorward_limits::hash_priority(&app.platform, caller, subject).await?;
        match app.accounts.hasher.verify(&password, stored.as_ref(), turn).await? {
            Match::Yes | Match::Outdated => Ok(stored),
            Match::No => Err(Failed::Wrong(
                signin::refuse(&app.platform, caller.clone(), None, Some(account.clone()), WRONG).await,
            )),
        }
    };
    let outcome = outcome.await;
    doorward_limits::settle(&app.platform, caller, subject, outcome).await.map_err(|error| match error.code {
        WRONG => ApiError::field("password", "This is not the password of the account."),
        _ => error,
    })
}

const WRONG: ErrorCode = ErrorCode::IncorrectUsernameOrPassword;

/// The transaction: code or link, the proven address, audit. A login that waited for the confirmation becomes
/// possible. An error that is returned here rolls it back, so that code and link stay valid.
async fn confirm(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    proof: MailProof,
    evidence: &Evidence,
    new_password: Option<&PasswordHash>,
    idempotency: Option<&Idempotency>,
) -> Result<Verdict, ApiError> {
    let claim = match idempotency::claim(tx, idempotency, app.platform.world.now()).await? {
        Claim::New(claim) => claim,
        Claim::Done(verdict) => return Ok(verdict),
    };
    let verdict = match challenges::consume(tx, &app.platform, caller, Scene::VerifyEmail, proof).await? {
        Ok(Consumed { account: Some(_), address, redirect }) => {
            let contact = Contact { kind: Kind::Email, value: address };
            let standing = first_proof::locked_standing(tx, &contact, evidence).await?;
            prove(tx, app, caller, &contact, standing, new_password, redirect).await?
        }
        Ok(_) => Verdict::refused(ErrorCode::InvalidCode),
        Err(code) => Verdict::refused(code),
    };
    claim.answer(tx, &verdict).await?;
    Ok(verdict)
}

async fn prove(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    contact: &Contact,
    standing: Standing,
    new_password: Option<&PasswordHash>,
    redirect: Option<String>,
) -> Result<Verdict, ApiError> {
    let trusts = app.platform.config.signup.confirmation_click == ConfirmationClick::Trusting;
    match (standing, new_password) {
        (Standing::Free, _) => Ok(Verdict::refused(ErrorCode::InvalidCode)),
        (Standing::Own(_), Some(_)) => {
            let said =
                "The account is yours already. Confirm without a new password, and change it afterwards.";
            Err(ApiError::field("new_password", said))
        }
        (Standing::Own(account), None) => {
            confirmed(tx, app, caller, contact, &account).await?;
            Ok(Verdict::Met { account: account.id, redirect })
        }
        (Standing::Unowned(account) | Standing::OwnedByOther(account), None) if trusts => {
            confirmed(tx, app, caller, contact, &account).await?;
            Ok(Verdict::Met { account: account.id, redirect })
        }
        (Standing::Unowned(_) | Standing::OwnedByOther(_), None) => {
            Err(ApiError { field: Some("password".into()), ..ErrorCode::PasswordRequired.into() })
        }
        (Standing::Unowned(account), Some(_)) if account.disabled => Err(ErrorCode::UserIsDisabled.into()),
        (Standing::Unowned(account), Some(password)) => {
            first_proof::take_over(tx, &app.hooks, caller, contact, &account).await?;
            passwords::set(tx, &account.id, password, app.platform.world.now()).await?;
            outbox::notice(tx, &app.platform.world, caller, Message::PasswordChanged, &contact.value).await?;
            doorward_store::challenges::void_others(tx, Scene::VerifyEmail, &contact.value).await?;
            confirmed(tx, app, caller, contact, &account).await?;
            Ok(Verdict::Met { account: account.id, redirect })
        }
        (Standing::OwnedByOther(account), Some(_)) => {
            first_proof::release(tx, &app.platform, caller, contact, &account).await?;
            Ok(Verdict::Left)
        }
    }
}

async fn confirmed(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    contact: &Contact,
    account: &Account,
) -> Result<(), ApiError> {
    first_proof::note(tx, &app.platform, caller, contact, account).await?;
    accounts::touch(tx, &account.id, app.platform.world.now()).await?;
    // Failed tries by other clients, perhaps before the account existed, must not lock out its new user.
    Ok(doorward_limits::forgiven(tx, &app.platform, &account.id).await?)
}

/// Removes the address from an account that another person created with it. The account stays.
pub(crate) async fn disown(app: &AppState, caller: Caller, proof: MailProof) -> Result<(), ApiError> {
    let job = app.clone();
    let verdict = app
        .platform
        .store
        .write(transaction!(|tx| {
            let consumed = challenges::consume(tx, &job.platform, &caller, Scene::VerifyEmail, proof).await?;
            let verdict = match consumed {
                Ok(Consumed { address, .. }) => {
                    let contact = Contact { kind: Kind::Email, value: address };
                    let standing = first_proof::locked_standing(tx, &contact, &Evidence::default()).await?;
                    match standing {
                        Standing::Unowned(account) | Standing::OwnedByOther(account) => {
                            first_proof::release(tx, &job.platform, &caller, &contact, &account).await?;
                            Verdict::Met { account: account.id, redirect: None }
                        }
                        // The address was proven meanwhile, or the account is gone.
                        Standing::Own(_) | Standing::Free => Verdict::refused(ErrorCode::TokenRevoked),
                    }
                }
                Err(code) => Verdict::refused(code),
            };
            Ok::<_, ApiError>(verdict)
        }))
        .await?;
    verdict.met().map(drop)
}

/// Requests the mail. Returns the address in its display form. The worker checks whether there is anything to
/// verify when it sends, so that neither the answer nor its duration reveals that.
pub(crate) async fn resend(app: &AppState, caller: Caller, contact: Contact) -> Result<String, ApiError> {
    let (job, email) = (app.clone(), canonical::shown_email(&contact.value));
    app.platform
        .store
        .write(transaction!(|tx| {
            let world = &job.platform.world;
            outbox::challenge(tx, world, &caller, Scene::VerifyEmail, &contact.value, None, None).await?;
            contacts::spend(tx, &job.limits, &caller, &contact).await?;
            let record = Record::of(Event::CodeRequested).detail(Scene::VerifyEmail.as_str());
            Ok::<(), ApiError>(record.write(tx, world, &caller, world.now()).await?)
        }))
        .await?;
    app.outbox.wake_up.signal();
    Ok(email)
}
