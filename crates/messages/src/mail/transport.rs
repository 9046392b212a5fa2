//! The transports of mails and SMS: the SMTP server or the gateway, the development mailbox, or both.

use std::sync::Arc;

use doorward_config::{Config, ConfigError};
use doorward_core::delivery_queue::Failure;
use doorward_outbound::HttpClient;

use super::mailbox::Mailbox;
use super::message::Mail;
use super::smtp::{Setup, Smtp};
use crate::sms::{Gateway, Sms};

/// A message that is ready to send.
#[derive(Debug)]
pub enum OutgoingMessage {
    /// A mail.
    Mail(Mail),
    /// An SMS.
    Sms(Sms),
}

impl OutgoingMessage {
    /// Unique, also between two attempts.
    pub fn id(&self) -> &str {
        match self {
            OutgoingMessage::Mail(mail) => &mail.id,
            OutgoingMessage::Sms(sms) => &sms.id,
        }
    }

    /// The recipient's address.
    pub fn to(&self) -> &str {
        match self {
            OutgoingMessage::Mail(mail) => &mail.to,
            OutgoingMessage::Sms(sms) => &sms.to,
        }
    }
}

/// The configured transports.
#[derive(Clone, Debug, Default)]
pub struct Transport {
    /// The SMTP server, if one is configured.
    pub smtp: Option<Arc<Smtp>>,
    /// The SMS gateway, if one is configured.
    pub gateway: Option<Arc<Gateway>>,
    /// The development mailbox, only with `--dev`.
    pub mailbox: Option<Arc<Mailbox>>,
}

impl Transport {
    /// Opens the transports that the settings configure.
    pub fn open(config: &Config, http: &HttpClient, dev: bool) -> Result<Transport, ConfigError> {
        let smtp =
            if config.smtp.host.is_empty() { None } else { Some(Arc::new(Smtp::new(setup(config)?)?)) };
        let gateway = config.sms.is_configured().then(|| Gateway::new(&config.sms, http)).transpose()?;
        Ok(Transport { smtp, gateway: gateway.map(Arc::new), mailbox: dev.then(Arc::default) })
    }

    /// Sends a message. `sent_at` is for the mailbox page, in milliseconds since 1970.
    pub async fn send(&self, parcel: OutgoingMessage, sent_at: i64) -> Result<(), Failure> {
        let shown = self.mailbox.is_some();
        let sent = match (&parcel, &self.smtp, &self.gateway) {
            (OutgoingMessage::Mail(mail), Some(smtp), _) => smtp.send(mail).await,
            (OutgoingMessage::Sms(sms), _, Some(gateway)) => gateway.send(sms).await,
            _ if shown => Ok(()),
            (OutgoingMessage::Mail(_), None, _) => Err(Failure::Later("smtp.host is not set".into())),
            (OutgoingMessage::Sms(_), _, None) => Err(Failure::Later("no SMS gateway is configured".into())),
        };
        // Also shown if sending failed: a developer should not have to wait for the next attempt.
        if let Some(mailbox) = &self.mailbox {
            mailbox.put(parcel, sent_at);
        }
        sent
    }

    /// True if an SMS can be sent.
    pub fn has_sms(&self) -> bool {
        self.gateway.is_some() || self.mailbox.is_some()
    }
}

fn setup(config: &Config) -> Result<Setup, ConfigError> {
    let smtp = &config.smtp;
    let authority = smtp
        .ca_file
        .as_ref()
        .map(|file| {
            std::fs::read(file).map_err(|error| {
                ConfigError::about("smtp.ca_file", None, format_args!("{}: {error}", file.display()))
            })
        })
        .transpose()?;
    let host = url::Url::parse(&config.public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    Ok(Setup {
        host: smtp.host.clone(),
        port: smtp.port(),
        security: smtp.security(),
        login: (!smtp.username.is_empty())
            .then(|| (smtp.username.clone(), smtp.password.expose().to_owned())),
        authority,
        hello: host.unwrap_or_else(|| "localhost".to_owned()),
        timeout: smtp.timeout.into(),
        connections: smtp.connections,
        from: config.mail.from.clone(),
        reply_to: config.mail.reply_to.clone(),
    })
}
