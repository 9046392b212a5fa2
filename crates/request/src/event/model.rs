//! The model of an operation that a hook reads and changes, and the hook's answer.

use std::fmt;

use doorward_core::canonical;
use doorward_core::clock::Millis;
use doorward_core::operation::{FieldSpec, Operation};
use doorward_protocol::error::ErrorCode;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::canonical_fields;
use crate::error::ApiError;
use crate::platform::Platform;

/// The account and the session of a request, if any.
#[derive(Clone, Debug, Default)]
pub struct Principal {
    /// Id of the account.
    pub user_id: String,
    /// Id of the session.
    pub session_id: String,
}

/// The fields of an operation that a hook can read, and change where the operation allows it.
#[derive(Clone, Deserialize, Serialize)]
pub struct Model {
    /// The operation.
    #[serde(serialize_with = "write_operation", deserialize_with = "read_operation")]
    pub operation: Operation,
    /// The caller and the request.
    pub about: About,
    /// The fields of the operation; one that was not given is absent.
    pub fields: Map<String, Value>,
}

/// The caller and the request.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct About {
    /// Id of the session's account; after an operation, of the account that it was about. Empty if there is none.
    pub user_id: String,
    /// Id of the session. Empty if there is none.
    pub session_id: String,
    /// The request's id, as in the log and in answers.
    pub request_id: String,
    /// IP address of the caller; empty if it is unknown.
    pub ip: String,
    /// A language tag, or empty.
    pub locale: String,
    /// `User-Agent`, or empty.
    pub user_agent: String,
    /// Time of the request.
    pub time: Millis,
}

impl Model {
    /// A copy without the fields that must not leave this process.
    pub fn public(&self) -> Model {
        let mut model = self.clone();
        for field in self.operation.fields().iter().filter(|field| field.secret) {
            model.fields.remove(field.name);
        }
        model
    }

    /// Takes over the values that a hook has set, checked like those of a client. Returns them in canonical form.
    pub fn set(
        &mut self,
        platform: &Platform,
        changes: Map<String, Value>,
    ) -> Result<Map<String, Value>, ApiError> {
        let mut set = Map::new();
        for (name, value) in changes {
            let field =
                self.operation.field(&name).filter(|field| field.settable).ok_or_else(|| {
                    ApiError::internal(format!("a hook has set {name}, which cannot be set"))
                })?;
            set.insert(name, canonical(platform, field, value)?);
        }
        self.fields.extend(set.clone());
        Ok(set)
    }
}

/// The canonical form of a value, which its rule must accept. An empty text removes the field; the request's own table
/// decides whether it may.
fn canonical(platform: &Platform, field: FieldSpec, value: Value) -> Result<Value, ApiError> {
    let Value::String(text) = &value else { return Ok(value) };
    if text.is_empty() {
        return Ok(value);
    }
    let name = if field.path.is_empty() { field.name } else { field.path };
    let refused = |said| ApiError::field(name, said);
    canonical::check(field.rule, text, platform.policy()).map_err(refused)?;
    let canonical = canonical_fields::text(field.rule, text, &platform.config);
    Ok(canonical.map_err(|said| ApiError::field(name, said))?.map_or(value, Value::String))
}

/// Shows no field, because it may be a password.
impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("operation", &self.operation).finish_non_exhaustive()
    }
}

fn write_operation<S: Serializer>(operation: &Operation, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(operation.as_str())
}

fn read_operation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Operation, D::Error> {
    let name = String::deserialize(deserializer)?;
    Operation::named(&name).ok_or_else(|| D::Error::custom("there is no such operation"))
}

/// Grants of a hook that no client can ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    /// The roles of the account, if one is created.
    pub roles: Option<Vec<String>>,
    /// True if an account may be created even if the settings forbid it.
    pub create: bool,
    /// True if the operator vouches for the id (D-23).
    pub approved: bool,
}

/// The answer of a hook.
#[derive(Debug)]
pub enum HookAnswer {
    /// The operation goes on, with these fields changed.
    GoOn(Map<String, Value>),
    /// The operation is refused.
    Refuse(HookRefusal),
}

/// The refusal of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRefusal {
    /// Message for a person.
    pub message: Option<String>,
    /// Code for a program.
    pub code: ErrorCode,
    /// The field at fault.
    pub field: Option<String>,
}

impl HookRefusal {
    /// The code with this name, if a hook may use it. A hook may not use codes of internal errors, codes of the SDK, or
    /// codes that need additional data.
    pub fn code(name: &str) -> Option<ErrorCode> {
        let known = ErrorCode::ALL.iter().copied().find(|known| known.as_str() == name)?;
        let bare = !matches!(known, ErrorCode::CaptchaRequired | ErrorCode::UseDpopNonce);
        (bare && (400..500).contains(&known.status())).then_some(known)
    }
}

impl From<HookRefusal> for ApiError {
    fn from(refusal: HookRefusal) -> ApiError {
        let detail = refusal.message.map(Into::into);
        ApiError { detail, field: refusal.field, ..refusal.code.into() }
    }
}
