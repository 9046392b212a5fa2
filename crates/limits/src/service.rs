//! The service that limits calls.

use std::sync::Arc;

use doorward_credentials::passwords::Hasher;
use doorward_request::platform::Platform;

use super::captcha::Captcha;
use super::exhausted_budgets::ExhaustedBudgets;

/// The state of limits and captchas.
#[derive(Debug)]
pub struct Limits {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// The captcha that is needed after failures.
    pub captcha: Captcha,
    /// Budgets that are known to be exhausted.
    pub exhausted: ExhaustedBudgets,
    /// Hashes passwords. A call is refused early if the queue is full.
    pub hasher: Arc<Hasher>,
}
