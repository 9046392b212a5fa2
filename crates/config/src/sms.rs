//! Settings of SMS: the gateway, and what may be spent on it.

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
    /// MessageBird, which is called Bird now: its SMS API.
    Messagebird,
}

impl Preset {
    /// With the account that the gateway counts by: MessageBird knows it by the key alone.
    pub fn has_account(self) -> bool {
        self != Preset::Messagebird
    }
}

settings! {
    /// The gateway that takes our SMS, and what may be spent on it.
    pub struct Sms {
        /// A gateway that is known here: `twilio`, `vonage` or `messagebird`. For any other set `sms.url`. Without either no SMS leaves; --dev shows them at /dev/mailbox, with or without it.
        preset: Option<Preset> = None,
        /// Who we are there. Twilio: the account's SID; Vonage: the API key.
        account: String = String::new(),
        /// Twilio: the SID of an API key, where `sms.secret` is that key's and not the account's.
        key: String = String::new(),
        /// The secret. Twilio: the auth token, or the API key's secret; Vonage: the API secret; MessageBird: the access key.
        secret: Secret = Secret::default(),
        /// The sender: a number, or a name where the country allows it. Twilio: also the SID of a messaging service.
        from: String = String::new(),
        /// Address of the gateway; with `sms.preset`, another address of the same. Here and in `sms.body` can stand {to}, {digits} (the number without +), {text}, {from}, {account}, {key} and {secret}.
        url: String = String::new(),
        /// `GET`, `POST` or `PUT`.
        method: String = "POST".to_owned(),
        /// Headers of the request, each like `Content-Type: application/json`; that one also says how values are written in `sms.body`. {secret}, {account}, {key}, {from} and {basic} (account and secret as HTTP wants them) can stand in them.
        headers: Vec<Secret> = Vec::new(),
        /// Body of the request, like `{"to":"{to}","text":"{text}"}`.
        body: String = String::new(),
        /// The status, or a range of them, that says that the gateway took the SMS.
        success: String = "200-299".to_owned(),
        /// Where in the answer's JSON the gateway says so, where the status does not: a pointer like `/messages/0/status` (RFC 6901).
        success_at: String = String::new(),
        /// What must stand there, like `0`; without `sms.success_at`, anywhere in the answer.
        success_is: String = String::new(),
        /// How long the gateway may take to answer.
        timeout: ShortSpan = ShortSpan::millis(10_000),
        /// How many SMS leave at the same time.
        connections: u32 = 4,
        /// An SMS is given up after so many attempts; the pauses between them grow from seconds to 15 minutes.
        attempts: u32 = 12,
        /// One number gets no more than one SMS in this time. None with --dev.
        pause: Span = Span::seconds(30),
        /// SMS to one number in a day. Plenty with --dev.
        budget_number: u32 = 10,
        /// SMS to all numbers that begin with the same six characters, like +49170, in a day. Plenty with --dev.
        budget_prefix: u32 = 500,
        /// SMS in a day. Plenty with --dev.
        budget_total: u32 = 10_000,
    }
}

impl Sms {
    /// Is there a gateway?
    pub fn is_configured(&self) -> bool {
        self.preset.is_some() || !self.url.is_empty()
    }
}

impl Config {
    /// In development SMS cost nothing, and tests ask for many.
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

    /// Settings that could not work, by their names. What a template must be is checked where it is used.
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
            "or sms.url is required: else no SMS leaves",
        );
        if let Some(preset) = sms.preset {
            check(!sms.secret.is_empty(), "sms.secret", "is required with sms.preset");
            check(!sms.from.is_empty(), "sms.from", "is required with sms.preset: a number or a name");
            check(
                !preset.has_account() || !sms.account.is_empty(),
                "sms.account",
                "is required: the account's SID at Twilio, the API key at Vonage",
            );
            check(sms.body.is_empty(), "sms.body", "is known with sms.preset: leave one of them out");
            check(sms.headers.is_empty(), "sms.headers", "are known with sms.preset: leave one of them out");
        }
        check(
            sms.success_at.is_empty() || (sms.success_at.starts_with('/') && !sms.success_is.is_empty()),
            "sms.success_at",
            "must be a pointer like /messages/0/status, and sms.success_is say what stands there",
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
