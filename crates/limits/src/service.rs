//! The service of limits.

use std::sync::Arc;

use doorward_credentials::passwords::Hasher;
use doorward_request::platform::Platform;

use super::captcha::Captcha;
use super::exhausted_budgets::ExhaustedBudgets;

/// Limits and captcha.
#[derive(Debug)]
pub struct Limits {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// What has to be solved after failures.
    pub captcha: Captcha,
    /// Limits that are known to be reached.
    pub exhausted: ExhaustedBudgets,
    /// Hashes passwords: a call that would have to wait for it is refused first.
    pub hasher: Arc<Hasher>,
}
