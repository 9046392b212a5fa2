//! Settings of the captcha: its kind, and when a request needs a solution.

use doorward_core::secret::Secret;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Config, Span, settings};

settings! {
    /// The captcha that a client must solve after failures, before its request is processed.
    pub struct Captcha {
        /// `proof_of_work`: the browser computes for a moment; no third party is involved. `picture`: the user types the letters of a picture. `turnstile`, `hcaptcha`, `recaptcha`: the widget of that service. `none`: no captcha.
        kind: CaptchaKind = CaptchaKind::ProofOfWork,
        /// Number of failures from one source, or on one account or address, after which the next request needs a solution. 0: every request that is rate-limited needs one. With --dev no request needs one, unless this is set.
        after: u32 = 3,
        /// `proof_of_work`: average number of hashes for one solution. The default takes a slow phone a second or two, and a desktop computer a small fraction of a second.
        difficulty: u32 = 60_000,
        /// Captcha service: the site key of its widget. It is public.
        site_key: String = String::new(),
        /// Captcha service: the secret key for its verification request.
        secret: Secret = Secret::default(),
        /// Captcha service: address of its verification endpoint. Empty: the address that the service documents.
        verify_url: String = String::new(),
        /// Captcha service: time limit of its verification request.
        timeout: Span = Span::seconds(5),
        /// Used when the captcha service cannot be reached or does not accept `secret`. `refuse`: requests that need a solution are refused with 503 and Retry-After. `go_on`: they are accepted.
        on_failure: Unreached = Unreached::Refuse,
        /// Captcha service: hosts of the pages that a solution may come from. Empty: the hosts of `public_url` and `cors.origins`; with --dev any host. `["*"]`: any host.
        hostnames: Vec<String> = Vec::new(),
        /// Captcha service: the required `action` of the widget, as Turnstile and reCAPTCHA v3 report it. Empty: any.
        action: String = String::new(),
        /// reCAPTCHA v3: the lowest accepted score, in percent.
        least_score: u32 = 50,
        /// Captcha service: `true` sends it the IP address of the client.
        send_address: bool = false,
    }
}

/// `captcha.kind`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CaptchaKind {
    /// No captcha.
    None,
    /// A proof of work, which the browser computes.
    ProofOfWork,
    /// A picture with letters, which the user types.
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
    /// Requests that need a solution are refused with 503.
    Refuse,
    /// Requests that need a solution are accepted.
    GoOn,
}

impl CaptchaKind {
    /// Its name in settings and in answers.
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

    /// The verification address that the service documents. `None` for kinds without a service.
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
    /// The invalid settings, by name. `captcha.verify_url` is checked where it is used.
    pub(super) fn captcha_errors(&self) -> Vec<(&'static str, &'static str)> {
        let captcha = &self.captcha;
        let service = captcha.kind.service().is_some();
        [
            (
                // At the upper bound, a slow phone needs half of the time that the SDK waits.
                (160..=200_000).contains(&captcha.difficulty),
                "captcha.difficulty",
                "must be at least 160 and at most 200000",
            ),
            (
                !service || !captcha.site_key.is_empty(),
                "captcha.site_key",
                "is required with this captcha.kind: the service issues it together with the secret",
            ),
            (
                !service || !captcha.secret.is_empty(),
                "captcha.secret",
                "is required with this captcha.kind: the service issues it together with the site key",
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
                "each must be a bare host like www.example.com, as the service reports it, or *",
            ),
            (captcha.least_score <= 100, "captcha.least_score", "must be at most 100"),
        ]
        .into_iter()
        .filter_map(|(holds, key, message)| (!holds).then_some((key, message)))
        .collect()
    }
}
