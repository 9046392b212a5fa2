//! The operator's additions to an operation: a script (`hooks.star`) and services (webhooks). Before the operation they
//! may change or refuse it. After it they receive the outcome, at least once.
//!
//! No hook runs inside a transaction. Values that a hook sets are checked like those of a client.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod delivery;
pub mod script;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use delivery::WakeUp;
use doorward_core::canonical;
use doorward_core::operation::{FieldSpec, Operation, SCRIPT};
use doorward_core::tasks::Tasks;
use doorward_outbound::HttpClient;
use doorward_protocol::profile::ADDRESS;
use doorward_protocol::{Request, Rule};
use doorward_request::caller::Caller;
use doorward_request::canonical_fields;
use doorward_request::error::ApiError;
use doorward_request::event::{Granted, HookAnswer, Model, Principal};
use doorward_request::idempotency::Idempotency;
use doorward_request::json::Json;
use doorward_request::platform::Platform;
use doorward_store::{StoreError, Tx, sessions};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::Instant;

pub use script::Scripts;
pub use webhook::Webhooks;

/// Total time that the `pre_` hooks of one request may take (D-37).
const BUDGET: Duration = Duration::from_secs(5);

/// The operator's hooks.
#[derive(Debug)]
pub struct Hooks {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// The panics of the tasks that run as long as the server.
    pub tasks: Tasks,
    /// Calls the webhooks.
    pub http: HttpClient,
    /// `hooks.star`
    pub scripts: Scripts,
    /// `[webhooks.NAME]`
    pub webhooks: Webhooks,
    /// Wakes the delivery workers.
    pub wake_up: WakeUp,
}

impl Hooks {
    /// True if there is neither a script with hooks nor a webhook.
    pub fn is_idle(&self) -> bool {
        self.scripts.is_empty() && self.webhooks.is_empty()
    }

    /// The targets that receive the outcome of an operation.
    fn told(&self, operation: Operation) -> Vec<String> {
        let event = operation.post();
        let script = self.scripts.has(event).then(|| SCRIPT.to_owned());
        script.into_iter().chain(self.webhooks.listening(event).into_iter().map(str::to_owned)).collect()
    }
}

/// Asks the hooks before a browser ends its own session. Does nothing if the session has already ended.
pub async fn before_sign_out(hooks: &Hooks, caller: &Caller, session: &str) -> Result<(), ApiError> {
    if !hooks.listen_to(Operation::Logout) {
        return Ok(());
    }
    match of_session(&hooks.platform, session).await? {
        Some(who) => ask(hooks, caller, Operation::Logout, who, Map::new()).await.map(drop),
        None => Ok(()),
    }
}

/// The account and the id of a session. `None` if the session does not exist.
pub async fn of_session(platform: &Platform, id: &str) -> Result<Option<Principal>, ApiError> {
    let found = sessions::find(&mut *platform.store.read().await?, id).await?;
    Ok(found.map(|(session, _)| Principal { user_id: session.account, session_id: session.id }))
}

/// The fields of an operation that has no JSON request.
pub fn fields<'a>(given: impl IntoIterator<Item = (&'a str, &'a str)>) -> Map<String, Value> {
    given.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect()
}

/// Asks the hooks before an operation. Returns the request with their changes, checked again.
pub async fn before<T: Request + DeserializeOwned>(
    hooks: &Hooks,
    caller: &Caller,
    operation: Operation,
    who: impl Into<Principal>,
    json: Json<T>,
) -> Result<Json<T>, ApiError> {
    before_with(hooks, caller, operation, who, json, &[]).await
}

/// Like [`before`], with additional fields that are not in the request.
pub async fn before_with<T: Request + DeserializeOwned>(
    hooks: &Hooks,
    caller: &Caller,
    operation: Operation,
    who: impl Into<Principal>,
    json: Json<T>,
    more: &[(&str, &str)],
) -> Result<Json<T>, ApiError> {
    let Some(given) = json.given.clone().filter(|_| hooks.listen_to(operation)) else { return Ok(json) };
    let asked = Question { operation, who: who.into(), repeatable: json.idempotency.as_ref(), is_told: true };
    let set = ask_once(hooks, caller, asked, seen(operation, &given, more)).await?;
    if set.is_empty() {
        return Ok(json);
    }
    let granted = granted(&set)?;
    let mut object = given;
    for field in operation.fields().iter().filter(|field| field.settable && !field.path.is_empty()) {
        if let Some(value) = set.get(field.name) {
            if field.name == "address" {
                object.retain(|name, _| !ADDRESS.iter().any(|part| part.name == name));
            }
            put(&mut object, field.path, value.clone());
        }
    }
    Ok(Json { granted, ..Json::of(object, json.idempotency, &hooks.platform, true)? })
}

/// The fields of an operation, from the request and from `more`.
fn seen(operation: Operation, given: &Map<String, Value>, more: &[(&str, &str)]) -> Map<String, Value> {
    let fields = operation.fields();
    let own = fields
        .iter()
        .filter_map(|field| Some((field.name.to_owned(), as_used(field, at(given, field.path)?))));
    let mut seen: Map<String, Value> = own.chain(self::fields(more.iter().copied())).collect();
    if operation.field("address").is_some() {
        join_address(&mut seen);
    }
    seen
}

/// A password that is compared with a stored hash is in the request as it was typed (see [`canonical_fields::text`]).
/// Hooks get its canonical form.
fn as_used(field: &FieldSpec, value: &Value) -> Value {
    match (field.rule, value) {
        (Rule::Password, Value::String(text)) => canonical::password(text).into(),
        _ => value.clone(),
    }
}

/// A postal address can be given in parts and as a whole. Hooks see both, as they are stored.
fn join_address(seen: &mut Map<String, Value>) {
    let mut parts: Map<String, Value> = match seen.get("address") {
        Some(Value::Object(whole)) => whole.clone(),
        Some(Value::String(text)) => Map::from_iter([("formatted".to_owned(), text.as_str().into())]),
        _ => Map::new(),
    };
    let beside = ADDRESS.iter().filter_map(|part| seen.get_key_value(part.name));
    let beside: Vec<_> = beside.map(|(name, value)| (name.clone(), value.clone())).collect();
    let is_text = seen.get("address").is_some_and(Value::is_string) && beside.is_empty();
    parts.extend(beside);
    if !parts.is_empty() && !is_text {
        seen.insert("address".into(), parts.clone().into());
    }
    seen.extend(parts);
}

/// Grants of a hook that no client can ask for.
pub fn granted(set: &Map<String, Value>) -> Result<Granted, ApiError> {
    let roles = set.get("roles").filter(|roles| !roles.is_null());
    let roles = roles.map(|roles| {
        let roles = serde_json::from_value(roles.clone())
            .map_err(|_| ApiError::field("roles", "Roles must be strings."))?;
        doorward_request::roles::checked_roles(roles)
    });
    let approved = set.get("approved") == Some(&Value::Bool(true));
    let create = set.get("create") == Some(&Value::Bool(true));
    Ok(Granted { roles: roles.transpose()?, create, approved })
}

/// Asks the hooks before an operation that has no JSON request. Returns its fields with their changes.
pub async fn ask(
    hooks: &Hooks,
    caller: &Caller,
    operation: Operation,
    who: Principal,
    fields: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let asked = Question { operation, who, repeatable: None, is_told: true };
    let fields: Map<String, Value> = fields
        .into_iter()
        .map(|(name, value)| used(&hooks.platform, operation, name, value))
        .collect::<Result<_, _>>()?;
    let set = ask_once(hooks, caller, asked, fields.clone()).await?;
    Ok(fields.into_iter().chain(set).collect())
}

/// A field in canonical form.
fn used(
    platform: &Platform,
    operation: Operation,
    name: String,
    value: Value,
) -> Result<(String, Value), ApiError> {
    let canonical = match (operation.field(&name), &value) {
        (Some(field), Value::String(text)) if !text.is_empty() => {
            canonical_fields::text(field.rule, text, &platform.config)
        }
        _ => Ok(None),
    };
    let canonical = canonical.map_err(|said| ApiError::field(name.clone(), said))?;
    Ok((name, canonical.map_or(value, Value::String)))
}

/// An operation that the hooks are asked about.
#[derive(Debug)]
pub struct Question<'a> {
    /// The operation.
    pub operation: Operation,
    /// The account and session of the request.
    pub who: Principal,
    /// The idempotency key of the request: a repetition with the same key is the same event.
    pub repeatable: Option<&'a Idempotency>,
    /// True if hooks receive the outcome afterwards.
    pub is_told: bool,
}

/// Asks the hooks. Returns the fields that they set.
pub async fn ask_once(
    hooks: &Hooks,
    caller: &Caller,
    asked: Question<'_>,
    fields: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let Question { operation, who, repeatable, is_told } = asked;
    if !hooks.listen_to(operation) {
        return Ok(Map::new());
    }
    let about = caller.about(who, hooks.platform.world.now());
    let model = Model { operation, about, fields };
    if is_told {
        let once = repeatable.filter(|_| operation.is_carried_out_once());
        // The seed includes the MAC of the request: another request with the same key must not replace this event.
        let seed = once.map(|once| [once.key.as_bytes(), &once.request].concat());
        let seed = seed.unwrap_or_else(|| hooks.platform.world.id().into_bytes());
        caller.outcome.begin(&model, hooks.told(operation), seed);
    }
    // All hooks of a request share one budget (D-37). The time between two operations is not counted.
    let begun = Instant::now();
    let ran = run(hooks, model, begun + BUDGET.saturating_sub(caller.outcome.spent(Duration::ZERO))).await;
    caller.outcome.spent(begun.elapsed());
    let (model, set) = ran?;
    caller.outcome.change(&model);
    Ok(set)
}

/// The script has its own time limit. The webhooks get the rest of the budget.
async fn run(hooks: &Hooks, mut model: Model, end: Instant) -> Result<(Model, Map<String, Value>), ApiError> {
    let event = model.operation.pre();
    let mut set = Map::new();
    if hooks.scripts.has(event) {
        let said = hooks.scripts.call(event, &model, None).await?;
        set.extend(obey(&hooks.platform, &mut model, said)?);
    }
    if !hooks.webhooks.listening(event).is_empty() {
        let said = hooks.webhooks.before(hooks, &model.public(), end).await?;
        set.extend(obey(&hooks.platform, &mut model, said)?);
    }
    Ok((model, set))
}

fn obey(platform: &Platform, model: &mut Model, said: HookAnswer) -> Result<Map<String, Value>, ApiError> {
    match said {
        HookAnswer::GoOn(set) => model.set(platform, set),
        HookAnswer::Refuse(refusal) => Err(refusal.into()),
    }
}

impl Hooks {
    /// True if a hook listens to the operation, before or after it.
    pub fn listen_to(&self, operation: Operation) -> bool {
        if self.is_idle() {
            return false;
        }
        let listens = |event| self.scripts.has(event) || !self.webhooks.listening(event).is_empty();
        listens(operation.pre()) || listens(operation.post())
    }
}

/// Queues the event of an operation that happens within another one, in the same transaction.
pub async fn queue_event(
    tx: &mut Tx,
    hooks: &Hooks,
    caller: &Caller,
    operation: Operation,
    fields: Map<String, Value>,
    account: &str,
) -> Result<(), StoreError> {
    let who = Principal { user_id: account.to_owned(), session_id: String::new() };
    let about = caller.about(who, hooks.platform.world.now());
    let model = Model { operation, about, fields };
    caller.outcome.queue(tx, model, hooks.told(operation), &hooks.platform.world).await
}

/// The value at a dotted path.
fn at<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((outer, inner)) => at(object.get(outer)?.as_object()?, inner),
        None => object.get(path),
    }
}

/// Sets the value at a dotted path; `null` removes it.
fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        Some((outer, inner)) => {
            let nested = object.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(nested) = nested {
                put(nested, inner, value);
            }
        }
        None if value.is_null() => drop(object.remove(path)),
        None => drop(object.insert(path.to_owned(), value)),
    }
}
