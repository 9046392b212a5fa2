//! Settings of mail, and of the codes and links that it carries.

use std::path::PathBuf;

use doorward_core::message::Channel;
use doorward_core::one_time_code::Scene;
use doorward_core::secret::Secret;
use serde::{Deserialize, Serialize};

use super::{Config, Layers, Links, ShortSpan, Span, settings};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// Plain text at first; must switch to TLS before any command with data (port 587).
    Starttls,
    /// TLS from the first byte (port 465).
    Tls,
    /// Plain text, for a server on this machine or in a closed network (port 25).
    None,
}

impl Security {
    /// The standard port.
    pub const fn port(self) -> u16 {
        match self {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        }
    }
}

settings! {
    /// The SMTP server that mails are sent to.
    pub struct Smtp {
        /// Host name of the server. Empty: no mail is sent. With --dev, mails are also shown at /dev/mailbox.
        host: String = String::new(),
        /// Port of the server. 0: the standard one, 587 for `starttls`, 465 for `tls`, 25 for `none`.
        port: u16 = 0,
        /// `starttls`: the connection must switch to TLS before login and mail. `tls`: TLS from the first byte. `none`: plain text; a password is only allowed for a server on this machine. Without this setting the port decides: `tls` for 465, `starttls` for any other.
        security: Option<Security> = None,
        /// User name for SMTP authentication. Empty: no authentication.
        username: String = String::new(),
        /// Password for SMTP authentication.
        password: Secret = Secret::default(),
        /// File with a certificate (PEM) to trust in addition to those of the system, for a server with your own certificate.
        ca_file: Option<PathBuf> = None,
        /// Time limit of the delivery of one mail.
        timeout: ShortSpan = ShortSpan::millis(30_000),
        /// Number of mails sent at the same time. Each uses a connection of its own, which is reused.
        connections: u32 = 4,
    }

    /// Sender, language and templates of mails.
    pub struct Mail {
        /// The sender, like `Example <hello@example.com>`. Required with `smtp.host`.
        from: String = String::new(),
        /// Address for replies, if it is not the sender.
        reply_to: Option<String> = None,
        /// The name of your service, in mails and on the pages of this server.
        product: String = "doorward".to_owned(),
        /// Language used when the recipient's is unknown.
        language: String = "en".to_owned(),
        /// Folder with your own templates, named like `en/verify_email.subject`, `.txt`, `.html`. The built-in template is used for each file that is not in the folder.
        templates: Option<PathBuf> = None,
        /// Number of attempts after which a mail is given up. The pauses between them grow from seconds to 15 minutes.
        attempts: u32 = 40,
    }

    /// One-time codes and mailed links.
    pub struct Codes {
        /// Lifetime of a six-digit code that is sent by mail, from the moment the mail is sent. At most 10m.
        lifetime: Span = Span::minutes(10),
        /// Lifetime of a code that is sent by SMS, from the moment the SMS is sent. At most 10m.
        sms_life: Span = Span::minutes(1),
        /// Lifetime of the link that verifies an address.
        verify_link: Span = Span::hours(24),
        /// Lifetime of the reset link.
        reset_link: Span = Span::minutes(30),
        /// Scene of a code that is requested without one. `by_session`: an SMS code is valid for sign-in, sign-up and a new password; if a signed-in user requests it, it is valid for binding or changing the number of that account instead. A mailed code is valid for sign-in. `strict`: such a request is refused.
        default_scene: DefaultScene = DefaultScene::BySession,
        /// A new password that is set with a mailed code or link also verifies the address.
        reset_verifies: bool = false,
    }
}

/// `codes.default_scene`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultScene {
    /// The session of the request decides.
    BySession,
    /// A request without `scene` is refused.
    Strict,
}

impl Smtp {
    /// How the connection is protected: by `smtp.security`, else by the port.
    pub fn security(&self) -> Security {
        let by_port = if self.port == Security::Tls.port() { Security::Tls } else { Security::Starttls };
        self.security.unwrap_or(by_port)
    }

    /// The port: `smtp.port`, else the standard one.
    pub fn port(&self) -> u16 {
        if self.port == 0 { self.security().port() } else { self.port }
    }

    /// A warning if `smtp.security` and the port contradict each other: one side starts with TLS, the other with plain
    /// text. Each then waits for the other until the time limit.
    pub(super) fn contradiction(&self) -> Option<String> {
        let (says, usual) = match (self.host.is_empty(), self.port, self.security?) {
            (false, 465, Security::Starttls) => ("starttls", "TLS from the first byte (tls)"),
            (false, 465, Security::None) => ("none", "TLS from the first byte (tls)"),
            (false, 25 | 587, Security::Tls) => ("tls", "a plain-text start (starttls)"),
            _ => return None,
        };
        Some(format!(
            "smtp.security is {says}, but port {} is for {usual}: both sides would wait until smtp.timeout. Without \
             smtp.security the port decides",
            self.port
        ))
    }
}

impl Config {
    /// Resolves the paths of the settings file relative to that file.
    pub(super) fn place_files(&mut self, layers: &Layers) {
        self.data = layers.placed("data", &self.data);
        for site in &mut self.site {
            site.dir = layers.placed("site", &site.dir);
        }
        for (key, path) in
            [("mail.templates", &mut self.mail.templates), ("smtp.ca_file", &mut self.smtp.ca_file)]
        {
            *path = path.take().map(|path| layers.placed(key, &path));
        }
        let password = &mut self.password;
        let filter = password.breach_filter.take();
        password.breach_filter = filter.map(|path| layers.placed("password.breach_filter", &path));
        if !matches!(password.blocked.as_str(), "" | "common") {
            let placed = layers.placed("password.blocked", password.blocked.as_ref());
            password.blocked = placed.to_string_lossy().into_owned();
        }
    }

    /// The invalid settings, by name.
    pub(super) fn mail_errors(&self) -> Vec<(&'static str, &'static str)> {
        let mut errors = Vec::new();
        let mut check = |holds: bool, key, message| {
            if !holds {
                errors.push((key, message));
            }
        };
        let (smtp, codes) = (&self.smtp, &self.codes);
        check(
            smtp.host.is_empty() || !self.mail.from.is_empty(),
            "mail.from",
            "is required with smtp.host: the sender, like `Example <hello@example.com>`",
        );
        let here = matches!(smtp.host.as_str(), "localhost" | "127.0.0.1" | "::1");
        check(
            smtp.security() != Security::None || smtp.username.is_empty() || here,
            "smtp.security",
            "must be starttls or tls with smtp.username: otherwise the password is sent in plain text",
        );
        check(smtp.timeout >= ShortSpan::millis(100), "smtp.timeout", "must be at least 100ms");
        check(
            (1..=100).contains(&smtp.connections),
            "smtp.connections",
            "must be at least 1 and at most 100",
        );
        check(self.mail.attempts > 0, "mail.attempts", "must be at least 1");
        check(
            (Span::minutes(1)..=Span::minutes(10)).contains(&codes.lifetime),
            "codes.lifetime",
            "must be at least 1m and at most 10m: a six-digit code can be guessed",
        );
        check(
            (Span::minutes(1)..=Span::minutes(10)).contains(&codes.sms_life),
            "codes.sms_life",
            "must be at least 1m and at most 10m: a six-digit code can be guessed",
        );
        check(
            codes.verify_link >= codes.lifetime && codes.verify_link <= self.prune.challenges,
            "codes.verify_link",
            "must be at least codes.lifetime and at most prune.challenges",
        );
        check(
            codes.reset_link >= codes.lifetime && codes.reset_link <= self.prune.challenges,
            "codes.reset_link",
            "must be at least codes.lifetime and at most prune.challenges",
        );
        errors
    }
}

impl Links {
    /// The link in the mail of a scene, if it has one. Its host comes only from the settings, never from a request
    /// (SECURITY C06).
    pub fn with_token(&self, scene: Scene, public_url: &str, token: &str) -> Option<String> {
        let template = match scene {
            Scene::VerifyEmail => &self.verify,
            Scene::ResetPassword => &self.reset,
            Scene::Login | Scene::Access | Scene::ChangeEmail | Scene::BindPhone | Scene::DeleteAccount => {
                return None;
            }
        };
        Some(template.replace("{public_url}", public_url).replace("{token}", token))
    }

    /// The page where a user requests a reset link.
    pub fn forgot_page(&self, public_url: &str) -> String {
        self.forgot.replace("{public_url}", public_url)
    }
}

impl Codes {
    /// Lifetime of a code that is sent over this channel.
    pub fn life(&self, channel: Channel) -> Span {
        match channel {
            Channel::Mail => self.lifetime,
            Channel::Sms => self.sms_life,
        }
    }

    /// Lifetime of the link of a scene, if it has one.
    pub fn link_life(&self, scene: Scene) -> Option<Span> {
        match scene {
            Scene::VerifyEmail => Some(self.verify_link),
            Scene::ResetPassword => Some(self.reset_link),
            Scene::Login | Scene::Access | Scene::ChangeEmail | Scene::BindPhone | Scene::DeleteAccount => {
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_decides_how_the_connection_is_protected_unless_the_setting_does() {
        for (port, security, protection, used) in [
            (0, None, Security::Starttls, 587),
            (465, None, Security::Tls, 465),
            (587, None, Security::Starttls, 587),
            (25, None, Security::Starttls, 25),
            (2525, None, Security::Starttls, 2525),
            (0, Some(Security::Tls), Security::Tls, 465),
            (465, Some(Security::Starttls), Security::Starttls, 465),
        ] {
            let smtp = Smtp { port, security, ..Smtp::default() };
            assert_eq!((smtp.security(), smtp.port()), (protection, used), "{port} {security:?}");
        }
    }
}
