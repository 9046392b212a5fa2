//! Block lists for new passwords (SECURITY P02): common passwords, passwords made of public facts about the
//! account, and stolen passwords. All are off until the operator enables them.
//!
//! A password is screened before it is hashed, and only against facts from the request or from the account that
//! is signed in: neither the response nor its time may reveal whether another account exists.

mod breaches;
mod personal_words;
mod service;
mod words;

pub use breaches::make as make_filter;
pub use personal_words::{of_account, of_names};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use breaches::Breaches;
use doorward_config::{Config, ConfigError};
use doorward_core::canonical;
use doorward_core::secret::Secret;
use doorward_outbound::HttpClient;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use service::Service;
use words::Words;

/// Length in bytes of a SHA-1 hash. Lists of stolen passwords contain such hashes.
const HASH: usize = 20;

/// The lists that the settings enable.
#[derive(Debug, Default)]
pub struct Screening {
    words: Option<Words>,
    /// Pieces of the service's own names, which no password may be made of.
    known: Vec<String>,
    breaches: Option<Breaches>,
    service: Option<Service>,
}

impl Screening {
    /// Opens the lists that the settings enable. An error names the setting.
    pub fn open(config: &Config, http: &HttpClient, dev: bool) -> Result<Screening, ConfigError> {
        let settings = &config.password;
        let about = |key: &str, cause: String| ConfigError::about(&format!("password.{key}"), None, cause);
        let words = match settings.blocked.as_str() {
            "" => None,
            "common" => Some(Words::common()),
            path => Some(Words::read(path.as_ref()).map_err(|cause| about("blocked", cause))?),
        };
        let open = |path| Breaches::open(path).map_err(|cause| about("breach_filter", cause));
        let breaches = settings.breach_filter.as_deref().map(open).transpose()?;
        let service = match settings.breach_service.as_str() {
            "" => None,
            address => {
                let service = Service::open(address, http, dev);
                Some(service.map_err(|cause| about("breach_service", cause))?)
            }
        };
        let known = personal_words::of_service(&config.mail.product, &config.public_url);
        Ok(Screening { words, known, breaches, service })
    }

    /// Rejects a new password that is on a list. `known` contains the pieces that [`of_names`] or [`of_account`]
    /// returns. `field` is the field of the password, for the error.
    pub async fn admit(&self, password: &Secret, known: &[String], field: &str) -> Result<(), ApiError> {
        let refuse = |detail: Option<&'static str>| ApiError {
            field: Some(field.to_owned()),
            detail: detail.map(Into::into),
            ..ErrorCode::PasswordRejected.into()
        };
        // The canonical form is screened, because it is the form that is hashed.
        let password = &Secret::from(canonical::password(password.expose()).into_owned());
        if let Some(words) = &self.words {
            let own: Vec<&str> = self.known.iter().chain(known).map(String::as_str).collect();
            if words.have(password.expose()) || personal_words::makes_up(&own, password.expose()) {
                return Err(refuse(None));
            }
        }
        if self.is_stolen(password).await {
            return Err(refuse(Some("This password is on a list of stolen ones. Please choose another.")));
        }
        Ok(())
    }

    async fn is_stolen(&self, password: &Secret) -> bool {
        if self.breaches.is_none() && self.service.is_none() {
            return false;
        }
        let hash = sha1(password.expose().as_bytes());
        if let Some(breaches) = &self.breaches
            && breaches.have(hash).await
        {
            return true;
        }
        match &self.service {
            Some(service) => service.has(hash).await,
            None => false,
        }
    }
}

fn sha1(bytes: &[u8]) -> [u8; HASH] {
    let mut hash = [0; HASH];
    for (to, from) in hash.iter_mut().zip(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref()) {
        *to = *from;
    }
    hash
}
