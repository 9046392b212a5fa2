//! Settings of webhooks: services of the operator that are called before or after an operation.

use doorward_core::local_address::is_local;
use doorward_core::operation::{Operation, SCRIPT};
use doorward_core::secret::{Secret, same};
use doorward_core::webhook_signature::WebhookKey;
use serde::{Deserialize, Serialize};
use url::Url;

use super::providers::is_name;
use super::{Config, Span, settings};

settings! {
    /// A service of yours that this server calls before or after operations: `[webhooks.NAME]`. You choose the
    /// name; it appears in the log.
    pub struct Webhook {
        /// Its address: https; http only on this machine. A private network must be listed in `outbound.allow`.
        url: String = String::new(),
        /// Secrets that sign the calls (Standard Webhooks), like `whsec_…`: `doorward hooks secret` makes one. List two while you replace one: calls are then signed with both.
        secrets: Vec<Secret> = Vec::new(),
        /// Events that it receives: names of hooks like `pre_signup` (before the operation, which it may change or refuse) or `post_signup` (after it), `pre_*`, `post_*`.
        events: Vec<String> = Vec::new(),
        /// Used when the service gives no valid answer to a `pre_` event. `refuse`: the request is answered with 503. `go_on`: the request continues without the service.
        on_failure: OnFailure = OnFailure::Refuse,
        /// Time limit of its answer to a `pre_` event. The user waits for it.
        timeout: Span = Span::seconds(2),
        /// Number of attempts after which a `post_` event is given up. The pauses between them grow from seconds to 15 minutes, so 100 attempts take about a day.
        attempts: u32 = 100,
        /// Number of `post_` events that are sent at the same time.
        connections: u32 = 4,
    }
}

/// `webhooks.NAME.on_failure`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The request is answered with 503.
    Refuse,
    /// The request goes on.
    GoOn,
}

impl Webhook {
    /// True if the webhook receives this event.
    pub fn hears(&self, event: &str) -> bool {
        self.events.iter().any(|heard| match heard.strip_suffix('*') {
            Some(beginning) => event.starts_with(beginning),
            None => heard == event,
        })
    }

    /// The invalid settings, by their names within the section.
    fn errors(&self) -> Vec<(&'static str, &'static str)> {
        let mut errors = Vec::new();
        let mut check = |holds: bool, key, message| {
            if !holds {
                errors.push((key, message));
            }
        };
        check(
            Url::parse(&self.url).is_ok_and(|url| {
                (url.scheme() == "https" || is_local(&url))
                    && url.username().is_empty()
                    && url.password().is_none()
                    && url.fragment().is_none()
            }),
            "url",
            "must be an https address without a password and #; http only on this machine",
        );
        check(
            matches!(self.secrets.len(), 1 | 2),
            "secrets",
            "must be one, or two while you replace one: make one with `doorward hooks secret`",
        );
        check(
            self.secrets.iter().all(|secret| WebhookKey::read(secret).is_some()),
            "secrets",
            "each must be whsec_ and the base64 of 24 to 64 bytes: make one with `doorward hooks secret`",
        );
        if let [one, other] = self.secrets.as_slice() {
            let same = same(one.expose().as_bytes(), other.expose().as_bytes());
            check(!same, "secrets", "are the same secret twice");
        }
        check(!self.events.is_empty(), "events", "must name at least one event, like post_signup or post_*");
        let known = |event: &String| {
            ["pre_*", "post_*"].contains(&event.as_str())
                || Operation::ALL.iter().any(|one| one.hooks().contains(&event.as_str()))
        };
        check(
            self.events.iter().all(known),
            "events",
            "has an unknown event: docs/hooks.md lists the events",
        );
        let timeout = self.timeout.millis();
        // All hooks of a request have five seconds (D-37).
        check((1..=4_000).contains(&timeout), "timeout", "must be at most 4s");
        check(self.attempts > 0, "attempts", "must be at least 1");
        check((1..=100).contains(&self.connections), "connections", "must be at least 1 and at most 100");
        errors
    }
}

impl Config {
    pub(super) fn webhook_errors(&self) -> Vec<(String, String)> {
        let mut errors = Vec::new();
        for (name, webhook) in self.webhooks.iter() {
            let key = format!("webhooks.{name}");
            if !is_name(name) || name == SCRIPT {
                let rule = "a name has lower-case letters, digits, _ and -, and begins with a letter; `script` is reserved";
                errors.push((key, rule.into()));
                continue;
            }
            let wrong = webhook.errors().into_iter();
            errors.extend(wrong.map(|(setting, message)| (format!("{key}.{setting}"), message.to_owned())));
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layers;
    use super::*;

    const GOOD: &str = "[webhooks.crm]\nurl = \"https://crm.example.com/hook\"\nevents = [\"pre_signup\", \"post_*\"]\n\
                        secrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n";

    fn load(text: &str) -> Result<Config, String> {
        let mut layers = Layers::default();
        let text = format!("public_url = \"https://auth.example.com\"\n{text}");
        layers.toml(&text, "doorward.toml").unwrap();
        Config::load(&layers, false).map(|(config, _)| config).map_err(|error| error.to_string())
    }

    #[test]
    fn an_invalid_webhook_is_refused_at_start_with_the_settings_name() {
        let config = load(GOOD).unwrap();
        let crm = &config.webhooks["crm"];
        assert!(crm.hears("pre_signup") && crm.hears("post_logout") && !crm.hears("pre_logout"));
        assert_eq!(crm.on_failure, OnFailure::Refuse, "the default refuses");
        let other = "\"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"";
        let ours = "\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"";
        for (good, bad, said) in [
            ("https://crm.example.com/hook", "http://crm.example.com/hook", "url: must be an https address"),
            ("https://crm.example.com/hook", "", "url: must be an https address"),
            ("https://crm", "https://user:pass@crm", "url: must be an https address"),
            ("pre_signup", "pre_singup", "events: has an unknown event"),
            ("pre_signup", "*", "events: has an unknown event"),
            ("\"pre_signup\", \"post_*\"", "", "events: must name at least one"),
            (ours, "", "secrets: must be one, or two"),
            (ours, "\"whsec_c2hvcnQ=\"", "secrets: each must be whsec_"),
            (ours, "\"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"", "secrets: each must be whsec_"),
            (ours, &format!("{ours}, {ours}"), "secrets: are the same secret twice"),
            (ours, &format!("{ours}, {other}, {other}"), "secrets: must be one, or two"),
            ("[webhooks.crm]", "[webhooks.crm]\ntimeout = \"5s\"", "timeout: must be at most 4s"),
            ("[webhooks.crm]", "[webhooks.crm]\nattempts = 0", "attempts: must be at least 1"),
            (
                "[webhooks.crm]",
                "[webhooks.crm]\non_failure = \"ignore\"",
                "on_failure: must be one of: refuse, go_on",
            ),
        ] {
            let error = load(&GOOD.replace(good, bad)).map(drop).expect_err(bad);
            assert!(error.starts_with(&format!("webhooks.crm.{said}")), "{error}");
            assert!(!error.contains("MfKQ9r8GKYqr"), "{error}");
        }
        assert!(
            load(&GOOD.replace("crm]", "script]")).unwrap_err().starts_with("webhooks.script: a name has")
        );
        assert!(
            load(&GOOD.replace(ours, &format!("{ours}, {other}"))).is_ok(),
            "two secrets are valid at once"
        );
    }
}
