//! The one way in that every method of signing up and in plugs into, in the order of D-6: proof of the key, limits, captcha,
//! `pre_` hooks and their checks. A method's file then holds what proves the person, and one transaction.

use std::sync::Arc;

use doorward_core::operation::Operation;
use doorward_credentials::dpop::Proof;
use doorward_limits::{self, Failed, Purpose, Subject};
use doorward_protocol::Request;
use doorward_protocol::options::Options;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::{Granted, Principal};
use doorward_request::idempotency::Idempotency;
use doorward_request::json::Json;
use doorward_store::identities::Identity;
use serde::de::DeserializeOwned;

use crate::approved::{self, Approved, Attempt, NewAccount};
use crate::service::Accounts;
use crate::sign_up::SignUp;
use crate::{registration, service_keys, sessions};

/// A call that signs in or up: the caller, the proof of the browser's key, and the session that the browser has already.
#[derive(Debug)]
pub struct Call {
    /// Where the call comes from.
    pub caller: Caller,
    /// The proof of the key that the session is bound to.
    pub proof: Option<Proof>,
    /// The account and session of the browser so far, for hooks.
    pub who: Principal,
}

/// How a person signs in or up: the method, and the name of the account.
#[derive(Debug)]
pub struct EntryMethod {
    /// As hooks know it.
    pub operation: Operation,
    /// As the audit and sessions know it.
    pub method: String,
    /// The name that the account is known by; none where a provider is to say it.
    pub name: Option<Identity>,
    /// May a first sign-in make the account?
    pub registers: bool,
    /// What else the hooks are told.
    pub more: Vec<(&'static str, String)>,
    /// Why it cannot be tried here at all. Told once the try is counted.
    pub refusal: Option<ApiError>,
}

impl EntryMethod {
    /// By a method that knows the name.
    pub fn named(operation: Operation, method: &str, name: Identity, registers: bool) -> EntryMethod {
        EntryMethod { name: Some(name), registers, ..EntryMethod::unnamed(operation, method) }
    }

    /// By a method that learns later who it is.
    pub fn unnamed(operation: Operation, method: &str) -> EntryMethod {
        EntryMethod {
            operation,
            method: method.to_owned(),
            name: None,
            registers: false,
            more: Vec::new(),
            refusal: None,
        }
    }
}

/// What a try costs and guesses.
fn limited(operation: Operation, name: Option<&Identity>) -> (Purpose, Subject<'_>) {
    match (name, operation) {
        (Some(name), Operation::CodeAuth) => (Purpose::Code, Subject::Address(&name.value)),
        (Some(name), Operation::EmailAuth | Operation::UsernameAuth | Operation::PhoneAuth) => {
            (Purpose::SignIn, Subject::Name(name.kind, &name.value))
        }
        _ => (Purpose::SignIn, Subject::Nobody),
    }
}

/// A try to sign in that limits, captcha and hooks have let pass.
#[derive(Debug)]
pub struct Entering<T> {
    /// Where the call comes from.
    pub caller: Caller,
    /// The proof of the key that the session is bound to.
    pub proof: Option<Proof>,
    /// The request, as hooks leave it.
    pub request: T,
    /// Makes a repetition harmless.
    pub idempotency: Option<Idempotency>,
    /// What the hooks have approved.
    pub attempt: Approved<Attempt>,
    /// What else a hook has given.
    pub granted: Granted,
    /// May an account be made, and what does it begin with?
    pub first: Option<Granted>,
}

/// From the request to the proof of a sign-in. `method` names it, and is asked again for the request that the hooks leave.
pub async fn sign_in<T: Request + DeserializeOwned + Options>(
    accounts: &Arc<Accounts>,
    call: Call,
    json: Json<T>,
    method: impl Fn(&T) -> Result<EntryMethod, ApiError>,
) -> Result<Entering<T>, ApiError> {
    let Call { caller, proof, who } = call;
    sessions::admit(&accounts.platform, proof.is_some())?;
    let caller = service_keys::speaks_for(&accounts.platform, caller, json.request.client_ip()).await?;
    let EntryMethod { operation, name, more, refusal, .. } = method(&json.request)?;
    let (purpose, subject) = limited(operation, name.as_ref());
    if !caller.is_operators {
        doorward_limits::admit(&accounts.limits, &caller, purpose, subject).await?;
    }
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    let more: Vec<_> = more.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut registers = false;
    let read = |request: &T| {
        let asked = method(request)?;
        registers = asked.registers;
        asked.refusal.map_or(Ok((asked.method, asked.name)), Err)
    };
    let approved = approved::attempt(&accounts.hooks, &caller, who, json, operation, &more, read).await;
    let (json, attempt) =
        doorward_limits::settle(&accounts.platform, &caller, subject, approved.map_err(Failed::from)).await?;
    let (_, subject_after) = limited(operation, attempt.name.as_ref());
    if subject != subject_after {
        // A hook has given another name: it is that one's password that is tried.
        doorward_limits::give_back(&accounts.platform, &caller, subject).await?;
        doorward_limits::admit_instead(&accounts.limits, &caller, subject_after).await?;
    }
    let Json { request, idempotency, granted, .. } = json;
    let first = registration::first(&accounts.platform, registers, request.auto_register(), granted.clone());
    let first =
        doorward_limits::settle(&accounts.platform, &caller, subject_after, first.map_err(Failed::from))
            .await?;
    Ok(Entering { caller, proof, request, idempotency, attempt, granted, first })
}

/// A signup that limits, captcha and hooks have let pass.
#[derive(Debug)]
pub struct Registering {
    /// Where the call comes from.
    pub caller: Caller,
    /// The proof of the key that the session is bound to.
    pub proof: Option<Proof>,
    /// Makes a repetition harmless.
    pub idempotency: Option<Idempotency>,
    /// What the hooks have approved.
    pub new: NewAccount,
}

/// Lets a signup be tried: the address that a program speaks for, limits and captcha.
pub async fn admit_sign_up(
    accounts: &Arc<Accounts>,
    call: Call,
    request: &impl Options,
    method: &EntryMethod,
) -> Result<Call, ApiError> {
    let caller = service_keys::speaks_for(&accounts.platform, call.caller, request.client_ip()).await?;
    let subject = match (&method.name, method.operation) {
        (Some(name), Operation::CodeAuth) => Subject::Address(&name.value),
        _ => Subject::Nobody,
    };
    doorward_limits::admit(&accounts.limits, &caller, Purpose::SignUp, subject).await?;
    match &method.refusal {
        Some(refusal) => Err(refusal.clone()),
        None => Ok(Call { caller, ..call }),
    }
}

/// Asks the hooks about a signup: `draft` makes the account of the request as they leave it. `method` is that of the sign-in that a
/// signup may come with.
pub async fn approve_sign_up<T: Request + DeserializeOwned>(
    accounts: &Arc<Accounts>,
    call: Call,
    json: Json<T>,
    method: &EntryMethod,
    draft: impl FnOnce(T) -> Result<SignUp, ApiError>,
) -> Result<Registering, ApiError> {
    let Call { caller, proof, who } = call;
    let idempotency = json.idempotency.clone();
    let is_bound = proof.is_some();
    let draft = |request, granted| {
        let draft = draft(request)?.granted(granted);
        if draft.session.is_some() {
            sessions::admit(&accounts.platform, is_bound)?;
        }
        Ok(draft)
    };
    let new = approved::sign_up(&accounts.hooks, &caller, who, json, &method.method, method.operation, draft)
        .await?;
    Ok(Registering { caller, proof, idempotency, new })
}

/// From the request to the proof of a signup.
pub async fn sign_up<T: Request + DeserializeOwned + Options>(
    accounts: &Arc<Accounts>,
    call: Call,
    json: Json<T>,
    method: EntryMethod,
    draft: impl FnOnce(T) -> Result<SignUp, ApiError>,
) -> Result<Registering, ApiError> {
    let call = admit_sign_up(accounts, call, &json.request, &method).await?;
    approve_sign_up(accounts, call, json, &method, draft).await
}
