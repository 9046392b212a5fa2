//! Sign-in with identity providers. The protocols are in the crate `providers`, and the effects on accounts
//! in `identity_linking`. A flow is a sign-in from the consent screen to its outcome.

use axum::Json as Answer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use doorward_accounts::addresses::contacts::Contact;
use doorward_accounts::addresses::first_proof::{self, Evidence, Standing};
use doorward_accounts::approved::NewAccount;
use doorward_accounts::entry::{self, Call, Entering, EntryMethod, Registering};
use doorward_accounts::flows::{
    self, Asker, Browser, CallbackInput, Good, Intent, OauthKey, Returned, mismatch,
};
use doorward_accounts::registration::{self, Done};
use doorward_accounts::sessions::current::CurrentSession;
use doorward_accounts::sign_up::SignUp;
use doorward_accounts::{identity_linking, names, service_keys};
use doorward_config::{Confirmation, SignupDisclosure};
use doorward_core::operation::Operation;
use doorward_core::password_hash::PasswordHash;
use doorward_core::secret::Secret;
use doorward_credentials::dpop::{self, Proof};
use doorward_limits::{self, Purpose, Subject};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::provider::{
    FlowAnswer, FlowRequest, ProviderLogin, ProviderLoginRequest, ProviderSignup, ProviderSignupRequest,
};
use doorward_protocol::signup::SignupOptions;
use doorward_providers::{Person, Provider};
use doorward_request::caller::Caller;
use doorward_request::error::{ApiError, Shown};
use doorward_request::idempotency::{self, Claim, Idempotency};
use doorward_request::json::Json;
use doorward_store::flows::{self as rows, Binding};
use doorward_store::identities::{self, Kind};
use doorward_store::{Tx, transaction};
use minijinja::context;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::{App, AppState};
use crate::http::oauth_form::Form;
use crate::request_schema::Requests;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(begin_flow))
        .routes(routes!(login_with_provider))
        .routes(routes!(signup_with_provider))
        .routes(routes!(take_answer))
}

/// The JSON requests of this method.
pub(super) fn requests(requests: &mut Requests<'_>) {
    requests.describe::<FlowRequest>();
    requests.describe::<ProviderLoginRequest>();
    requests.describe::<ProviderSignupRequest>();
}

/// Providers have a list of their own.
pub(super) fn names(_: &App) -> Vec<&'static str> {
    Vec::new()
}

/// The provider that a path names.
fn named<'a>(app: &'a App, name: &Result<Path<String>, PathRejection>) -> Result<&'a Provider, ApiError> {
    let unknown = || ApiError {
        detail: Some("This provider is not configured here.".into()),
        ..ErrorCode::NotFound.into()
    };
    let Path(name) = name.as_ref().map_err(|_| unknown())?;
    app.accounts.providers.get(name).ok_or_else(unknown)
}

/// Begins a sign-in with a provider. Returns the URL that the browser must open. With an access token, the
/// flow can end by linking the provider's identity to that account.
#[utoipa::path(post, path = "/v1/flows/{provider}",
    params(("provider" = String, Path, description = "The name of a configured provider.")), request_body = FlowRequest,
    security((), ("access_token" = [])), responses((status = 200, body = FlowAnswer), ApiError))]
async fn begin_flow(
    State(app): State<AppState>,
    caller: Caller,
    session: Option<CurrentSession>,
    proof: Option<Proof>,
    provider: Result<Path<String>, PathRejection>,
    Json { request, .. }: Json<FlowRequest>,
) -> Result<Answer<FlowAnswer>, ApiError> {
    let caller =
        service_keys::speaks_for(&app.platform, caller, request.options.client_ip.as_deref()).await?;
    doorward_limits::admit(&app.limits, &caller, Purpose::Flow, Subject::Nobody).await?;
    let provider = named(&app, &provider)?;
    Ok(Answer(flows::begin(&app.platform, &caller, provider, proof, session, request).await?))
}

/// Ends a sign-in with the provider's answer. A user without an account gets a key to register with, or at
/// once an account if the operator allows that.
#[utoipa::path(post, path = "/v1/login/provider/{provider}",
    params(("provider" = String, Path, description = "The name of a configured provider.")), request_body = ProviderLoginRequest,
    responses((status = 200, body = ProviderLogin), ApiError))]
pub(crate) async fn login_with_provider(
    State(app): State<AppState>,
    call: Call,
    provider: Result<Path<String>, PathRejection>,
    json: Json<ProviderLoginRequest>,
) -> Result<Answer<ProviderLogin>, ApiError> {
    let entering = entry::sign_in(&app.accounts, call, json, |_: &ProviderLoginRequest| {
        let way = way(&app, &provider);
        let more = vec![("provider", way.method.clone())];
        Ok(EntryMethod { registers: app.platform.config.auto_register.provider, more, ..way })
    });
    let entering = entering.await?;
    let Entering { caller, proof, request, attempt, first, .. } = entering;
    let asker = Asker { caller, proof, flow: request.flow.clone() };
    let came = CallbackInput::of(request)?;
    let provider = attempt.method.clone();
    Ok(Answer(
        flows::end(&app.accounts, &provider, asker, came, Intent::SignIn { attempt: attempt.into(), first })
            .await?,
    ))
}

/// The sign-in method of the provider that a path names.
fn way(app: &App, name: &Result<Path<String>, PathRejection>) -> EntryMethod {
    match named(app, name) {
        Ok(provider) => EntryMethod::unnamed(Operation::ProviderAuth, provider.name()),
        Err(error) => {
            EntryMethod { refusal: Some(error), ..EntryMethod::unnamed(Operation::ProviderAuth, "") }
        }
    }
}

/// Creates an account for a user without one, with the key from the sign-in. Does not sign in.
#[utoipa::path(post, path = "/v1/signup/provider/{provider}",
    params(("provider" = String, Path, description = "The name of a configured provider.")), request_body = ProviderSignupRequest,
    responses((status = 200, body = ProviderSignup), ApiError))]
async fn signup_with_provider(
    State(app): State<AppState>,
    call: Call,
    provider: Result<Path<String>, PathRejection>,
    json: Json<ProviderSignupRequest>,
) -> Result<Answer<ProviderSignup>, ApiError> {
    let way = way(&app, &provider);
    let provider = way.method.clone();
    let done: Option<Done> = {
        let mut db = app.platform.store.read().await?;
        idempotency::find(&mut db, json.idempotency.as_ref(), app.platform.world.now()).await?
    };
    let answer = match done {
        Some(done) => registration::repeat(&app.issuer, &done, call.proof).await?,
        None => {
            let call = entry::admit_sign_up(&app.accounts, call, &json.request, &way).await?;
            let flow = json.request.flow.as_deref();
            let browser = Browser { proof: call.proof.as_ref(), session: None, flow };
            let offer = offered(&app, &provider, browser, &json.request.oauth_key).await?;
            let offer = Offer { wants_address: json.request.email.is_some(), ..offer };
            let json = completed(&app, json, &offer.person)?;
            let draft = |request| draft(&app, &provider, &offer.person, request);
            let registering = entry::approve_sign_up(&app.accounts, call, json, &way, draft).await?;
            let Registering { caller, proof, idempotency, new } = registering;
            let hash = new.sign_up.hash(&app.accounts).await?;
            let (job, shown) = (app.clone(), proof.clone());
            let made = app.platform.store.write(transaction!(|tx| {
                let registration = Registration { offer: &offer, new, password: hash.as_ref() };
                register(tx, &job, &caller, registration, shown.as_ref(), idempotency.as_ref()).await
            }));
            let done = made.await?;
            app.outbox.wake_up.signal();
            registration::answer(&app.issuer, &done, proof.as_ref()).await?
        }
    };
    let data = answer.user.ok_or(ErrorCode::OauthReused)?;
    let links = identities::links(&mut *app.platform.store.read().await?, &data.user_id).await?;
    let id = links.into_iter().find(|link| link.provider == provider).map(|link| link.id);
    let message = format!("You have been registered with {provider} account");
    Ok(Answer(ProviderSignup { data, message, id }))
}

/// The offer to register an identity that has no account.
struct Offer {
    flow: String,
    person: Person,
    /// True if the page has sent an e-mail address.
    wants_address: bool,
}

/// The offer behind a key, if this browser has it and it is not used yet.
async fn offered(app: &App, provider: &str, browser: Browser<'_>, key: &str) -> Result<Offer, ApiError> {
    let unknown = || mismatch("This browser has not begun such a registration. Please start again.");
    let id = OauthKey::flow(key).ok_or_else(unknown)?;
    let flow = rows::by_id(&mut *app.platform.store.read().await?, id).await?;
    let flow = flow.filter(|flow| flow.provider == provider).ok_or_else(unknown)?;
    let is_key = OauthKey::is(&app.platform.secret_keys, Good::ForOffer, &flow.id, key);
    // After a sign-in with a token and without a browser key, no client knows the secret of the flow. Then
    // the key of the offer is sufficient.
    let is_free = flow.callback.is_empty() && matches!(flow.binding, Binding::Secret(_));
    if !is_key || !(is_free || browser.is(&flow.binding)) {
        return Err(unknown());
    }
    if flow.used_at.is_some() {
        return Err(ErrorCode::OauthReused.into());
    }
    let ends = flow.finished_at.unwrap_or_default() + app.platform.config.flows.lifetime.millis();
    if ends <= app.platform.world.now() {
        return Err(mismatch("The registration took too long. Please start again."));
    }
    let person = flows::person(&app.platform, &flow).ok_or_else(unknown)?;
    Ok(Offer { flow: flow.id, person, wants_address: false })
}

/// Completes the request with the provider's data where the page sent none, so that hooks see the account as
/// it will be.
fn completed(
    app: &App,
    json: Json<ProviderSignupRequest>,
    person: &Person,
) -> Result<Json<ProviderSignupRequest>, ApiError> {
    let address = identity_linking::vouched(person).map(|address| address.value);
    let Some(mut object) = json.given.clone() else {
        let mut request = json.request;
        request.email = request.email.or(address);
        request.profile.fields.fill(&person.profile);
        return Ok(Json { request, ..json });
    };
    let Value::Object(mut said) = serde_json::to_value(&person.profile).map_err(ApiError::internal)? else {
        return Ok(json);
    };
    said.extend(address.map(|address| ("email".to_owned(), address.into())));
    for (name, value) in said {
        if object.get(&name).is_none_or(|given| given.is_null() || given == "") {
            object.insert(name, value);
        }
    }
    Json::of(object, json.idempotency, &app.platform, !app.hooks.is_idle())
}

/// The account to create, from the completed request.
fn draft(
    app: &App,
    provider: &str,
    person: &Person,
    request: ProviderSignupRequest,
) -> Result<SignUp, ApiError> {
    let mut names = vec![identity_linking::identity(provider, person)];
    let vouched = identity_linking::vouched(person);
    if let Some(email) = &request.email {
        let email = Contact::email(email, "email")?;
        let proven = vouched.is_some_and(|vouched| vouched.value == email.value);
        // Otherwise, whether the provider's identity is linked afterwards would reveal whether the address
        // was free.
        let quiet = app.platform.config.disclosure.signup == SignupDisclosure::Quiet;
        let required = app.platform.config.signup.confirmation == Confirmation::Required;
        if !proven && (quiet || required) {
            return Err(ApiError::field(
                "email",
                "Use the address that the provider has verified, or none, and add another one afterwards.",
            ));
        }
        names.push(email.identity(proven));
    }
    let options =
        SignupOptions { email_subscription: request.options.email_subscription, ..SignupOptions::default() };
    let mut draft = SignUp::of_signup(&app.platform, options, request.profile, names, provider)?;
    draft.password = request.password.map(Secret::from);
    Ok(draft)
}

/// An account for an identity from a provider.
struct Registration<'a> {
    offer: &'a Offer,
    new: NewAccount,
    password: Option<&'a PasswordHash>,
}

/// The transaction: creates the account with its names, and uses up the offer.
async fn register(
    tx: &mut Tx,
    app: &App,
    caller: &Caller,
    registration: Registration<'_>,
    proof: Option<&Proof>,
    idempotency: Option<&Idempotency>,
) -> Result<Done, ApiError> {
    let Registration { offer, mut new, password } = registration;
    dpop::spend(tx, proof).await?;
    let now = app.platform.world.now();
    let claim = match idempotency::claim(tx, idempotency, now).await? {
        Claim::New(claim) => claim,
        Claim::Done(done) => return Ok(done),
    };
    names::lock(tx, &new.sign_up.names).await?;
    for name in new.sign_up.names.iter().filter(|name| name.origin.is_some()) {
        if identities::exists(tx, name.kind, &name.value).await? {
            return Err(ErrorCode::SocialAccountInUse.into());
        }
    }
    let evidence = Evidence { proof: proof.cloned(), ..Evidence::default() };
    let address = new.sign_up.names.iter().find(|name| name.kind == Kind::Email);
    if let Some(address) = address.filter(|_| !offer.wants_address) {
        let contact = Contact::from(address);
        // The page did not send this address, so an account that has it does not block the sign-up.
        match first_proof::standing(tx, &contact, &evidence).await? {
            Standing::Own(_) => new.sign_up.give_up(Kind::Email),
            Standing::Unowned(account) if account.disabled => new.sign_up.give_up(Kind::Email),
            Standing::Unowned(_) | Standing::OwnedByOther(_) | Standing::Free => {}
        }
    }
    let done = registration::create(tx, &app.accounts, caller, &new, password, &evidence, None).await?;
    if !rows::use_up(tx, &offer.flow, &new.sign_up.account.id, now).await? {
        return Err(ErrorCode::OauthReused.into());
    }
    claim.answer(tx, &done).await?;
    Ok(done)
}

/// The form that a provider posts if it does not send its answer to the page (Apple).
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the form in the OpenAPI document")]
struct PostedAnswer {
    #[schema(min_length = 1)]
    state: String,
    /// The authorization code.
    code: Option<String>,
    /// The error code, if the provider refuses.
    error: Option<String>,
    /// The issuer.
    iss: Option<String>,
    /// Apple: name and address as JSON, only at the first sign-in.
    user: Option<String>,
}

/// Receives the form that a provider posts, and redirects the browser to the page that began the flow.
#[utoipa::path(post, path = "/v1/callback/{provider}",
    params(("provider" = String, Path, description = "The name of a configured provider.")),
    request_body(content = PostedAnswer, content_type = "application/x-www-form-urlencoded"),
    responses((status = 303, description = "Redirects to the page that began the flow."), Shown))]
async fn take_answer(
    State(app): State<AppState>,
    provider: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    match answered(&app, &provider, request).await {
        // After a form: 303, never 307 (SECURITY O08).
        Ok(page) => (StatusCode::SEE_OTHER, [(header::LOCATION, page)]).into_response(),
        Err(error) => refusal_page(&app, error).unwrap_or_else(IntoResponse::into_response),
    }
}

async fn answered(
    app: &AppState,
    provider: &Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<HeaderValue, ApiError> {
    let provider = named(app, provider)?;
    if !provider.posts() {
        return Err(ErrorCode::NotFound.into());
    }
    let form = Form::read(request, &["state", "code", "error", "iss", "user"]).await;
    let form = form.map_err(|_| ApiError::request(400, "This is not an answer of a provider."))?;
    let text = |name: &str| form.get(name).map(str::to_owned);
    let answer = match (text("code"), text("error")) {
        (_, Some(error)) => Returned::refusal(&error),
        (Some(code), None) => Returned::Code { code, iss: text("iss"), user: text("user") },
        (None, None) => return Err(ApiError::request(400, "This is not an answer of a provider.")),
    };
    let page = flows::keep(&app.platform, provider, form.get("state").unwrap_or_default(), answer).await?;
    HeaderValue::try_from(String::from(page)).map_err(ApiError::internal)
}

/// An error page for the user: the browser is on the server's own page, and the page that began the flow is
/// unknown.
fn refusal_page(app: &App, error: ApiError) -> Result<Response, ApiError> {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let text = error.detail.clone().unwrap_or_else(|| error.code.message().into());
    let values = context! { title => "That did not work", text => text.as_ref(), failed => true };
    let mut response = app.pages.show(&app.platform.world, "done.html", values)?;
    *response.status_mut() = status;
    response.extensions_mut().insert(Shown(error));
    Ok(response)
}
