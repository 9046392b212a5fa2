//! Settings of the hook script.

use std::path::PathBuf;
use std::time::Duration;

use super::{Config, Layers, ShortSpan, settings};

settings! {
    /// The hook script.
    pub struct Hooks {
        /// File with hooks in Starlark. Default: `hooks.star`, if it exists, in the folder of the settings file, or without a settings file in the working directory.
        script: PathBuf = PathBuf::new(),
        /// Time limit of one call of a hook, measured from when a worker is free. A call that takes longer is stopped, and its request fails.
        time: ShortSpan = ShortSpan::millis(100),
        /// Memory limit of one call, in MiB.
        memory: u32 = 32,
        /// Limit of steps in one call: function calls and loop iterations.
        steps: u32 = 1_000_000,
    }
}

/// Default name of the script.
const NAME: &str = "hooks.star";
/// Time limit of all hooks of a request together (D-37).
const TOGETHER: Duration = Duration::from_secs(5);

impl Config {
    /// Resolves the path of the script. A script that a setting names must exist; the default one may be missing.
    pub(super) fn place_hooks(&mut self, layers: &Layers) {
        let script = &mut self.hooks.script;
        *script = match script.as_os_str().is_empty() {
            true => layers.beside(NAME),
            false => layers.placed("hooks.script", script),
        };
    }

    /// The invalid settings, by name.
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
