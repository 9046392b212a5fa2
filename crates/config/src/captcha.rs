//! Settings of the captcha: what has to be solved, and when.

use doorward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Config, Span, settings};

settings! {
    /// What has to be solved after failures, before a call goes on.
    pub struct Captcha {
        /// `proof_of_work`: the browser computes for a moment, and asks nobody. `picture`: a person reads letters. `turnstile`, `hcaptcha`, `recaptcha`: the widget of that service. `none`: nothing.
        kind: CaptchaKind = CaptchaKind::ProofOfWork,
        /// So many failures of one source, or on one account, and the next call has to bring a solution; 0 means every call that costs or guesses. With --dev none ever has to, unless this is set.
        after: u32 = 3,
        /// `proof_of_work`: hashes that a solution costs on average. The default keeps a slow phone busy for a second or two, a desktop for a small part of one.
        difficulty: u32 = 60_000,
        /// Of a service: what its widget is shown with. Everybody may see it.
        site_key: String = String::new(),
        /// Of a service: what its verification call is made with.
        secret: Secret = Secret::default(),
        /// Of a service: where its verification call goes, if that is not where the service documents it.
        verify_url: String = String::new(),
        /// Of a service: how long its verification call may take.
        timeout: Span = Span::seconds(5),
        /// Of a service that cannot be reached, or does not know our secret. `refuse`: calls that need a solution are told to come again (503). `go_on`: they pass.
        on_failure: Unreached = Unreached::Refuse,
        /// Of a service: hosts of pages where a solution may come from. Empty: those of `public_url` and `cors.origins`, and with --dev any. `["*"]`: any.
        hostnames: Vec<String> = Vec::new(),
        /// Of a service: the `action` that its widget was shown with, as Turnstile and reCAPTCHA v3 tell it. Empty: any.
        action: String = String::new(),
        /// Of reCAPTCHA v3: the least score that is good enough, in percent.
        least_score: u32 = 50,
        /// Of a service: does it learn the person's address from us, too?
        send_address: bool = false,
    }
}

/// `captcha.kind`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptchaKind {
    /// Nothing has to be solved.
    None,
    /// The browser computes.
    ProofOfWork,
    /// A person reads letters.
    Picture,
    /// Cloudflare Turnstile.
    Turnstile,
    /// hCaptcha.
    Hcaptcha,
    /// Google reCAPTCHA, version 2 or 3.
    Recaptcha,
}

/// `captcha.on_failure`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreached {
    /// Whoever needs a solution has to come again.
    Refuse,
    /// Whoever needs a solution passes.
    GoOn,
}

impl CaptchaKind {
    /// As in the settings and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            CaptchaKind::None => "none",
            CaptchaKind::ProofOfWork => "proof_of_work",
            CaptchaKind::Picture => "picture",
            CaptchaKind::Turnstile => "turnstile",
            CaptchaKind::Hcaptcha => "hcaptcha",
            CaptchaKind::Recaptcha => "recaptcha",
        }
    }

    /// Where a service documents its verification call; `None` for what is no service.
    pub const fn service(self) -> Option<&'static str> {
        match self {
            CaptchaKind::None | CaptchaKind::ProofOfWork | CaptchaKind::Picture => None,
            CaptchaKind::Turnstile => Some("https://challenges.cloudflare.com/turnstile/v0/siteverify"),
            CaptchaKind::Hcaptcha => Some("https://api.hcaptcha.com/siteverify"),
            CaptchaKind::Recaptcha => Some("https://www.google.com/recaptcha/api/siteverify"),
        }
    }
}

impl Config {
    /// Settings that could not work, by their names. Where the verification call goes is checked where it is used.
    pub(super) fn captcha_errors(&self) -> Vec<(&'static str, &'static str)> {
        let captcha = &self.captcha;
        let service = captcha.kind.service().is_some();
        [
            (
                // Half of the time that the SDK waits, on a slow phone.
                (160..=200_000).contains(&captcha.difficulty),
                "captcha.difficulty",
                "must be at least 160 and at most 200000",
            ),
            (
                !service || !captcha.site_key.is_empty(),
                "captcha.site_key",
                "is required with this captcha.kind: the service gives it to you, with the secret",
            ),
            (
                !service || !captcha.secret.is_empty(),
                "captcha.secret",
                "is required with this captcha.kind: the service gives it to you, with the site key",
            ),
            (
                (Span::seconds(1)..=Span::seconds(20)).contains(&captcha.timeout),
                "captcha.timeout",
                "must be at least 1s and at most 20s",
            ),
            (
                captcha.hostnames.iter().all(|host| {
                    let whole = Url::parse(&format!("https://{host}/"));
                    let same =
                        |url: Url| url.host_str().is_some_and(|known| known.eq_ignore_ascii_case(host));
                    host == "*" || whole.is_ok_and(same)
                }),
                "captcha.hostnames",
                "each must be a bare host like www.example.com, as the service tells it, or *",
            ),
            (captcha.least_score <= 100, "captcha.least_score", "must be at most 100"),
        ]
        .into_iter()
        .filter_map(|(holds, key, message)| (!holds).then_some((key, message)))
        .collect()
    }
}
