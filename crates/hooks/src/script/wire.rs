//! What the server and its workers say to each other: one line of JSON at a time.

use std::borrow::Cow;
use std::collections::BTreeMap;

use doorward_request::event::Model;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// No line is longer, in either direction.
pub(super) const LINE: usize = 2 * 1024 * 1024;

/// From the server to a worker.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Task<'a> {
    /// The first, and only once: take this script.
    Load(Load<'a>),
    /// Run a function of it.
    Call(Call<'a>),
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Load<'a> {
    /// What the file is called in errors.
    pub name: Cow<'a, str>,
    pub source: Cow<'a, str>,
    pub limits: ScriptLimits,
}

/// What one call may use up.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct ScriptLimits {
    /// Calls and rounds of loops.
    pub steps: u64,
    /// MiB.
    pub memory: u32,
}

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Call<'a> {
    pub function: Cow<'a, str>,
    pub model: Cow<'a, Model>,
    /// How it ended, for what is called after it.
    pub succeeded: Option<bool>,
}

/// From a worker to the server.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WorkerAnswer {
    /// The script can be used.
    Loaded(Loaded),
    /// It cannot.
    Broken(ScriptError),
    /// A function was run.
    Ran(Ran),
}

/// What a script has.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Loaded {
    /// What is called `pre_…` or `post_…`.
    pub functions: Functions,
    /// Lines that it printed.
    pub printed: Vec<String>,
}

/// Functions of a script, and the lines that they begin at.
pub(super) type Functions = BTreeMap<String, u32>;

#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Ran {
    pub outcome: ScriptOutcome,
    /// Lines that it printed, harmless in a log.
    pub printed: Vec<String>,
    pub steps: u64,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ScriptOutcome {
    /// It came to its end; these fields were set.
    Set(Map<String, Value>),
    /// It called `reject`.
    Rejected { message: Option<String>, code: String, field: Option<String> },
    /// It is wrong.
    Failed(ScriptError),
}

/// A mistake, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(super) struct ScriptError {
    /// The file.
    pub file: String,
    /// Line and column, both from 1.
    pub at: Option<(u32, u32)>,
    /// What is wrong.
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
