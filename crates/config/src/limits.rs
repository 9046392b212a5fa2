//! Settings of rate limits.

use super::{Config, Layers, Rates, Span, settings};

settings! {
    /// Rate limits of requests that cost something or try to guess a secret. A value is a number of requests in a
    /// period, like `20/1m`; several such limits that all apply, like `1/30s, 20/1d`; or `off`. A period starts with its first
    /// request. A source is an IPv4 address or a /64 network of IPv6. All limits are off with --dev.
    pub struct Limits {
        /// Sign-ins from one source with any method, successful or not.
        sign_in: Rates = Rates::of([(30, Span::minutes(1))]),
        /// Sign-ins from all sources together. Off by default, because a used-up limit would still block users after a flood of sign-ins has ended; `password.hash_queue` limits such a flood.
        sign_in_total: Rates = Rates::OFF,
        /// Sign-ups from one source.
        sign_up: Rates = Rates::of([(30, Span::hours(1))]),
        /// Sign-ups from all sources together.
        sign_up_total: Rates = Rates::of([(3_000, Span::hours(1))]),
        /// Codes and mails that one source requests, for any addresses.
        send: Rates = Rates::of([(20, Span::minutes(10)), (100, Span::days(1))]),
        /// Codes and links that one source enters, right or wrong. In addition, each code accepts five tries, and five more from devices that the account knows.
        code: Rates = Rates::of([(30, Span::minutes(10))]),
        /// Checks from one source whether an e-mail address is taken (`check_email`), or whether a new username is.
        check: Rates = Rates::of([(20, Span::minutes(1))]),
        /// The same checks from all sources together.
        check_total: Rates = Rates::of([(600, Span::minutes(1))]),
        /// Provider sign-ins that one source starts, provider identities that it links, and captchas that it requests in advance.
        flow: Rates = Rates::of([(60, Span::minutes(1))]),
        /// Mails with a code or a link to one address, requested from all sources together, whether the address has an account or not. For SMS see `sms.pause` and `sms.budget_number`.
        mail: Rates = Rates::of([(1, Span::seconds(30)), (6, Span::hours(1)), (20, Span::days(1))]),
        /// Mails with a code or a link to all addresses together. For SMS see `sms.budget_total`.
        mail_total: Rates = Rates::of([(20_000, Span::days(1))]),
        /// Number of wrong passwords in a row on one account, under any of its names, after which a pause between tries is enforced.
        failures: u32 = 5,
        /// Length of the first such pause. Each further pause is twice as long.
        pause: Span = Span::seconds(1),
        /// Maximum length of such a pause.
        longest_pause: Span = Span::minutes(15),
        /// Maximum number of wrong passwords in a row on one account within `limits.forget`. Further tries are refused until that time is over, except from devices where the owner of the account has signed in before.
        most_failures: u32 = 100,
        /// The count of wrong passwords on an account is reset this long after the first one, or by a sign-in.
        forget: Span = Span::days(1),
        /// The count of wrong passwords and codes from one source is reset this long after the first one. `captcha.after` uses this count.
        forget_source: Span = Span::hours(1),
    }
}

impl Config {
    /// Turns off the limits that are not set, for `--dev`: there are no attackers, and tests send many requests.
    pub(super) fn loosen_limits(&mut self, layers: &Layers) {
        let unset = |key: &str| layers.origin(key).is_none();
        let limits = &mut self.limits;
        for (key, rates) in [
            ("limits.sign_in", &mut limits.sign_in),
            ("limits.sign_up", &mut limits.sign_up),
            ("limits.sign_up_total", &mut limits.sign_up_total),
            ("limits.send", &mut limits.send),
            ("limits.code", &mut limits.code),
            ("limits.check", &mut limits.check),
            ("limits.check_total", &mut limits.check_total),
            ("limits.flow", &mut limits.flow),
            ("limits.mail", &mut limits.mail),
            ("limits.mail_total", &mut limits.mail_total),
        ] {
            if unset(key) {
                *rates = Rates::OFF;
            }
        }
        for (key, count) in [
            ("limits.failures", &mut limits.failures),
            ("limits.most_failures", &mut limits.most_failures),
            ("captcha.after", &mut self.captcha.after),
        ] {
            if unset(key) {
                *count = 1_000_000;
            }
        }
    }

    /// The names of the invalid settings, each with the rule that it breaks.
    pub(super) fn limits_errors(&self) -> Vec<(&'static str, &'static str)> {
        let limits = &self.limits;
        [
            (limits.failures > 0, "limits.failures", "must be at least 1: users mistype their passwords"),
            (
                limits.most_failures >= limits.failures,
                "limits.most_failures",
                "must be at least limits.failures",
            ),
            (limits.pause <= limits.longest_pause, "limits.longest_pause", "must be at least limits.pause"),
            (limits.longest_pause <= limits.forget, "limits.forget", "must be at least limits.longest_pause"),
            (limits.forget_source.as_seconds() > 0, "limits.forget_source", "must be at least 1s"),
        ]
        .into_iter()
        .filter_map(|(holds, key, message)| (!holds).then_some((key, message)))
        .collect()
    }
}
