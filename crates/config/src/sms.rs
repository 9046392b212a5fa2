//! Settings of SMS: the gateway and its budgets.

use doorward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use super::{Config, Layers, ShortSpan, Span, settings};

/// `sms.preset`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Twilio, its Messages resource.
    Twilio,
    /// Vonage, its Messages API.
    Vonage,
    /// MessageBird (now called Bird), its SMS API.
    Messagebird,
}

impl Preset {
    /// True if the gateway needs `sms.account`. MessageBird identifies the account by the key alone.
    pub fn has_account(self) -> bool {
        self != Preset::Messagebird
    }
}

settings! {
    /// The SMS gateway and its budgets.
    pub struct Sms {
        /// A known gateway: `twilio`, `vonage` or `messagebird`. For any other gateway set `sms.url`. Without both, no SMS is sent. With --dev, SMS are also shown at /dev/mailbox.
        preset: Option<Preset> = None,
        /// Account at the gateway. Twilio: the account's SID; Vonage: the API key.
        account: String = String::new(),
        /// Twilio: the SID of an API key, if `sms.secret` is the secret of that key and not of the account.
        key: String = String::new(),
        /// The secret. Twilio: the auth token, or the API key's secret; Vonage: the API secret; MessageBird: the access key.
        secret: Secret = Secret::default(),
        /// The sender: a number, or a name where the country allows it. Twilio: also the SID of a messaging service.
        from: String = String::new(),
        /// Address of the gateway. With `sms.preset`, replaces its address. Placeholders here and in `sms.body`: {to}, {digits} (the number without +), {text}, {from}, {account}, {key} and {secret}.
        url: String = String::new(),
        /// HTTP method of the request: `GET`, `POST` or `PUT`.
        method: String = "POST".to_owned(),
        /// Headers of the request, each like `Content-Type: application/json`. The content type also decides how values are escaped in `sms.body`. Placeholders: {secret}, {account}, {key}, {from} and {basic} (account and secret for HTTP Basic authentication).
        headers: Vec<Secret> = Vec::new(),
        /// Body of the request, like `{"to":"{to}","text":"{text}"}`.
        body: String = String::new(),
        /// HTTP status, or range of statuses, of an answer that accepts the SMS.
        success: String = "200-299".to_owned(),
        /// JSON pointer (RFC 6901) like `/messages/0/status`, if the JSON of the answer and not its status shows that the gateway accepted the SMS.
        success_at: String = String::new(),
        /// Expected value at `sms.success_at`, like `0`. Without `sms.success_at`: text that the answer must contain.
        success_is: String = String::new(),
        /// Time limit of one request to the gateway.
        timeout: ShortSpan = ShortSpan::millis(10_000),
        /// Number of SMS sent at the same time.
        connections: u32 = 4,
        /// Number of attempts after which an SMS is given up. The pauses between them grow from seconds to 15 minutes.
        attempts: u32 = 12,
        /// Minimum time between two SMS to one number. Off with --dev.
        pause: Span = Span::seconds(30),
        /// Budget of SMS to one number per day. 1000000 with --dev.
        budget_number: u32 = 10,
        /// Budget of SMS to all numbers with the same first six characters, like +49170, per day. 1000000 with --dev.
        budget_prefix: u32 = 500,
        /// Budget of SMS to all numbers per day. 1000000 with --dev.
        budget_total: u32 = 10_000,
    }
}

impl Sms {
    /// True if a gateway is set.
    pub fn is_configured(&self) -> bool {
        self.preset.is_some() || !self.url.is_empty()
    }
}

impl Config {
    /// Raises the budgets for `--dev`: SMS cost nothing there, and tests send many.
    pub(super) fn loosen_sms(&mut self, layers: &Layers) {
        let unset = |key: &str| layers.origin(key).is_none();
        let sms = &mut self.sms;
        if unset("sms.pause") {
            sms.pause = Span::seconds(0);
        }
        for (key, budget) in [
            ("sms.budget_number", &mut sms.budget_number),
            ("sms.budget_prefix", &mut sms.budget_prefix),
            ("sms.budget_total", &mut sms.budget_total),
        ] {
            if unset(key) {
                *budget = 1_000_000;
            }
        }
    }

    /// The invalid settings, by name. Templates are checked where they are used.
    pub(super) fn sms_errors(&self) -> Vec<(&'static str, &'static str)> {
        let mut errors = Vec::new();
        let mut check = |holds: bool, key, message| {
            if !holds {
                errors.push((key, message));
            }
        };
        let sms = &self.sms;
        check(
            sms.is_configured() || (sms.secret.is_empty() && sms.from.is_empty()),
            "sms.preset",
            "or sms.url is required: without them no SMS is sent",
        );
        if let Some(preset) = sms.preset {
            check(!sms.secret.is_empty(), "sms.secret", "is required with sms.preset");
            check(!sms.from.is_empty(), "sms.from", "is required with sms.preset: a number or a name");
            check(
                !preset.has_account() || !sms.account.is_empty(),
                "sms.account",
                "is required: the account's SID at Twilio, the API key at Vonage",
            );
            check(
                sms.body.is_empty(),
                "sms.body",
                "cannot be set together with sms.preset: remove one of them",
            );
            check(
                sms.headers.is_empty(),
                "sms.headers",
                "cannot be set together with sms.preset: remove one of them",
            );
        }
        check(
            sms.success_at.is_empty() || (sms.success_at.starts_with('/') && !sms.success_is.is_empty()),
            "sms.success_at",
            "must be a JSON pointer like /messages/0/status, and sms.success_is must be the value there",
        );
        check(sms.timeout >= ShortSpan::millis(100), "sms.timeout", "must be at least 100ms");
        check((1..=100).contains(&sms.connections), "sms.connections", "must be at least 1 and at most 100");
        check(sms.attempts > 0, "sms.attempts", "must be at least 1");
        check(sms.pause <= Span::days(1), "sms.pause", "must be at most 1d");
        for (key, budget) in [
            ("sms.budget_number", sms.budget_number),
            ("sms.budget_prefix", sms.budget_prefix),
            ("sms.budget_total", sms.budget_total),
        ] {
            check(budget > 0, key, "must be at least 1");
        }
        errors
    }
}
