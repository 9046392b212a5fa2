//! `doorward hooks`: checks hooks and tries them before users meet them.

use std::path::PathBuf;

use clap::Subcommand;
use doorward_config::{Config, Hooks};
use doorward_core::clock::World;
use doorward_core::operation::{Kind, Operation};
use doorward_core::webhook_signature::WebhookKey;
use doorward_hooks::script::{Rehearsal, Scripts, unknown};
use doorward_request::event::{About, HookAnswer, Model};
use serde_json::{Map, Value, json};

use super::operator::{Verdict, plain, tell};
use super::{Settings, deliveries, wait};

/// The commands for hooks.
#[derive(Debug, Subcommand)]
pub(super) enum HooksVerb {
    /// Check the script: print its hooks, or its errors with line and column.
    Check {
        /// The script [default: the one in the settings].
        file: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Run one hook on a sample and print what it does. Changes nothing.
    Try {
        /// The hook, like pre_email_auth.
        event: String,
        /// The script [default: the one in the settings].
        #[arg(long)]
        file: Option<PathBuf>,
        /// A field of the sample, or a value that every model has, like ip or time (in milliseconds). Can be repeated.
        #[arg(long = "set", value_name = "FIELD=VALUE")]
        set: Vec<String>,
        /// The whole sample as a JSON object: fields, and values that every model has.
        #[arg(long, value_name = "SAMPLE")]
        json: Option<String>,
        /// For a post_ hook: the operation failed.
        #[arg(long)]
        failed: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the events that hooks have received, or will receive, newest first; with --json one per line.
    Deliveries(deliveries::Which),
    /// Print a new secret for `[webhooks.NAME]`.
    Secret,
}

pub(super) fn run(verb: HooksVerb) -> Verdict {
    match verb {
        HooksVerb::Check { file, settings } => check(&script(&settings, file)?),
        HooksVerb::Try { event, file, set, json, failed, settings } => {
            let (operation, after) = operation(&event)?;
            let model = sample(operation, after, &set, json.as_deref())?;
            attempt(&script(&settings, file)?, &event, &model, after.then_some(!failed))
        }
        HooksVerb::Deliveries(which) => deliveries::run(which),
        HooksVerb::Secret => Ok(tell(WebhookKey::mint(&World::default()).expose())?),
    }
}

/// The settings of hooks, with `file` as the script if it is given.
fn script(settings: &Settings, file: Option<PathBuf>) -> Result<Hooks, Box<dyn std::error::Error>> {
    let load = || {
        let layers = settings.layers()?;
        // Only a server with --dev works without public_url. The other effects of --dev do not matter to a script.
        let dev = settings.dev || layers.origin("public_url").is_none();
        Config::load(&layers, dev)
    };
    let Some(script) = file else { return Ok(load()?.0.hooks) };
    // The author of a script may not have settings yet.
    let hooks = load();
    Ok(Hooks { script, ..hooks.map(|(config, _)| config.hooks).unwrap_or_default() })
}

/// Fails if the server would not start with this script. A missing script is not an error.
pub(super) fn would_load(hooks: &Hooks) -> Verdict {
    if hooks.script.exists() { open(hooks, async |_| Ok(())) } else { Ok(()) }
}

fn open<T>(
    hooks: &Hooks,
    work: impl AsyncFnOnce(Scripts) -> Result<T, String>,
) -> Result<T, Box<dyn std::error::Error>> {
    if !hooks.script.exists() {
        return Err(format!("there is no {}", hooks.script.display()).into());
    }
    Ok(wait(async {
        let scripts = Scripts::new(hooks, &World::default().program);
        scripts.begin().await?;
        work(scripts).await
    })?)
}

fn check(hooks: &Hooks) -> Verdict {
    let functions = open(hooks, async |scripts| Ok(scripts.functions()))?;
    let file = hooks.script.display();
    let wrong: Vec<_> = functions
        .iter()
        .filter_map(|(name, line)| {
            Some(format!("{file}:{line}:1: {}", unknown([name.as_str()].into_iter()).pop()?))
        })
        .collect();
    for (name, line) in &functions {
        tell(format_args!("{name}  (line {line})"))?;
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    match functions.len() {
        0 => tell(format_args!("{file} has no hooks: functions like pre_email_auth(model)"))?,
        _ => tell(format_args!("{file} is good."))?,
    }
    Ok(())
}

fn operation(event: &str) -> Result<(Operation, bool), String> {
    let named = Operation::ALL.iter().find(|operation| operation.hooks().contains(&event));
    match named {
        Some(operation) => Ok((*operation, operation.post() == event)),
        None => Err(unknown([event].into_iter()).pop().unwrap_or_default()),
    }
}

/// A sample call, with the values that the operator sets.
fn sample(operation: Operation, after: bool, set: &[String], given: Option<&str>) -> Result<Model, String> {
    let mut about = json!(About {
        request_id: "0199a000-0000-7000-8000-000000000000".into(),
        ip: "192.0.2.1".into(),
        locale: "en".into(),
        user_agent: "doorward hooks try".into(),
        time: World::default().now(),
        ..About::default()
    });
    let mut fields = Map::new();
    for field in operation.fields().iter().filter(|field| !(after && field.secret)) {
        if let Some(value) = example(field.name, field.kind()) {
            fields.insert(field.name.to_owned(), value);
        }
    }
    let mut put = |name: &str, text: Option<&str>, value: Value| {
        if let Some(place) = about.get_mut(name) {
            *place = value;
            return Ok(());
        }
        let field = operation.field(name).ok_or_else(|| {
            let names: Vec<_> = operation.fields().iter().map(|field| field.name).collect();
            format!("{} has no {name}; it has: {}", operation.as_str(), names.join(", "))
        })?;
        let value = text.filter(|_| field.kind() == Kind::Text).map_or(value, Value::from);
        fields.insert(name.to_owned(), value);
        Ok::<(), String>(())
    };
    if let Some(given) = given {
        let given: Map<String, Value> =
            serde_json::from_str(given).map_err(|error| format!("--json: {error}"))?;
        for (name, value) in given {
            put(&name, None, value)?;
        }
    }
    for pair in set {
        let (name, text) =
            pair.split_once('=').ok_or_else(|| format!("--set {pair}: write it FIELD=VALUE"))?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
        put(name, Some(text), value)?;
    }
    let about = serde_json::from_value(about).map_err(|error| format!("the sample: {error}"))?;
    Ok(Model { operation, about, fields })
}

fn example(name: &str, kind: Kind) -> Option<Value> {
    Some(match (name, kind) {
        ("email", _) => "ada@example.com".into(),
        ("username", _) => "ada".into(),
        ("phone_number", _) => "+15557122661".into(),
        ("password", _) => "correct horse battery".into(),
        ("provider", _) => "google".into(),
        ("scene", _) => "LOGIN".into(),
        ("method", _) => "password".into(),
        ("token" | "id", _) => "0199a000000070008000000000000000".into(),
        (_, Kind::Flag) => false.into(),
        _ => return None,
    })
}

fn attempt(hooks: &Hooks, event: &str, model: &Model, succeeded: Option<bool>) -> Verdict {
    let Rehearsal { said, printed, steps, time } = open(hooks, async |scripts| {
        if !scripts.has(event) {
            return Err(format!("{} has no {event}", hooks.script.display()));
        }
        scripts.rehearse(event, model, succeeded).await.map_err(|unanswered| unanswered.to_string())
    })?;
    for line in printed {
        tell(format_args!("printed: {}", plain(&line)))?;
    }
    match said? {
        HookAnswer::GoOn(fields) if fields.is_empty() => {
            tell("The hook allowed the operation and set nothing.")?
        }
        HookAnswer::GoOn(fields) => {
            for (name, value) in fields {
                tell(format_args!("set: {name} = {}", plain(&value.to_string())))?;
            }
        }
        HookAnswer::Refuse(refusal) => {
            let (code, message) = (refusal.code.as_str(), refusal.message.unwrap_or_default());
            let field = refusal.field.map(|field| format!(", field {field}")).unwrap_or_default();
            tell(format_args!("refused: {code} ({}{field}) {}", refusal.code.status(), plain(&message)))?;
        }
    }
    tell(format_args!("It took {:.2} ms and {steps} steps.", time.as_secs_f64() * 1000.0))?;
    Ok(())
}
