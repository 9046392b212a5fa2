//! Webhooks: services of the operator's.

use super::{Model, Said};
use crate::config::Config;
use crate::error::ApiError;
use crate::state::App;

/// The operator's services, as configured.
#[derive(Debug)]
pub struct Webhooks;

impl Webhooks {
    /// Reads the settings.
    pub fn open(_: &Config) -> Result<Webhooks, Box<dyn std::error::Error>> {
        Ok(Webhooks)
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Names of those that want to know of this.
    pub fn listening(&self, _: &str) -> Vec<&str> {
        Vec::new()
    }

    /// Asks all that listen, one after the other.
    pub async fn before(&self, _: &App, _: &Model) -> Result<Said, ApiError> {
        Ok(Said::GoOn(serde_json::Map::new()))
    }
}
