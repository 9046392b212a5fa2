//! The server as a script sees it: the model's getters and setters, `reject`, and `print`.

use std::cell::RefCell;

use doorward_core::clock::Millis;
use doorward_core::operation::{FieldSpec, Kind};
use doorward_request::event::{About, HookRefusal, Model};
use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::{Map, Value as Json, json};
use starlark::environment::{Globals, GlobalsBuilder, LibraryExtension};
use starlark::eval::Evaluator;
use starlark::values::dict::DictRef;
use starlark::values::none::{NoneOr, NoneType};
use starlark::values::tuple::UnpackTuple;
use starlark::values::{Heap, Value};
use starlark::{PrintHandler, starlark_module};
use zeroize::Zeroize;

use super::wire::{ScriptError, ScriptOutcome};

/// Most lines that one call may print, and most characters of a line.
const LINES: usize = 50;
const WIDTH: usize = 1000;
/// Most bytes of all values that a hook sets, as JSON.
const ANSWER: usize = 256 * 1024;
/// Most characters of a refusal's message, or of a script error.
pub(super) const MESSAGE: usize = 1000;
/// Shorter secrets are not masked: they could be part of any text.
const SHORTEST: usize = 4;

/// The names that every model has in addition to the fields of its operation.
pub(super) const ABOUT: [&str; 8] =
    ["user_id", "session_id", "request_id", "ip", "locale", "user_agent", "time", "weekday"];

thread_local! {
    /// The running call; a worker runs one at a time. (To attach a type of this crate to the evaluator would need
    /// unsafe code.)
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

/// A script uses a function of the server in a wrong way.
#[derive(Debug)]
pub(super) struct Misuse(pub(super) String);

impl std::fmt::Display for Misuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

fn misuse<T>(message: impl Into<String>) -> starlark::Result<T> {
    Err(starlark::Error::new_other(Misuse(message.into())))
}

/// The running call and its result so far.
pub(super) struct Running {
    model: Model,
    fields: Vec<FieldSpec>,
    /// True after the operation: nothing can be changed any more.
    over: bool,
    set: Map<String, Json>,
    rejected: Option<ScriptOutcome>,
    secrets: Vec<String>,
}

impl Running {
    /// A call that has not done anything yet.
    pub(super) fn new(model: Model, over: bool) -> Running {
        let fields = model.operation.fields();
        let secret = fields.iter().filter(|field| field.secret);
        let secrets =
            secret.filter_map(|field| model.fields.get(field.name)?.as_str().map(str::to_owned)).collect();
        Running { model, fields, over, set: Map::new(), rejected: None, secrets }
    }

    /// Makes this the running call.
    pub(super) fn begin(self) {
        RUNNING.set(Some(self));
    }

    /// Ends the running call. Returns its outcome; `result` is the result of the script's function.
    pub(super) fn end(result: Result<(), ScriptError>) -> Option<ScriptOutcome> {
        let mut running = RUNNING.take()?;
        let outcome = match (running.rejected.take(), result) {
            (Some(rejected), _) => rejected,
            (None, Err(fault)) => {
                let message = shorten(&running.cover(&fault.message), MESSAGE);
                ScriptOutcome::Failed(ScriptError { message, ..fault })
            }
            (None, Ok(())) => ScriptOutcome::Set(std::mem::take(&mut running.set)),
        };
        running.secrets.zeroize();
        for field in running.fields.iter().filter(|field| field.secret) {
            if let Some(Json::String(text)) = running.model.fields.get_mut(field.name) {
                text.zeroize();
            }
        }
        Some(outcome)
    }

    fn field(&self, name: &str) -> Option<FieldSpec> {
        self.fields.iter().find(|field| field.name == name).copied()
    }

    fn read(&self, name: &str) -> Json {
        match self.field(name) {
            Some(field) => match self.set.get(name).or_else(|| self.model.fields.get(name)) {
                None | Some(Json::Null) => empty(field.kind()),
                Some(value) => value.clone(),
            },
            None => about(&self.model.about, name),
        }
    }

    /// Sets a field. The script must call the setter with exactly one value.
    fn write(&mut self, name: &str, values: &[Value<'_>]) -> starlark::Result<()> {
        let Some(field) = self.field(name) else { return Ok(()) };
        let value = match values {
            [value] => *value,
            // The seed writes `set_token()`, without a value.
            [] if name == "token" => return Ok(()),
            _ => {
                let count = if values.is_empty() { "none".to_owned() } else { values.len().to_string() };
                let wanted = wanted(field.kind());
                return misuse(format!("set_{name} takes one value, {wanted}; here it has {count}"));
            }
        };
        let given = given(field.kind(), value).ok_or_else(|| {
            let (wanted, got) = (wanted(field.kind()), value.get_type());
            starlark::Error::new_other(Misuse(format!("set_{name} takes {wanted}, not {got}")))
        })?;
        if self.over {
            // The seed allows `set_token` in both hooks. After the operation it does nothing (seed H46).
            if name == "token" {
                return Ok(());
            }
            let function = self.model.operation.post();
            return misuse(format!("set_{name} cannot be called in {function}: the operation is over"));
        }
        if let (true, Json::String(text)) = (field.secret, &given) {
            self.secrets.push(text.clone());
        }
        self.set.insert(name.to_owned(), given);
        if serde_json::to_string(&self.set).is_ok_and(|all| all.len() > ANSWER) {
            return misuse(format!("set_{name}: all that a hook sets must fit into {} KiB", ANSWER / 1024));
        }
        Ok(())
    }

    fn reject(&mut self, message: &str, code: &str, field: Option<&str>) -> starlark::Result<()> {
        if self.over {
            let function = self.model.operation.post();
            return misuse(format!("reject cannot be called in {function}: the operation is over"));
        }
        if HookRefusal::code(code).is_none() {
            return misuse(format!(
                "reject: {code:?} is not an error code that a hook can use; see docs/errors.md"
            ));
        }
        let told = |text: &str| shorten(&self.cover(text), MESSAGE);
        self.rejected = Some(ScriptOutcome::Rejected {
            message: Some(told(message)).filter(|message| !message.is_empty()),
            code: code.to_owned(),
            field: field.map(told),
        });
        misuse("rejected")
    }

    /// Masks the secrets of this call in a text, also where they are quoted once or twice.
    fn cover(&self, text: &str) -> String {
        let long = self.secrets.iter().filter(|secret| secret.len() >= SHORTEST);
        let mut spellings: Vec<_> = long.flat_map(|secret| spellings(secret)).collect();
        spellings.extend(spellings.clone().iter().flat_map(|spelling| self::spellings(spelling)));
        // The longest spelling first: to replace a shorter one inside it would leave the rest of the secret.
        spellings.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
        spellings.dedup();
        spellings.iter().fold(text.to_owned(), |text, spelling| text.replace(spelling.as_str(), "[secret]"))
    }
}

/// A secret as it is, and as `repr`, JSON and Rust's `Debug` write it within quotes.
fn spellings(secret: &str) -> [String; 4] {
    let within = |quoted: String| quoted.get(1..quoted.len() - 1).unwrap_or(secret).to_owned();
    let repr = Heap::temp(|heap| heap.alloc(secret).to_repr());
    [secret.to_owned(), within(repr), within(json!(secret).to_string()), within(format!("{secret:?}"))]
}

/// The value that a getter returns for an absent field.
fn empty(kind: Kind) -> Json {
    match kind {
        Kind::Text => json!(""),
        Kind::Flag => json!(false),
        Kind::Texts => json!([]),
        Kind::Object => json!({}),
        Kind::Any => Json::Null,
    }
}

fn wanted(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a string",
        Kind::Flag => "True or False",
        Kind::Texts => "a list of strings",
        Kind::Object => "a dict",
        Kind::Any => "a JSON value",
    }
}

fn given(kind: Kind, value: Value<'_>) -> Option<Json> {
    let given = value.to_json_value().ok()?;
    let fits = match (kind, &given) {
        (Kind::Text, Json::String(_))
        | (Kind::Flag, Json::Bool(_))
        | (Kind::Object, Json::Object(_))
        | (Kind::Any, _) => true,
        (Kind::Texts, Json::Array(texts)) => texts.iter().all(Json::is_string),
        _ => false,
    };
    fits.then_some(given)
}

fn about(about: &About, name: &str) -> Json {
    match name {
        "user_id" => json!(about.user_id),
        "session_id" => json!(about.session_id),
        "request_id" => json!(about.request_id),
        "ip" => json!(about.ip),
        "locale" => json!(about.locale),
        "user_agent" => json!(about.user_agent),
        "time" => json!(moment(about.time).to_string()),
        "weekday" => json!(weekday(about.time)),
        _ => Json::Null,
    }
}

fn moment(time: Millis) -> Timestamp {
    Timestamp::from_millisecond(time).unwrap_or_default()
}

fn weekday(time: Millis) -> &'static str {
    match moment(time).to_zoned(TimeZone::UTC).weekday() {
        Weekday::Monday => "monday",
        Weekday::Tuesday => "tuesday",
        Weekday::Wednesday => "wednesday",
        Weekday::Thursday => "thursday",
        Weekday::Friday => "friday",
        Weekday::Saturday => "saturday",
        Weekday::Sunday => "sunday",
    }
}

fn with<T>(use_it: impl FnOnce(&mut Running) -> starlark::Result<T>) -> starlark::Result<T> {
    RUNNING.with_borrow_mut(|running| match running {
        Some(running) => use_it(running),
        None => misuse("this can only be called while a hook runs"),
    })
}

/// The names of an operation's getters, without `get_`.
pub(super) fn getters(fields: &[FieldSpec]) -> Vec<&'static str> {
    ABOUT.into_iter().chain(fields.iter().map(|field| field.name)).collect()
}

/// The names of its setters, without `set_`.
pub(super) fn setters(fields: &[FieldSpec]) -> Vec<&'static str> {
    fields.iter().filter(|field| field.settable).map(|field| field.name).collect()
}

/// For the prelude only, which binds names to these functions. They accept all arguments and count them themselves, so
/// that an error message uses the name that the script knows.
pub(super) fn access() -> Globals {
    GlobalsBuilder::extended_by(&[LibraryExtension::Partial, LibraryExtension::StructType])
        .with(accessors)
        .build()
}

#[starlark_module]
fn accessors(builder: &mut GlobalsBuilder) {
    fn read<'v>(
        #[starlark(require = pos)] name: &str,
        #[starlark(args)] values: UnpackTuple<Value<'v>>,
        #[starlark(kwargs)] named: DictRef<'v>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        if !values.items.is_empty() || !named.is_empty() {
            return misuse(format!("get_{name} takes no value"));
        }
        let value = with(|running| Ok(running.read(name)))?;
        Ok(eval.heap().alloc(value))
    }

    fn write<'v>(
        #[starlark(require = pos)] name: &str,
        #[starlark(args)] values: UnpackTuple<Value<'v>>,
        #[starlark(kwargs)] named: DictRef<'v>,
    ) -> starlark::Result<NoneType> {
        if !named.is_empty() {
            return misuse(format!("set_{name} takes its value without a name: set_{name}(value)"));
        }
        with(|running| running.write(name, &values.items))?;
        Ok(NoneType)
    }
}

#[starlark_module]
pub(super) fn reject(builder: &mut GlobalsBuilder) {
    /// Refuses the call and ends the hook.
    fn reject<'v>(
        #[starlark(default = "")] message: &'v str,
        #[starlark(default = "HOOK_REJECTED")] code: &'v str,
        #[starlark(default = NoneOr::None)] field: NoneOr<&'v str>,
    ) -> starlark::Result<NoneType> {
        with(|running| running.reject(message, code, field.into_option()))?;
        Ok(NoneType)
    }
}

/// Collects the printed lines.
#[derive(Debug, Default)]
pub(super) struct Printer(RefCell<Vec<String>>);

impl Printer {
    /// All printed lines, shortened and with secrets masked.
    pub(super) fn lines(self) -> Vec<String> {
        self.0.into_inner()
    }
}

impl PrintHandler for Printer {
    fn println(&self, text: &str) -> starlark::Result<()> {
        let mut lines = self.0.borrow_mut();
        if lines.len() < LINES {
            let covered = RUNNING.with_borrow(|running| running.as_ref().map(|running| running.cover(text)));
            lines.push(shorten(covered.as_deref().unwrap_or(text), WIDTH));
        } else if lines.len() == LINES {
            lines.push("(and more)".into());
        }
        Ok(())
    }
}

pub(super) fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
