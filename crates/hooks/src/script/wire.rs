//! The messages between the server and its workers: one line of JSON each.

use std::borrow::Cow;
use std::collections::BTreeMap;

use doorward_request::event::Model;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Most bytes of a line, in either direction.
pub(super) const LINE: usize = 2 * 1024 * 1024;

/// From the server to a worker.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Task<'a> {
    /// Load this script. Must be the first task, and is sent only once.
    Load(Load<'a>),
    /// Run a function of the script.
    Call(Call<'a>),
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Load<'a> {
    /// Name of the file in errors.
    pub name: Cow<'a, str>,
    pub source: Cow<'a, str>,
    pub limits: ScriptLimits,
}

/// The limits of one call.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct ScriptLimits {
    /// Calls and loop iterations.
    pub steps: u64,
    /// In MiB.
    pub memory: u32,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Call<'a> {
    pub function: Cow<'a, str>,
    pub model: Cow<'a, Model>,
    /// The outcome of the operation, for `post_` hooks.
    pub succeeded: Option<bool>,
}

/// From a worker to the server.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WorkerAnswer {
    /// The script can be used.
    Loaded(Loaded),
    /// The script cannot be used.
    Broken(ScriptError),
    /// A function was run.
    Ran(Ran),
}

/// The content of a loaded script.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Loaded {
    /// The functions with a name like `pre_…` or `post_…`.
    pub functions: Functions,
    /// Lines that it printed.
    pub printed: Vec<String>,
}

/// The functions of a script, with the lines at which they begin.
pub(super) type Functions = BTreeMap<String, u32>;

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Ran {
    pub outcome: ScriptOutcome,
    /// The lines that it printed, shortened and with secrets masked.
    pub printed: Vec<String>,
    pub steps: u64,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScriptOutcome {
    /// The function returned normally and set these fields.
    Set(Map<String, Value>),
    /// The function called `reject`.
    Rejected { message: Option<String>, code: String, field: Option<String> },
    /// The function failed.
    Failed(ScriptError),
}

/// An error in a script, with its position.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct ScriptError {
    /// Name of the file.
    pub file: String,
    /// Line and column, both from 1.
    pub at: Option<(u32, u32)>,
    /// Message.
    pub message: String,
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for ScriptError {}
