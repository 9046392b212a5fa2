//! Ends a flow with the provider's answer. The first request with the answer asks the provider. Repeated requests
//! with the same answer get the same outcome, and other answers are refused.

use std::sync::Arc;
use std::time::Duration;

use doorward_core::clock::Millis;
use doorward_credentials::dpop::{self, Proof, Thumbprint};
use doorward_protocol::error::ErrorCode;
use doorward_protocol::provider::ProviderLogin;
use doorward_providers::{Memory, Person, Provider, ProviderAnswer, Refusal};
use doorward_request::audit::{Event, Record};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::Granted;
use doorward_request::platform::Platform;
use doorward_store::flows::{self, Binding, Flow};
use doorward_store::{StoreError, Tx, identities, transaction};
use url::Url;

use super::callback_input::{CallbackInput, Returned, is_page};
use super::{Browser, FlowOutcome, Good, OauthKey, hash, mismatch, open, person, refused, seal};
use crate::addresses::first_proof::Evidence;
use crate::approved::{Approved, Attempt};
use crate::identity_linking::ProviderSignIn;
use crate::service::Accounts;
use crate::sessions::current::CurrentSession;
use crate::{identity_linking, signin};

/// Time in milliseconds that a request has to end a flow after claiming it. After that, another request may claim
/// the flow, since the server of the first may have crashed.
const CLAIM_TIMEOUT: Millis = 30_000;
/// Time limit for all calls to the provider together.
const DEADLINE: Duration = Duration::from_secs(25);
/// Interval at which waiting requests check whether another node has ended the flow.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The purpose for which a flow is ended.
#[derive(Debug)]
pub enum Intent {
    /// To sign in, and to create an account at a first sign-in if that is allowed.
    SignIn {
        /// The attempt as the hooks have approved it.
        attempt: Box<Approved<Attempt>>,
        /// The grants for such an account. `None` if the sign-in must not create one.
        first: Option<Granted>,
    },
    /// To link the identity at the provider to the account of this session.
    Link(Box<CurrentSession>),
}

/// The sender of a request: the client, and the data that identify its browser.
#[derive(Debug)]
pub struct Asker {
    /// The client, for the audit log.
    pub caller: Caller,
    /// The DPoP proof of the browser's key. `None` if the request has a session, which contains the proof.
    pub proof: Option<Proof>,
    /// The secret of a flow that was begun without a key.
    pub flow: Option<String>,
}

/// Ends a flow with the provider's answer. For a token that the app got from the provider, begins a flow and ends
/// it at once.
pub async fn end(
    accounts: &Arc<Accounts>,
    provider: &str,
    asker: Asker,
    input: CallbackInput,
    intent: Intent,
) -> Result<ProviderLogin, ApiError> {
    let (proof, caller) = (asker.proof.clone(), asker.caller.clone());
    let job = Job { accounts: accounts.clone(), provider: provider.to_owned(), asker, intent };
    // Runs to the end even if the client disconnects: the code is valid only once, and the page may ask again.
    let (flow, outcome) = tokio::spawn(job.run(input)).await.map_err(ApiError::internal)??;
    outcome.answer(&accounts.issuer, &flow, &caller, proof.as_ref()).await
}

/// One request that ends a flow.
struct Job {
    accounts: Arc<Accounts>,
    provider: String,
    asker: Asker,
    intent: Intent,
}

/// The state in which a request finds the flow that it wants to end.
enum Found {
    /// The flow has not ended, and this request has claimed it. A session that begins now is bound to the key.
    Open(Box<Flow>, Returned, Option<Thumbprint>),
    /// Another request is ending the flow with the same answer.
    Busy(Box<Flow>),
    /// The flow was ended with this answer.
    Ended(Box<Flow>),
    /// The flow has ended with an offer, and the user has signed in since. The offered identity can be linked to
    /// the user's account.
    Offered(Box<Flow>, Box<Person>),
}

impl Job {
    async fn run(self, input: CallbackInput) -> Result<(Flow, FlowOutcome), ApiError> {
        let found = match input {
            CallbackInput::Token { token, nonce } => {
                return self.end_with_token(token.expose(), nonce.as_deref()).await;
            }
            input => self.find(input).await?,
        };
        match found {
            Found::Open(flow, returned, key) => {
                let outcome = self.conclude(&flow, returned, key).await;
                self.accounts.waiting.wake();
                let outcome = outcome?;
                // The row now contains the sealed description of the user.
                let flow = self.read(&flow.id).await?.unwrap_or(*flow);
                Ok((flow, outcome))
            }
            Found::Busy(flow) => self.wait(*flow).await,
            Found::Ended(flow) => self.repeat(*flow),
            Found::Offered(flow, person) => self.accept_offer(*flow, *person).await,
        }
    }

    /// Returns the stored outcome, if this request has the same purpose as the request that ended the flow.
    fn repeat(&self, flow: Flow) -> Result<(Flow, FlowOutcome), ApiError> {
        let outcome = FlowOutcome::stored(flow.outcome.as_deref().unwrap_or_default())?;
        match (&outcome, &self.intent) {
            (FlowOutcome::Linked { .. }, Intent::SignIn { .. })
            | (FlowOutcome::SignedIn { .. } | FlowOutcome::Offered, Intent::Link(_)) => {
                Err(ErrorCode::OauthReused.into())
            }
            _ => Ok((flow, outcome)),
        }
    }

    fn provider(&self) -> Result<&Provider, ApiError> {
        self.accounts.providers.get(&self.provider).ok_or_else(|| ErrorCode::NotFound.into())
    }

    async fn read(&self, id: &str) -> Result<Option<Flow>, StoreError> {
        flows::by_id(&mut *self.accounts.platform.store.read().await?, id).await
    }

    /// Runs [`claim`] in a transaction, after using up the DPoP proof of the request.
    async fn find(&self, input: CallbackInput) -> Result<Found, ApiError> {
        let (app, provider) = (self.accounts.clone(), self.provider.clone());
        let (proof, secret) = (self.asker.proof.clone(), self.asker.flow.clone());
        let session = self.session();
        app.clone()
            .platform
            .store
            .write(transaction!(|tx| {
                let now = app.platform.world.now();
                let key = match &session {
                    Some(session) => session.confirm(tx, now).await.map(|()| None)?,
                    None => dpop::spend(tx, proof.as_ref()).await?,
                };
                let browser =
                    Browser { proof: proof.as_ref(), session: session.as_ref(), flow: secret.as_deref() };
                claim(tx, &app.platform, &provider, browser, input, key).await
            }))
            .await
    }

    /// Asks the provider, then signs in or links. Stores a refusal, unless a repeated request may succeed.
    async fn conclude(
        &self,
        flow: &Flow,
        returned: Returned,
        key: Option<Thumbprint>,
    ) -> Result<FlowOutcome, ApiError> {
        let known = match person(&self.accounts.platform, flow) {
            Some(known) => Ok(known),
            None => self.ask(flow, returned).await,
        };
        let (error, known) = match known {
            Ok(known) => match self.sign_in_or_link(flow, &known, key).await {
                Ok(outcome) => return Ok(outcome),
                Err(error) => (error, Some(known)),
            },
            Err(error) => (error, None),
        };
        let is_temporary =
            matches!(error.code, ErrorCode::Network | ErrorCode::Overloaded | ErrorCode::Internal);
        let stored = if is_temporary { None } else { Some(FlowOutcome::refused(&error).to_json()?) };
        let sealed = match &known {
            Some(known) => Some(seal(&self.accounts.platform, &flow.id, "person", known)?),
            None => None,
        };
        let (row, now) = (flow.clone(), self.accounts.platform.world.now());
        self.accounts
            .platform
            .store
            .write(transaction!(|tx| {
                match &stored {
                    Some(outcome) => flows::finish(tx, &row, outcome, None, now).await.map(drop),
                    None => flows::release(tx, &row, sealed.as_deref()).await,
                }
            }))
            .await?;
        self.record_refusal(&error, known.as_ref(), flow.account.clone()).await?;
        Err(error)
    }

    /// Records the refusal in the audit log, with the account if it is known.
    async fn record_refusal(
        &self,
        error: &ApiError,
        known: Option<&Person>,
        account: Option<String>,
    ) -> Result<(), ApiError> {
        let (app, caller) = (self.accounts.clone(), self.asker.caller.clone());
        let event = if signin::is_verdict(error.code) { Event::SignInFailed } else { Event::FlowRefused };
        let name = known.map(|person| identity_linking::identity(&self.provider, person));
        let detail = format!("{} {}", error.code.as_str(), self.provider);
        self.accounts
            .platform
            .store
            .write(transaction!(|tx| {
                let owner = match &name {
                    Some(name) => identities::owner(tx, name.kind, &name.value).await?,
                    None => None,
                };
                let account = owner.or(account);
                let record = Record { account: account.as_deref(), ..Record::of(event).detail(&detail) };
                Ok(record.write(tx, &app.platform.world, &caller, app.platform.world.now()).await?)
            }))
            .await
    }

    /// Asks the provider for the identity of the user.
    async fn ask(&self, flow: &Flow, returned: Returned) -> Result<Person, ApiError> {
        let memory = flow
            .memory
            .as_ref()
            .and_then(|sealed| open::<Memory>(&self.accounts.platform, &flow.id, "memory", sealed));
        let memory =
            memory.ok_or_else(|| ApiError::internal("the stored state of a flow cannot be decrypted"))?;
        let answer = match &returned {
            Returned::Code { code, iss, user } => {
                ProviderAnswer::Code { code, iss: iss.as_deref(), user: user.as_deref() }
            }
            Returned::Verifier { token, verifier } => ProviderAnswer::Verifier { token, verifier },
            Returned::Refusal(why) => {
                return Err(refused(Refusal::Denied(why.clone())));
            }
        };
        let asked = self.provider()?.finish(&self.accounts.platform.world, &memory, &answer);
        let slow = |_| ApiError {
            cause: Some("the calls to the provider took too long".into()),
            ..ErrorCode::Network.into()
        };
        tokio::time::timeout(DEADLINE, asked).await.map_err(slow)?.map_err(refused)
    }

    /// Signs in or links, and stores the outcome in the row of the flow, in one transaction.
    async fn sign_in_or_link(
        &self,
        flow: &Flow,
        person: &Person,
        key: Option<Thumbprint>,
    ) -> Result<FlowOutcome, ApiError> {
        let (app, caller, provider) =
            (self.accounts.clone(), self.asker.caller.clone(), self.provider.clone());
        let (row, person) = (flow.clone(), person.clone());
        let sealed = seal(&app.platform, &row.id, "person", &person)?;
        let link = self.session();
        let evidence = Evidence { proof: self.asker.proof.clone(), ..Evidence::default() };
        let admission = match &self.intent {
            Intent::SignIn { attempt, first } => {
                let first = first.clone();
                Some(
                    identity_linking::admit(
                        &app.hooks, &caller, attempt, &provider, &person, first, &evidence,
                    )
                    .await?,
                )
            }
            Intent::Link(_) => None,
        };
        let hash = match &admission {
            Some(admission) => admission.hash(&self.accounts).await?,
            None => None,
        };
        let outcome = self
            .accounts
            .platform
            .store
            .write(transaction!(|tx| {
                let outcome = match (&link, &admission) {
                    (Some(session), _) => {
                        identity_linking::link(tx, &app.platform, &caller, &provider, &person, session)
                            .await?
                    }
                    (None, Some(admission)) => {
                        let sign_in = ProviderSignIn {
                            provider: &provider,
                            person: &person,
                            admission,
                            password: hash.as_ref(),
                            evidence: &evidence,
                            key,
                        };
                        identity_linking::sign_in(tx, &app, &caller, sign_in).await?
                    }
                    (None, None) => {
                        return Err(ApiError::internal("a flow with neither a session nor an admission"));
                    }
                };
                let kept = matches!(outcome, FlowOutcome::Offered).then_some(sealed.as_slice());
                match flows::finish(tx, &row, &outcome.to_json()?, kept, app.platform.world.now()).await? {
                    true => Ok::<_, ApiError>(outcome),
                    // This request took so long that another request has claimed the flow. The outcome of the
                    // other request counts.
                    false => Err(ErrorCode::Network.into()),
                }
            }))
            .await?;
        self.accounts.outbox.wake_up.signal();
        Ok(outcome)
    }

    /// Links the identity that a flow has offered to the account that has signed in since, in the same browser.
    async fn accept_offer(&self, flow: Flow, person: Person) -> Result<(Flow, FlowOutcome), ApiError> {
        let (app, caller, provider) =
            (self.accounts.clone(), self.asker.caller.clone(), self.provider.clone());
        let session = self.session().ok_or_else(|| ApiError::internal("an offer without a session"))?;
        let id = flow.id.clone();
        let outcome = self
            .accounts
            .platform
            .store
            .write(transaction!(|tx| {
                let outcome =
                    identity_linking::link(tx, &app.platform, &caller, &provider, &person, &session).await?;
                match flows::use_up(tx, &id, &session.account.id, app.platform.world.now()).await? {
                    true => Ok(outcome),
                    false => Err(ApiError::from(ErrorCode::OauthReused)),
                }
            }))
            .await?;
        self.accounts.outbox.wake_up.signal();
        Ok((flow, outcome))
    }

    /// The session of the account to link to. `None` for a sign-in.
    fn session(&self) -> Option<CurrentSession> {
        match &self.intent {
            Intent::Link(session) => Some(session.as_ref().clone()),
            Intent::SignIn { .. } => None,
        }
    }

    /// Waits until another request has ended the flow.
    async fn wait(&self, mut flow: Flow) -> Result<(Flow, FlowOutcome), ApiError> {
        let until = flow.claimed_at.unwrap_or_default() + CLAIM_TIMEOUT;
        loop {
            let woken = self.accounts.waiting.woken();
            if let Some(now) = self.read(&flow.id).await? {
                flow = now;
            }
            if flow.outcome.is_some() {
                return self.repeat(flow);
            }
            if flow.answer.is_none() || self.accounts.platform.world.now() > until {
                // The other request failed for a reason that may pass. The client may try again.
                return Err(ErrorCode::Network.into());
            }
            let _ = tokio::time::timeout(POLL_INTERVAL, woken).await;
        }
    }

    /// Signs in or links with a token that the app got from the provider. The user was not redirected by this
    /// server, so the flow is needed only to store the outcome.
    async fn end_with_token(
        &self,
        token: &str,
        nonce: Option<&str>,
    ) -> Result<(Flow, FlowOutcome), ApiError> {
        let provider = self.provider()?;
        if !provider.takes_tokens() {
            let detail = "This server does not accept tokens of this provider.";
            return Err(ApiError { detail: Some(detail.into()), ..ErrorCode::Forbidden.into() });
        }
        let person = provider.of_token(&self.accounts.platform.world, token, nonce).await.map_err(refused)?;
        let (app, id, now) =
            (&self.accounts, self.accounts.platform.world.id(), self.accounts.platform.world.now());
        let session = self.session();
        let browser = Browser { proof: self.asker.proof.as_ref(), session: session.as_ref(), flow: None };
        // Without a browser key, the flow is bound to a random secret that no client knows. Then the key of the
        // offer is sufficient to register.
        let binding =
            browser.binding().unwrap_or_else(|| Binding::Secret(app.platform.world.bytes::<32>().to_vec()));
        let flow = Flow {
            provider: self.provider.clone(),
            callback: String::new(),
            binding,
            account: session.as_ref().map(|session| session.account.id.clone()),
            memory: None,
            arrived: None,
            answer: None,
            claimed_at: Some(now),
            person: None,
            outcome: None,
            finished_at: None,
            used_at: None,
            expires_at: now,
            id,
        };
        let (handle, row, proof) = (app.platform.world.bytes::<32>(), flow.clone(), self.asker.proof.clone());
        let key = self
            .accounts
            .platform
            .store
            .write(transaction!(|tx| {
                let key = match &session {
                    Some(session) => session.confirm(tx, now).await.map(|()| None)?,
                    None => dpop::spend(tx, proof.as_ref()).await?,
                };
                flows::insert(tx, &row, &handle, now).await?;
                flows::claim(tx, &row.id, &handle, now).await?;
                Ok::<_, ApiError>(key)
            }))
            .await?;
        let outcome = match self.sign_in_or_link(&flow, &person, key).await {
            Ok(outcome) => outcome,
            Err(error) => {
                self.record_refusal(&error, Some(&person), flow.account.clone()).await?;
                return Err(error);
            }
        };
        Ok((self.read(&flow.id).await?.unwrap_or(flow), outcome))
    }
}

/// Finds the flow of an answer and checks that it belongs to this browser. Claims it if it has not ended.
async fn claim(
    tx: &mut Tx,
    platform: &Platform,
    provider: &str,
    browser: Browser<'_>,
    input: CallbackInput,
    key: Option<Thumbprint>,
) -> Result<Found, ApiError> {
    let unknown =
        || mismatch("This browser has not begun this sign-in, or it has expired. Please start again.");
    let (found, text, page, mut returned, oauth_key) = match input {
        CallbackInput::Token { .. } => return Err(ApiError::internal("a token has no flow")),
        CallbackInput::There(oauth_key) => {
            let id = OauthKey::flow(&oauth_key).ok_or_else(unknown)?;
            (flows::by_id(tx, id).await?, format!("key {oauth_key}"), None, None, Some(oauth_key))
        }
        CallbackInput::Here { handle, callback, answer } => {
            let text = answer.as_text();
            let found = match &handle {
                Some(handle) => flows::by_handle(tx, &hash(handle)).await?,
                // An attacker can make up a callback URL with a code, so a callback with a code must name its flow.
                None if callback.as_ref().is_some_and(has_code) => return Err(unknown()),
                None => {
                    let binding = browser.binding().ok_or_else(unknown)?;
                    let found = flows::of_browser(tx, &binding, provider, &hash(&text)).await?;
                    // Without a `state`, only a nonce detects a code that an attacker injected.
                    let found = found.filter(|flow| flow.outcome.is_some() || has_nonce(platform, flow));
                    Some(found.ok_or_else(|| {
                        mismatch("Pass the state, too, or the full URL that the browser returned to.")
                    })?)
                }
            };
            (found, text, callback, Some(answer), None)
        }
    };
    let id = found.ok_or_else(unknown)?.id;
    flows::lock(tx, &id).await?;
    let flow =
        flows::by_id(tx, &id).await?.filter(|flow| flow.provider == provider && browser.is(&flow.binding));
    let flow = Box::new(flow.ok_or_else(unknown)?);
    if let (Some(session), Some(oauth_key)) = (browser.session, &oauth_key)
        && OauthKey::is(&platform.secret_keys, Good::ForOffer, &flow.id, oauth_key)
    {
        return find_offer(platform, flow, session);
    }
    if let Some(session) = browser.session
        && flow.account.as_ref() != Some(&session.account.id)
    {
        return Err(mismatch(
            "This sign-in was not begun with the account that is signed in now. Please start again.",
        ));
    }
    if page.is_some_and(|page| !is_page(&page, &flow.callback)) {
        return Err(mismatch("The sign-in was begun for another callback."));
    }
    let (now, answer) = (platform.world.now(), hash(&text));
    let is_same = flow.answer.as_ref() == Some(&answer);
    if flow.outcome.is_some() {
        let fresh = flow.finished_at.unwrap_or_default() + platform.config.flows.grace.millis() >= now;
        return if is_same && fresh { Ok(Found::Ended(flow)) } else { Err(ErrorCode::OauthReused.into()) };
    }
    if flow.claimed_at.is_some_and(|since| since + CLAIM_TIMEOUT > now) {
        return if is_same { Ok(Found::Busy(flow)) } else { Err(ErrorCode::OauthReused.into()) };
    }
    if flow.expires_at <= now {
        return Err(mismatch("The sign-in took too long. Please start again."));
    }
    if let Some(oauth_key) = &oauth_key {
        let arrived =
            flow.arrived.as_ref().and_then(|sealed| open::<Returned>(platform, &flow.id, "arrived", sealed));
        returned = arrived.filter(|arrived| {
            OauthKey::is(&platform.secret_keys, Good::ForAnswer(&arrived.as_text()), &flow.id, oauth_key)
        });
    }
    let returned = returned.ok_or_else(unknown)?;
    flows::claim(tx, &flow.id, &answer, now).await?;
    Ok(Found::Open(Box::new(Flow { claimed_at: Some(now), ..*flow }), returned, key))
}

/// The identity that a flow of this browser has offered. It can be linked to the account that has signed in since.
fn find_offer(platform: &Platform, flow: Box<Flow>, session: &CurrentSession) -> Result<Found, ApiError> {
    if flow.used_at.is_some() {
        let is_same_account = flow.account.as_ref() == Some(&session.account.id);
        let outcome = FlowOutcome::Linked { account: session.account.id.clone() };
        return match is_same_account {
            true => Ok(Found::Ended(Box::new(Flow { outcome: Some(outcome.to_json()?), ..*flow }))),
            false => Err(ErrorCode::OauthReused.into()),
        };
    }
    if flow.finished_at.unwrap_or_default() + platform.config.flows.lifetime.millis() <= platform.world.now()
    {
        return Err(mismatch("The sign-in took too long. Please start again."));
    }
    let person = person(platform, &flow).ok_or(ErrorCode::OauthReused)?;
    Ok(Found::Offered(flow, Box::new(person)))
}

fn has_code(page: &Url) -> bool {
    page.query_pairs().any(|(name, _)| name == "code")
}

fn has_nonce(platform: &Platform, flow: &Flow) -> bool {
    let memory = flow.memory.as_ref().and_then(|sealed| open::<Memory>(platform, &flow.id, "memory", sealed));
    memory.is_some_and(|memory| memory.has_nonce())
}
