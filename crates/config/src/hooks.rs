//! Settings of hooks that are a script.

use std::path::PathBuf;
use std::time::Duration;

use super::{Config, Layers, ShortSpan, settings};

settings! {
    /// `[hooks]`
    pub struct Hooks {
        /// File with hooks in Starlark [default: `hooks.star` beside the file of settings, or in the working directory, if there is one].
        script: PathBuf = PathBuf::new(),
        /// Longest time of one call of a hook, once a worker is free for it; what takes longer is ended, and the request fails.
        time: ShortSpan = ShortSpan::millis(100),
        /// Most memory of one call, in MiB.
        memory: u32 = 32,
        /// Most steps of one call: calls of functions and rounds of loops.
        steps: u32 = 1_000_000,
    }
}

/// Where the script is unless a setting says otherwise.
const NAME: &str = "hooks.star";
/// What the server gives all hooks of a call together.
const TOGETHER: Duration = Duration::from_secs(5);

impl Config {
    /// The script that is meant. Only one that was named must be there.
    pub(super) fn place_hooks(&mut self, layers: &Layers) {
        let script = &mut self.hooks.script;
        *script = match script.as_os_str().is_empty() {
            true => layers.beside(NAME),
            false => layers.placed("hooks.script", script),
        };
    }

    /// Settings that could not work, by their names.
    pub(super) fn hooks_errors(&self, layers: &Layers) -> Vec<(&'static str, String)> {
        let mut errors = Vec::new();
        let hooks = &self.hooks;
        let named = layers.read::<Config>().is_ok_and(|given| !given.hooks.script.as_os_str().is_empty());
        if named && !hooks.script.exists() {
            errors.push(("hooks.script", format!("{} is not there", hooks.script.display())));
        }
        if Duration::from(hooks.time).is_zero() || Duration::from(hooks.time) > TOGETHER {
            errors.push(("hooks.time", "must be at least 1ms and at most 5s".into()));
        }
        if !(4..=1024).contains(&hooks.memory) {
            errors.push(("hooks.memory", "must be at least 4 and at most 1024".into()));
        }
        if hooks.steps < 1_000 {
            errors.push(("hooks.steps", "must be at least 1000".into()));
        }
        errors
    }
}
