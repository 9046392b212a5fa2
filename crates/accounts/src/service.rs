//! The service that signs people up and in, and changes their accounts.

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

/// Sign-up, sign-in, and what else happens to accounts.
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
    /// What the operator adds to operations.
    pub hooks: Arc<Hooks>,
    /// Providers that people sign in with.
    pub providers: Providers,
    /// Refuses passwords that are guessed first.
    pub screening: Screening,
    /// Hashes passwords.
    pub hasher: Arc<Hasher>,
    /// Wakes those who wait for a sign-in with a provider to end.
    pub waiting: Waiting,
}

impl Accounts {
    /// Can an SMS leave? With --dev it always can, into the mailbox.
    pub fn sms_configured(&self) -> bool {
        self.outbox.transport.has_sms()
    }
}
