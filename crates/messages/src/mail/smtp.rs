//! Hands mails to an SMTP server with lettre. Connections are reused, and every attempt has a time limit.

use std::time::Duration;

use doorward_config::{ConfigError, Security};
use doorward_core::delivery_queue::Failure;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::message::Mail;

/// Settings for reaching an SMTP server.
pub struct Setup {
    /// Host name or IP address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection of the connection.
    pub security: Security,
    /// This server's username and password there.
    pub login: Option<(String, String)>,
    /// A certificate (PEM) to trust in addition to the system's.
    pub authority: Option<Vec<u8>>,
    /// The host name in the greeting (EHLO).
    pub hello: String,
    /// Time limit of one attempt in all.
    pub timeout: Duration,
    /// Most connections at the same time.
    pub connections: u32,
    /// The sender, as `Name <address>` or the address alone.
    pub from: String,
    /// The address for replies.
    pub reply_to: Option<String>,
}

/// Sends mails to an SMTP server.
#[derive(Debug)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    timeout: Duration,
    from: Mailbox,
    reply_to: Option<Mailbox>,
}

impl Smtp {
    /// Prepares the transport. Does not connect yet.
    pub fn new(setup: Setup) -> Result<Smtp, ConfigError> {
        let from = mailbox("mail.from", &setup.from)?;
        let reply_to = setup.reply_to.as_deref().map(|text| mailbox("mail.reply_to", text)).transpose()?;
        let pool = PoolConfig::new().max_size(setup.connections).idle_timeout(Duration::from_secs(30));
        let mut builder: AsyncSmtpTransportBuilder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(setup.host.as_str())
                .port(setup.port)
                .tls(tls(&setup)?)
                .timeout(Some(setup.timeout))
                .hello_name(ClientId::Domain(setup.hello))
                .pool_config(pool);
        if let Some((user, password)) = setup.login {
            builder = builder.credentials(Credentials::new(user, password));
        }
        Ok(Smtp { transport: builder.build(), timeout: setup.timeout, from, reply_to })
    }

    /// Hands one mail to the server.
    pub async fn send(&self, mail: &Mail) -> Result<(), Failure> {
        let message = self.message(mail)?;
        // lettre's own time-out stops once the connection is made: a server that goes silent later would block the
        // worker for ever.
        match tokio::time::timeout(self.timeout, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(failure(&error, &mail.to)),
            Err(_) => Err(Failure::Later("the SMTP server did not answer in time".into())),
        }
    }

    fn message(&self, mail: &Mail) -> Result<Message, Failure> {
        // Neither error happens with an address that passed the protocol's rule. If one did, a retry would not help.
        let to: Address =
            mail.to.parse().map_err(|_| Failure::Never("the address is not valid in a mail".into()))?;
        let domain = self.from.email.domain();
        let mut builder = Message::builder()
            .from(self.from.clone())
            // Never with the user's name: the name is the user's own text, and would be part of the header.
            .to(Mailbox::new(None, to))
            .subject(mail.subject.as_str())
            .message_id(Some(format!("<{}@{domain}>", mail.id)))
            // Suppresses out-of-office replies to this server (RFC 3834 §5).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".into(),
            ));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let part = |kind: ContentType, body: &str| SinglePart::builder().header(kind).body(body.to_owned());
        builder
            .multipart(
                MultiPart::alternative()
                    .singlepart(part(ContentType::TEXT_PLAIN, &mail.text))
                    .singlepart(part(ContentType::TEXT_HTML, &mail.html)),
            )
            .map_err(|error| Failure::Never(format!("the mail cannot be built: {error}")))
    }
}

fn tls(setup: &Setup) -> Result<Tls, ConfigError> {
    if setup.security == Security::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(setup.host.clone());
    if let Some(authority) = &setup.authority {
        let certificate = Certificate::from_pem(authority)
            .map_err(|error| ConfigError::about("smtp.ca_file", None, error))?;
        parameters = parameters.add_root_certificate(certificate);
    }
    let parameters =
        parameters.build_rustls().map_err(|error| ConfigError::about("smtp.host", None, error))?;
    Ok(match setup.security {
        Security::Tls => Tls::Wrapper(parameters),
        // Required, not opportunistic: an attacker on the network could remove STARTTLS from the greeting.
        Security::Starttls | Security::None => Tls::Required(parameters),
    })
}

/// A sender from the settings, with its domain in ASCII: not every server supports SMTPUTF8.
fn mailbox(setting: &str, text: &str) -> Result<Mailbox, ConfigError> {
    let wrong = |cause: &dyn std::fmt::Display| {
        let message = format!("{text:?} is not a sender like `Example <hello@example.com>`: {cause}");
        ConfigError::about(setting, None, message)
    };
    let Mailbox { name, email } = text.parse().map_err(|error| wrong(&error))?;
    let domain = idna::domain_to_ascii(email.domain()).map_err(|error| wrong(&error))?;
    let email = Address::new(email.user(), domain).map_err(|error| wrong(&error))?;
    Ok(Mailbox { name, email })
}

/// Only an error about this very address is final. Errors that the operator can correct, and errors that refuse the
/// whole connection (credentials, 554, a policy: 5.7.x in RFC 3463 §3.8), say nothing about the address, so that a
/// later attempt may succeed.
fn failure(error: &Error, address: &str) -> Failure {
    // The text is from outside and goes into a log and a row: one line, limited in length, and without the address.
    let cause = error.to_string().replace(address, "(the address)");
    let cause: String = cause.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    match error.status().map(u16::from) {
        Some(550 | 551 | 553 | 555 | 556) if !cause.contains(" 5.7.") => Failure::Never(cause),
        _ => Failure::Later(cause),
    }
}
