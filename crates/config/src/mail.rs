//! Settings of mail, and of the codes and links in it.

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
    /// Begins in the clear and must become TLS before anything is said (port 587).
    Starttls,
    /// TLS from the first byte (port 465).
    Tls,
    /// In the clear, for a server on this machine or in a closed network (port 25).
    None,
}

impl Security {
    /// The usual port.
    pub const fn port(self) -> u16 {
        match self {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        }
    }
}

settings! {
    /// The server that takes our mails.
    pub struct Smtp {
        /// Its name. Empty means that no mail leaves; --dev shows mails at /dev/mailbox, with or without it.
        host: String = String::new(),
        /// Its port; 0 means the usual one: 587 for `starttls`, 465 for `tls`, 25 for `none`.
        port: u16 = 0,
        /// `starttls`: must become TLS before anything is said. `tls`: TLS from the first byte. `none`: in the clear, without a password unless on this machine. Without it, the port decides: `tls` for 465, `starttls` for any other.
        security: Option<Security> = None,
        /// Who we are there; empty means that no password is asked for.
        username: String = String::new(),
        /// The password.
        password: Secret = Secret::default(),
        /// File with a certificate (PEM) to trust beside the system's, for a server with one of your own.
        ca_file: Option<PathBuf> = None,
        /// How long the delivery of one mail may take.
        timeout: ShortSpan = ShortSpan::millis(30_000),
        /// How many mails leave at the same time; each has a connection, which is used again.
        connections: u32 = 4,
    }

    /// What mails look like.
    pub struct Mail {
        /// The sender, like `Example <hello@example.com>`. Required with `smtp.host`.
        from: String = String::new(),
        /// Where answers go, where that is not the sender.
        reply_to: Option<String> = None,
        /// The name of your service, in mails and on the pages that this server shows itself.
        product: String = "doorward".to_owned(),
        /// The language for whom nothing is known of.
        language: String = "en".to_owned(),
        /// Folder with templates of your own, laid out like `en/verify_email.subject`, `.txt`, `.html`; what is not in it stays as it is.
        templates: Option<PathBuf> = None,
        /// A mail is given up after so many attempts; the pauses between them grow from seconds to 15 minutes.
        attempts: u32 = 40,
    }

    /// One-time codes and mailed links.
    pub struct Codes {
        /// How long a code of six digits works, from the moment its mail leaves. At most 10m.
        lifetime: Span = Span::minutes(10),
        /// How long a code works that goes by SMS, from the moment it leaves. At most 10m.
        sms_life: Span = Span::minutes(1),
        /// How long the link that proves an address works.
        verify_link: Span = Span::hours(24),
        /// How long the link for a new password works.
        reset_link: Span = Span::minutes(30),
        /// What a code is good for that is asked for without a scene. `by_session`: an SMS code signs in, signs up or sets a new password; asked for by a signed-in person, it binds or changes the number of that account instead; a code by mail signs in. `strict`: such a request is refused.
        default_scene: DefaultScene = DefaultScene::BySession,
        /// Does a new password that was set with a mailed code or link prove the address, too?
        reset_verifies: bool = false,
    }
}

/// `codes.default_scene`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultScene {
    /// The session of the request decides.
    BySession,
    /// No scene is assumed: a request without `scene` is refused.
    Strict,
}

impl Smtp {
    /// How the connection is protected: as the setting says, else as the port does.
    pub fn security(&self) -> Security {
        let by_port = if self.port == Security::Tls.port() { Security::Tls } else { Security::Starttls };
        self.security.unwrap_or(by_port)
    }

    /// The port: as the setting says, else the usual one.
    pub fn port(&self) -> u16 {
        if self.port == 0 { self.security().port() } else { self.port }
    }

    /// A warning where the server at that port begins with TLS and the setting with a greeting in the clear, or the other way
    /// round: each side then waits for the other until time is up.
    pub(super) fn contradiction(&self) -> Option<String> {
        let (says, usual) = match (self.host.is_empty(), self.port, self.security?) {
            (false, 465, Security::Starttls) => ("starttls", "TLS from the first byte (tls)"),
            (false, 465, Security::None) => ("none", "TLS from the first byte (tls)"),
            (false, 25 | 587, Security::Tls) => ("tls", "a start in the clear (starttls)"),
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
    /// Makes the paths of the settings file relative to it.
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

    /// Settings that could not work, by their names.
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
            "must be starttls or tls with smtp.username: else the password travels in the clear",
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
            "must be at least 1m and at most 10m: a code of six digits is no password",
        );
        check(
            (Span::minutes(1)..=Span::minutes(10)).contains(&codes.sms_life),
            "codes.sms_life",
            "must be at least 1m and at most 10m: a code of six digits is no password",
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
    /// The link in a mail, where it has one. Its host comes from the settings and from nothing else (C06).
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

    /// The page where a new password can be asked for.
    pub fn forgot_page(&self, public_url: &str) -> String {
        self.forgot.replace("{public_url}", public_url)
    }
}

impl Codes {
    /// How long a code lives that goes this way.
    pub fn life(&self, channel: Channel) -> Span {
        match channel {
            Channel::Mail => self.lifetime,
            Channel::Sms => self.sms_life,
        }
    }

    /// How long the link of a scene lives, where it has one.
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
