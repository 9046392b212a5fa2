//! The common path of all sign-in and sign-up methods, in the order of D-6: proof of the key, limits, captcha,
//! `pre_` hooks and their checks. A method's own file contains only the proof of identity and one transaction.

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

/// The sender of a sign-in or sign-up request.
#[derive(Debug)]
pub struct Call {
    /// The client that sent the request.
    pub caller: Caller,
    /// The DPoP proof of the key that the new session is bound to.
    pub proof: Option<Proof>,
    /// The present account and session of the browser, for hooks.
    pub who: Principal,
}

/// How a user signs in or up: the method, and the name of the account.
#[derive(Debug)]
pub struct EntryMethod {
    /// The operation that hooks are asked about.
    pub operation: Operation,
    /// The method as stored in the audit log and in sessions.
    pub method: String,
    /// The name of the account. `None` if the provider returns it later, or if a sign-up takes its names from
    /// the draft.
    pub name: Option<Identity>,
    /// True if a first sign-in may create the account.
    pub registers: bool,
    /// Additional fields for the hooks.
    pub more: Vec<(&'static str, String)>,
    /// The error to return if this server does not offer the method. It is returned after the limits have counted
    /// the attempt.
    pub refusal: Option<ApiError>,
}

impl EntryMethod {
    /// For a method that reads the account's name from the request.
    pub fn named(operation: Operation, method: &str, name: Identity, registers: bool) -> EntryMethod {
        EntryMethod { name: Some(name), registers, ..EntryMethod::unnamed(operation, method) }
    }

    /// For a method without a name in the request.
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

/// The purpose and the subject of the limits that count a sign-in attempt. The subject is the address whose code,
/// or the name whose password, the attempt may guess.
fn limits_of(operation: Operation, name: Option<&Identity>) -> (Purpose, Subject<'_>) {
    match (name, operation) {
        (Some(name), Operation::CodeAuth) => (Purpose::Code, Subject::Address(&name.value)),
        (Some(name), Operation::EmailAuth | Operation::UsernameAuth | Operation::PhoneAuth) => {
            (Purpose::SignIn, Subject::Name(name.kind, &name.value))
        }
        _ => (Purpose::SignIn, Subject::Nobody),
    }
}

/// A sign-in attempt that has passed limits, captcha and hooks.
#[derive(Debug)]
pub struct Entering<T> {
    /// The client that sent the request.
    pub caller: Caller,
    /// The DPoP proof of the key that the new session is bound to.
    pub proof: Option<Proof>,
    /// The request after the hooks have changed it.
    pub request: T,
    /// The idempotency key of the request, if it has one.
    pub idempotency: Option<Idempotency>,
    /// The attempt as the hooks have approved it.
    pub attempt: Approved<Attempt>,
    /// The grants of the hooks.
    pub granted: Granted,
    /// The grants for an account that this sign-in may create. `None` if it may not create one.
    pub first: Option<Granted>,
}

/// Runs all checks of a sign-in request that precede the method's own proof of identity. `method` reads the method
/// from the request. It is called again after the hooks have changed the request.
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
    let (purpose, subject) = limits_of(operation, name.as_ref());
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
    let (_, subject_after) = limits_of(operation, attempt.name.as_ref());
    if subject != subject_after {
        // A hook has changed the name, so the attempt may guess the password of another account. It counts
        // against the budget of that account instead.
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

/// A sign-up that has passed limits, captcha and hooks.
#[derive(Debug)]
pub struct Registering {
    /// The client that sent the request.
    pub caller: Caller,
    /// The DPoP proof of the key that the new session is bound to.
    pub proof: Option<Proof>,
    /// The idempotency key of the request, if it has one.
    pub idempotency: Option<Idempotency>,
    /// The new account as the hooks have approved it.
    pub new: NewAccount,
}

/// Admits a sign-up attempt: takes the `client_ip` of a trusted program, then checks limits and captcha.
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

/// Asks the hooks about a sign-up. `draft` builds the account from the request after the hooks have changed it.
/// `method` describes the sign-in that the sign-up may include.
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

/// Runs all checks of a sign-up request that precede the method's own proof of identity.
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
