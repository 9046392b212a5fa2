//! Asks the hooks and turns their answers into approvals.

use std::sync::Arc;

use doorward_core::clock::rfc3339;
use doorward_core::operation::Operation;
use doorward_core::secret::Secret;
use doorward_hooks::{Hooks, Question, ask_once, before_with, fields, of_session};
use doorward_limits::{self, Purpose, Subject};
use doorward_protocol::Request;
use doorward_protocol::signup::FirstSignIn;
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::event::{Granted, Principal};
use doorward_request::idempotency::Idempotency;
use doorward_request::json::Json;
use doorward_store::accounts::Account;
use doorward_store::identities::{Identity, Kind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Admission, Approved, Attempt, Found, NewAccount, Refresh, SignIn};
use crate::addresses::contacts;
use crate::service::Accounts;
use crate::sessions;
use crate::sign_up::{FirstSession, SignUp};

/// Asks the hooks before a sign-in attempt. `read` extracts the method and the account's name from the request
/// after the hooks have changed it.
pub async fn attempt<T: Request + DeserializeOwned>(
    hooks: &Hooks,
    caller: &Caller,
    who: Principal,
    json: Json<T>,
    operation: Operation,
    more: &[(&str, &str)],
    read: impl FnOnce(&T) -> Result<(String, Option<Identity>), ApiError>,
) -> Result<(Json<T>, Approved<Attempt>), ApiError> {
    let json = before_with(hooks, caller, operation, who.clone(), json, more).await?;
    let (method, name) = read(&json.request)?;
    let repeatable = json.idempotency.clone();
    Ok((json, Approved(Attempt { method, name, who, repeatable })))
}

/// Asks the sign-up hooks. If the sign-up also requests a session, next asks the hooks of `operation`, which is
/// the attempt to sign in with this method, and then the sign-in hooks. `draft` builds the account from the
/// request after the sign-up hooks have changed it.
pub async fn sign_up<T: Request + DeserializeOwned>(
    hooks: &Hooks,
    caller: &Caller,
    who: Principal,
    json: Json<T>,
    method: &str,
    operation: Operation,
    draft: impl FnOnce(T, Granted) -> Result<SignUp, ApiError>,
) -> Result<NewAccount, ApiError> {
    let idempotency = json.idempotency.clone();
    let json =
        before_with(hooks, caller, Operation::Signup, who.clone(), json, &[("method", method)]).await?;
    let mut draft = draft(json.request, json.granted)?;
    let Some(session) = draft.session else {
        return Ok(NewAccount { sign_up: Approved(draft), sign_in: None });
    };
    // Hooks do not receive the outcome if the session does not count as a login (seed A07).
    let is_told = session == FirstSession::Counted;
    let asked = Question { operation, who, repeatable: idempotency.as_ref(), is_told };
    let shown = hook_fields(names_of(&draft), draft.password.as_ref(), operation);
    let set = ask_once(hooks, caller, asked, shown.clone()).await?;
    // The sign-up hooks have approved these names, so the sign-in hooks must not change them.
    for name in ["email", "username", "phone_number"] {
        if set.get(name).is_some_and(|value| shown.get(name) != Some(value)) {
            return Err(ApiError::internal(format!(
                "the hook {} has changed {name}, which the sign-up hooks had already approved",
                operation.pre()
            )));
        }
    }
    if let (false, Some(roles)) = (draft.has_granted_roles, doorward_hooks::granted(&set)?.roles) {
        draft.account.roles = roles;
    }
    let start = SessionStart { method: &draft.method, repeatable: idempotency.as_ref(), is_told };
    let sign_in = ask_sign_in(hooks, caller, start, SessionOf::New(&draft)).await?;
    Ok(NewAccount { sign_up: Approved(draft), sign_in: Some(sign_in) })
}

/// Asks the sign-in hooks after the user has proven the identity and before the session begins. `find` checks
/// the proof and finds the account. If no account exists, asks the sign-up hooks first about `draft`, the account
/// to create. Asks no hook if the proof is not valid, because a hook's answer could reveal whether an account exists.
pub async fn admit(
    hooks: &Hooks,
    caller: &Caller,
    attempt: &Approved<Attempt>,
    draft: Option<SignUp>,
    find: impl AsyncFnOnce() -> Result<Found, ApiError>,
) -> Result<Admission, ApiError> {
    let may_make_account = draft.is_some();
    let method = attempt.method.clone();
    let refused = Admission { method: method.clone(), sign_in: None, new: None, may_make_account };
    if !hooks.listen_to(Operation::SignIn) && !hooks.listen_to(Operation::Signup) {
        let sign_in = Approved(SignIn { method, account: None });
        let new_account = |draft: SignUp| {
            let sign_in = draft.session.map(|_| sign_in.clone());
            NewAccount { sign_up: Approved(draft), sign_in }
        };
        return Ok(Admission { new: draft.map(new_account), sign_in: Some(sign_in.clone()), ..refused });
    }
    let start =
        SessionStart { method: &attempt.method, repeatable: attempt.repeatable.as_ref(), is_told: true };
    match (find().await?, draft) {
        (Found::Account(account), _)
            if sessions::refusal(&hooks.platform, &attempt.method, &account).is_none() =>
        {
            let sign_in = Some(ask_sign_in(hooks, caller, start, SessionOf::Known(&account)).await?);
            Ok(Admission { sign_in, ..refused })
        }
        (Found::NoAccount, Some(draft)) => {
            let draft = ask_sign_up(hooks, caller, attempt, draft).await?;
            let sign_in = match draft.session {
                Some(_) => Some(ask_sign_in(hooks, caller, start, SessionOf::New(&draft)).await?),
                None => None,
            };
            Ok(Admission { new: Some(NewAccount { sign_up: Approved(draft), sign_in }), ..refused })
        }
        // The transaction will refuse the sign-in.
        (Found::Account(_) | Found::NoAccount | Found::Wrong, _) => Ok(refused),
    }
}

/// The start of a session: the method, the idempotency key, and whether hooks receive the outcome.
#[derive(Clone, Copy)]
struct SessionStart<'a> {
    method: &'a str,
    repeatable: Option<&'a Idempotency>,
    is_told: bool,
}

/// The account that a session begins for.
enum SessionOf<'a> {
    Known(&'a Account),
    New(&'a SignUp),
}

/// Asks the sign-in hooks about the session that is to begin.
async fn ask_sign_in(
    hooks: &Hooks,
    caller: &Caller,
    SessionStart { method, repeatable, is_told }: SessionStart<'_>,
    session_of: SessionOf<'_>,
) -> Result<Approved<SignIn>, ApiError> {
    let operation = Operation::SignIn;
    let (account, is_new) = match session_of {
        SessionOf::Known(account) => (account.clone(), false),
        SessionOf::New(draft) => (draft.as_account(), true),
    };
    let mut shown = fields([("method", method)]);
    let phone = account.phone.clone().or_else(|| account.phone_number.clone());
    for (name, value) in
        [("email", &account.email), ("username", &account.username), ("phone_number", &phone)]
    {
        shown.extend(value.as_ref().map(|value| (name.to_owned(), value.as_str().into())));
    }
    shown.insert("email_verified".into(), account.email_verified_at.is_some().into());
    shown.insert("phone_verified".into(), account.phone.is_some().into());
    shown.insert("roles".into(), account.roles.clone().into());
    shown.insert("created_at".into(), rfc3339(account.created_at).into());
    shown.insert("new".into(), is_new.into());
    let user_id = if is_new { String::new() } else { account.id.clone() };
    let who = Principal { user_id, session_id: String::new() };
    ask_once(hooks, caller, Question { operation, who, repeatable, is_told }, shown).await?;
    Ok(Approved(SignIn { method: method.to_owned(), account: Some(account.id) }))
}

/// Asks the sign-up hooks about an account that a first sign-in creates. The hooks may change everything except
/// the names that the user signs in with.
async fn ask_sign_up(
    hooks: &Hooks,
    caller: &Caller,
    attempt: &Attempt,
    mut draft: SignUp,
) -> Result<SignUp, ApiError> {
    draft.check_domains(&hooks.platform)?;
    if !hooks.listen_to(Operation::Signup) {
        return Ok(draft);
    }
    let mut object = hook_fields(names_of(&draft), draft.password.as_ref(), Operation::Signup);
    if let Value::Object(profile) =
        serde_json::to_value(&draft.account.profile).map_err(ApiError::internal)?
    {
        object.extend(profile);
    }
    if !draft.account.extras.is_empty() {
        let extras = serde_json::to_value(&draft.account.extras).map_err(ApiError::internal)?;
        object.insert("extras".into(), extras);
    }
    let json: Json<FirstSignIn> = Json::of(object, attempt.repeatable.clone(), &hooks.platform, true)?;
    let who = attempt.who.clone();
    let more = [("method", draft.method.as_str())];
    let Json { request, granted, .. } =
        before_with(hooks, caller, Operation::Signup, who, json, &more).await?;
    draft.complete(&hooks.platform, request, granted)?;
    Ok(draft)
}

/// The names of the new account, by request field.
fn names_of(draft: &SignUp) -> Map<String, Value> {
    let names =
        draft.names.iter().filter(|name| matches!(name.kind, Kind::Email | Kind::Username | Kind::Phone));
    let names = names.map(|name| (contacts::field(name.kind).to_owned(), name.value.clone().into()));
    let number = draft.account.phone_number.iter();
    let number = number.map(|number| (contacts::field(Kind::Phone).to_owned(), number.clone().into()));
    number.chain(names).collect()
}

/// Adds the password, and drops the fields that hooks of this operation do not get.
fn hook_fields(
    mut shown: Map<String, Value>,
    password: Option<&Secret>,
    operation: Operation,
) -> Map<String, Value> {
    if let Some(password) = password.filter(|_| operation.field("password").is_some()) {
        shown.insert("password".into(), password.expose().into());
    }
    shown.retain(|name, _| operation.field(name).is_some());
    shown
}

/// Asks the hooks before a refresh token is exchanged. A text that is not a token of this server may be a token
/// of the operator's own system, which a hook exchanges for a token of this server. Such requests are limited,
/// since an attacker can send any text.
pub async fn approve_refresh(
    accounts: &Arc<Accounts>,
    caller: &Caller,
    operation: Operation,
    token: &str,
) -> Result<Approved<Refresh>, ApiError> {
    if !accounts.hooks.listen_to(operation) {
        return Ok(Approved(Refresh { token: token.to_owned().into() }));
    }
    let who = match sessions::of_token(&accounts.issuer, token).await? {
        Some(session) => of_session(&accounts.platform, &session).await?,
        None => None,
    };
    if who.is_none() {
        doorward_limits::admit(&accounts.limits, caller, Purpose::Code, Subject::Nobody).await?;
    }
    let fields = doorward_hooks::ask(
        &accounts.hooks,
        caller,
        operation,
        who.unwrap_or_default(),
        fields([("token", token)]),
    )
    .await?;
    let token = fields.get("token").and_then(Value::as_str).unwrap_or_default();
    Ok(Approved(Refresh { token: token.to_owned().into() }))
}
