//! Addresses: proving one, sending the mail for it again, asking whether one is taken.

use axum::Json as Answer;
use axum::extract::State;
use doorward_protocol::canonical_email;
use doorward_protocol::email::{
    BindEmailRequest, ChangeEmailRequest, CheckEmailRequest, EmailStatus, EmailStatusData,
    ResendVerificationAnswer, ResendVerificationRequest, VerifyEmailRequest,
};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::messages::{EMAIL_AVAILABLE, EMAIL_IN_USE, PLEASE_CONFIRM};
use doorward_protocol::password::MailProof;
use doorward_protocol::phone::UnbindRequest;
use doorward_protocol::profile::UserProfile;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::addresses::{self, Change, Proven};
use crate::audit::{Event, Record};
use crate::challenges::{self, Scene, Verdict};
use crate::clock::rfc3339;
use crate::config::AccountDisclosure;
use crate::contacts::{self, Contact};
use crate::error::ApiError;
use crate::extract::{Caller, CurrentSession, Json};
use crate::hooks::{self, Operation, Who};
use crate::idempotency::{self, Claim, Idempotency};
use crate::limits::{self, Purpose, Subject};
use crate::outbox;
use crate::state::{App, AppState};
use crate::store::Tx;
use crate::store::accounts::{self, Account};
use crate::store::challenges::Consumed;
use crate::store::identities::{self, Kind};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(verify_email))
        .routes(routes!(resend_verification))
        .routes(routes!(check_email))
        .routes(routes!(bind_email))
        .routes(routes!(change_email))
        .routes(routes!(unbind_email))
}

/// Gives the account its first address.
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
    addresses::admit(&app, &caller, &session, &change).await?;
    // What it proves, no hook can change.
    let Json { idempotency, .. } =
        hooks::before(&app, &caller, Operation::ChangeAddress, &session, json).await?;
    Ok(Answer(addresses::change(&app, caller, session, change, idempotency).await?.to_profile()))
}

/// Changes the address for another.
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
    addresses::admit(&app, &caller, &session, &change).await?;
    // What it proves, no hook can change.
    let Json { idempotency, .. } =
        hooks::before(&app, &caller, Operation::ChangeAddress, &session, json).await?;
    Ok(Answer(addresses::change(&app, caller, session, change, idempotency).await?.to_profile()))
}

/// Takes the address from the account, unless it is the last way in.
#[utoipa::path(post, path = "/v1/email/unbind", request_body = UnbindRequest, security(("access_token" = [])),
    responses((status = 200, body = UserProfile), ApiError))]
async fn unbind_email(
    State(app): State<AppState>,
    caller: Caller,
    session: CurrentSession,
    json: Json<UnbindRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let change = Change::Unbind(Kind::Email);
    addresses::admit(&app, &caller, &session, &change).await?;
    // What it proves, no hook can change.
    let Json { idempotency, .. } =
        hooks::before(&app, &caller, Operation::ChangeAddress, &session, json).await?;
    Ok(Answer(addresses::change(&app, caller, session, change, idempotency).await?.to_profile()))
}

/// Proves an address with the code or the link of the mail.
#[utoipa::path(post, path = "/v1/email/verify", request_body = VerifyEmailRequest,
    responses((status = 200, body = UserProfile), ApiError))]
pub(super) async fn verify_email(
    State(app): State<AppState>,
    caller: Caller,
    who: Who,
    json: Json<VerifyEmailRequest>,
) -> Result<Answer<UserProfile>, ApiError> {
    let VerifyEmailRequest { email, code, token } = &json.request;
    let proof = MailProof::of(email.as_deref(), code.as_ref(), token.as_deref())?;
    limits::admit(&app, &caller, Purpose::Code, Subject::of(&proof)).await?;
    // What it proves, no hook can change.
    let Json { idempotency, .. } = hooks::before(&app, &caller, Operation::VerifyEmail, who, json).await?;
    let (account, _) = verify(&app, caller, proof, idempotency).await?;
    Ok(Answer(account.to_profile()))
}

/// What hooks know of a mail that is sent again.
pub(super) const RESENT: (&str, &str) = ("scene", "VERIFY_EMAIL");

/// Sends the mail for proving an address again. The answer is the same for every address, unless the operator has chosen
/// `disclosure.account = "compatible"`.
#[utoipa::path(post, path = "/v1/email/resend", request_body = ResendVerificationRequest,
    responses((status = 200, body = ResendVerificationAnswer), ApiError))]
pub(super) async fn resend_verification(
    State(app): State<AppState>,
    caller: Caller,
    who: Who,
    json: Json<ResendVerificationRequest>,
) -> Result<Answer<ResendVerificationAnswer>, ApiError> {
    let contact = Contact::email(&json.request.email, "email")?;
    limits::admit(&app, &caller, Purpose::Send, Subject::at(&contact)).await?;
    let Json { request, .. } =
        hooks::before_with(&app, &caller, Operation::SendCode, who, json, &[RESENT]).await?;
    let contact = Contact::email(&request.email, "email")?;
    contact.known(&app).await?;
    let email = resend(&app, caller, contact).await?;
    Ok(Answer(ResendVerificationAnswer { email, message: PLEASE_CONFIRM.to_owned() }))
}

/// Is this address taken? Only where the operator lets everybody know (D-19).
#[utoipa::path(post, path = "/v1/email/check", request_body = CheckEmailRequest,
    responses((status = 200, body = EmailStatus), ApiError))]
async fn check_email(
    State(app): State<AppState>,
    caller: Caller,
    Json { request, .. }: Json<CheckEmailRequest>,
) -> Result<Answer<EmailStatus>, ApiError> {
    if !app.config.check_email {
        return Err(ErrorCode::Forbidden.into());
    }
    limits::admit(&app, &caller, Purpose::Check, Subject::Nobody).await?;
    let email = canonical_email(&request.email).unwrap_or_default();
    let mut db = app.store.read().await?;
    let account = accounts::by_email(&mut db, &email).await?;
    let told = account.as_ref().filter(|_| app.config.disclosure.account == AccountDisclosure::Compatible);
    let data = EmailStatusData {
        id: email.clone(),
        email,
        registered: account.is_some(),
        verified: told.map(|account| account.email_verified_at.is_some()),
        created_at: told.map(|account| rfc3339(account.created_at)),
        updated_at: told.map(|account| rfc3339(account.updated_at)),
    };
    let message = if data.registered { EMAIL_IN_USE } else { EMAIL_AVAILABLE };
    Ok(Answer(EmailStatus { data, message: message.to_owned() }))
}

/// Proves the address; answers whose it is, and where the browser goes afterwards.
pub(crate) async fn verify(
    app: &AppState,
    caller: Caller,
    proof: MailProof,
    idempotency: Option<Idempotency>,
) -> Result<(Account, Option<String>), ApiError> {
    let job = app.clone();
    let verdict = app
        .store
        .write(move |tx| {
            Box::pin(async move { confirm(tx, &job, &caller, proof, idempotency.as_ref()).await })
        })
        .await?;
    let (account, redirect) = verdict.met()?;
    let mut db = app.store.read().await?;
    let account = accounts::by_id(&mut db, &account).await?.ok_or(ErrorCode::TokenRevoked)?;
    Ok((account, redirect))
}

/// The one transaction: code or link, the proven address, audit. A login that waited for the confirmation waits no
/// more with that.
async fn confirm(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    proof: MailProof,
    idempotency: Option<&Idempotency>,
) -> Result<Verdict, ApiError> {
    let now = app.world.now();
    let claim = match idempotency::claim(tx, idempotency, now).await? {
        Claim::New(claim) => claim,
        Claim::Done(verdict) => return Ok(verdict),
    };
    let by_code = matches!(proof, MailProof::Code { .. });
    let verdict = match challenges::consume(tx, app, caller, Scene::VerifyEmail, proof).await? {
        // Somebody else has proven the account another way, and only claims this address: a click must not give it to
        // them (SECURITY A03). Its owner proves it by `bindEmail`, signed in.
        Ok(Consumed { address, .. }) if !identities::opens(tx, Kind::Email, &address).await? => {
            Verdict::refused(if by_code { ErrorCode::InvalidCode } else { ErrorCode::TokenRevoked })
        }
        Ok(Consumed { account: Some(account), address, redirect }) => {
            identities::verify(tx, Kind::Email, &address, &account, now).await?;
            accounts::touch(tx, &account, now).await?;
            // What others tried, perhaps before there was an account, does not keep out who begins to use it.
            limits::forgiven(tx, app, &account).await?;
            let record = Record::of(Event::EmailVerified).account(&account);
            record.write(tx, &app.world, caller, now).await?;
            Verdict::Met { account, redirect }
        }
        Ok(_) => Verdict::refused(ErrorCode::InvalidCode),
        Err(code) => Verdict::refused(code),
    };
    claim.answer(tx, &verdict).await?;
    Ok(verdict)
}

/// Asks for the mail; answers the address in canonical form. Whether there is anything to prove is looked up when
/// the mail leaves, so that neither the answer nor its time can tell.
pub(crate) async fn resend(app: &AppState, caller: Caller, contact: Contact) -> Result<String, ApiError> {
    let (job, email) = (app.clone(), contact.value.clone());
    app.store
        .write(move |tx| {
            Box::pin(async move {
                let world = &job.world;
                outbox::challenge(tx, world, &caller, Scene::VerifyEmail, &contact.value, None, None).await?;
                contacts::spend(tx, &job, &caller, &contact).await?;
                let record = Record::of(Event::CodeRequested).detail(Scene::VerifyEmail.as_str());
                Ok::<(), ApiError>(record.write(tx, world, &caller, world.now()).await?)
            })
        })
        .await?;
    app.bell.ring();
    Ok(email)
}
