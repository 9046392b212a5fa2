//! `hooks.star`: a script of the operator's.

use super::{Model, Said};
use crate::config::Config;

/// The operator's script, if there is one.
#[derive(Debug)]
pub struct Scripts;

impl Scripts {
    /// Reads it.
    pub fn open(_: &Config) -> Result<Scripts, Box<dyn std::error::Error>> {
        Ok(Scripts)
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Does it define this function?
    pub fn has(&self, _: &str) -> bool {
        false
    }

    /// Calls a function of it. The error is for the log.
    pub async fn call(&self, _: &str, _: &Model, _: Option<bool>) -> Result<Said, String> {
        Err("there is no script".into())
    }
}
