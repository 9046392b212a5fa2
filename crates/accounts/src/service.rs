//! The service for sign-up, sign-in and account changes.

use std::sync::Arc;

use doorward_credentials::passwords::Hasher;
use doorward_credentials::signing::TokenIssuer;
use doorward_hooks::Hooks;
use doorward_limits::Limits;
use doorward_messages::outbox::Outbox;
use doorward_providers::Providers;
use doorward_request::platform::Platform;

use crate::flows::Waiting;
use crate::screening::Screening;

/// Carries out all account operations, with the services that they use.
#[derive(Debug)]
pub struct Accounts {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// Signs and verifies access tokens.
    pub issuer: Arc<TokenIssuer>,
    /// Limits and captcha.
    pub limits: Arc<Limits>,
    /// Mails and SMS.
    pub outbox: Arc<Outbox>,
    /// The operator's scripts and webhooks.
    pub hooks: Arc<Hooks>,
    /// The configured identity providers.
    pub providers: Providers,
    /// Block lists for new passwords.
    pub screening: Screening,
    /// Hashes passwords.
    pub hasher: Arc<Hasher>,
    /// Wakes requests that wait for another request to finish a sign-in with a provider.
    pub waiting: Waiting,
}

impl Accounts {
    /// True if an SMS can be sent. Always true with `--dev`, where messages go to the development mailbox.
    pub fn sms_configured(&self) -> bool {
        self.outbox.transport.has_sms()
    }
}
