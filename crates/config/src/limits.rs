//! Settings of limits: how often what costs or guesses may happen.

use super::{Config, Layers, Rates, Span, settings};

settings! {
    /// How often what costs or guesses may happen. A limit is so many in a time, like `20/1m`; several that hold at once, like `1/30s, 20/1d`; or `off`. The time begins with the first. A source is an IPv4 address, or an IPv6 network of 64 bits. All are off with --dev.
    pub struct Limits {
        /// Sign-ins from one source, right or wrong, with whatever method.
        sign_in: Rates = Rates::of([(30, Span::minutes(1))]),
        /// Sign-ins from everywhere. Off: the hashes that may wait (`password.hash_queue`) are the limit, and nobody else's flood keeps people out for longer than it lasts.
        sign_in_total: Rates = Rates::OFF,
        /// Signups from one source.
        sign_up: Rates = Rates::of([(30, Span::hours(1))]),
        /// Signups from everywhere.
        sign_up_total: Rates = Rates::of([(3_000, Span::hours(1))]),
        /// Codes and mails that one source asks for, to whatever addresses.
        send: Rates = Rates::of([(20, Span::minutes(10)), (100, Span::days(1))]),
        /// Codes and links that one source uses, right or wrong. Each code takes five tries besides, and five more on devices that the account knows.
        code: Rates = Rates::of([(30, Span::minutes(10))]),
        /// Questions of one source whether an address is taken (`check_email`), or a username that somebody wants instead.
        check: Rates = Rates::of([(20, Span::minutes(1))]),
        /// Such questions from everywhere.
        check_total: Rates = Rates::of([(600, Span::minutes(1))]),
        /// Ways to a provider that one source begins, links it makes, and captchas it asks for beforehand.
        flow: Rates = Rates::of([(60, Span::minutes(1))]),
        /// Mails with a code or a link to one address, whoever asks for them, and whether anybody has an account there. SMS have `sms.pause` and `sms.budget_number`.
        mail: Rates = Rates::of([(1, Span::seconds(30)), (6, Span::hours(1)), (20, Span::days(1))]),
        /// Mails with a code or a link to everybody. SMS have `sms.budget_total`.
        mail_total: Rates = Rates::of([(20_000, Span::days(1))]),
        /// Wrong passwords in a row on one account, by whatever name of it, before there is a pause between tries.
        failures: u32 = 5,
        /// The first such pause; each next one is twice as long.
        pause: Span = Span::seconds(1),
        /// The longest such pause.
        longest_pause: Span = Span::minutes(15),
        /// Wrong passwords in a row on one account within `limits.forget`; then no more until that is over, except from devices where its owner has signed in before.
        most_failures: u32 = 100,
        /// Wrong passwords on an account are forgotten this long after the first, or with a sign-in.
        forget: Span = Span::days(1),
        /// Wrong passwords and codes from one source are forgotten this long after the first. They are counted for `captcha.after`.
        forget_source: Span = Span::hours(1),
    }
}

impl Config {
    /// In development nobody attacks, and tests ask for much.
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

    /// Settings that could not work, by their names.
    pub(super) fn limits_errors(&self) -> Vec<(&'static str, &'static str)> {
        let limits = &self.limits;
        [
            (limits.failures > 0, "limits.failures", "must be at least 1: everybody mistypes"),
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
