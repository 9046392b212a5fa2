//! Contacts: e-mail addresses and phone numbers in the form in which they are stored and compared. Codes are
//! sent to contacts.

use doorward_config::AccountDisclosure;
use doorward_core::canonical;
use doorward_limits::{Limits, Subject};
use doorward_protocol::ENTER_EMAIL;
use doorward_protocol::error::ErrorCode;
use doorward_protocol::password::{GivenCode, MailProof};
use doorward_request::caller::Caller;
use doorward_request::error::ApiError;
use doorward_request::platform::Platform;
use doorward_request::{phones, usernames};
use doorward_store::Tx;
use doorward_store::identities::{self, Held, Identity, Kind};

use crate::service::Accounts;

/// An e-mail address or a phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// [`Kind::Email`] or [`Kind::Phone`]
    pub kind: Kind,
    /// In canonical form.
    pub value: String,
}

impl Contact {
    /// The subject under which limits count messages to this contact.
    pub fn subject(&self) -> Subject<'_> {
        Subject::Address(&self.value)
    }

    /// An e-mail address; `field` names it in an error.
    pub fn email(text: &str, field: &str) -> Result<Contact, ApiError> {
        let value = canonical::email(text).ok_or_else(|| ApiError::field(field, ENTER_EMAIL))?;
        Ok(Contact { kind: Kind::Email, value })
    }

    /// A phone number; `field` names it in an error.
    pub fn phone(platform: &Platform, text: &str, field: &str) -> Result<Contact, ApiError> {
        let value = phones::canonical(text, &platform.config.phone)
            .map_err(|detail| ApiError::field(field, detail))?;
        Ok(Contact { kind: Kind::Phone, value })
    }

    /// The contact from the one field that is given. Returns an error if both or neither are given.
    pub fn of(platform: &Platform, email: Option<&str>, phone: Option<&str>) -> Result<Contact, ApiError> {
        match (email, phone) {
            (Some(email), None) => Contact::email(email, "email"),
            (None, Some(phone)) => Contact::phone(platform, phone, "phone_number"),
            (None, None) => Err(ApiError::field("email", "This field is required.")),
            (Some(_), Some(_)) => {
                Err(ApiError::field("phone_number", "Give an address or a number, not both."))
            }
        }
    }

    /// The name of the field in requests and errors.
    pub fn field(&self) -> &'static str {
        field(self.kind)
    }

    /// Rejects a contact without an account if `disclosure.account` is `compatible` (seeds M20, M52). With
    /// `strict` it does nothing.
    pub async fn known(&self, platform: &Platform) -> Result<(), ApiError> {
        if platform.config.disclosure.account == AccountDisclosure::Strict {
            return Ok(());
        }
        match identities::exists(&mut *platform.store.read().await?, self.kind, &self.value).await? {
            true => Ok(()),
            false => Err(ApiError { field: Some(self.field().into()), ..ErrorCode::NotFound.into() }),
        }
    }

    /// The contact as a name of an account.
    pub fn identity(&self, proven: bool) -> Identity {
        Identity { proven, ..Identity::unproven(self.kind, self.value.clone()) }
    }

    /// The contact with the code that was sent to it.
    pub fn proof(&self, code: &GivenCode) -> MailProof {
        MailProof::Code { email: self.value.clone(), code: code.digits() }
    }
}

/// The contact in a name of an account.
impl From<&Identity> for Contact {
    fn from(name: &Identity) -> Contact {
        Contact { kind: name.kind, value: name.value.clone() }
    }
}

/// True if this server can send messages to contacts of this kind.
pub fn reaches(accounts: &Accounts, kind: Kind) -> bool {
    match kind {
        Kind::Email => accounts.platform.dev || !accounts.platform.config.smtp.host.is_empty(),
        Kind::Phone => accounts.sms_configured(),
        Kind::Username | Kind::Device | Kind::Custom | Kind::Provider => false,
    }
}

/// Counts a message to the contact, and rejects it over the limit. Call this before the lookup of the account.
pub async fn spend(tx: &mut Tx, limits: &Limits, caller: &Caller, contact: &Contact) -> Result<(), ApiError> {
    doorward_limits::spend_message(tx, limits, caller, &contact.value).await
}

/// True if a user can sign in with this name. `password` says whether the account has a password.
pub fn is_way_in(accounts: &Accounts, name: &Held, password: bool) -> bool {
    match name.kind.as_str() {
        // Without a password, the user can set one with a code by mail or SMS.
        "email" => password || (name.proven && reaches(accounts, Kind::Email)),
        "phone" => password || reaches(accounts, Kind::Phone),
        "username" => password,
        "device" => accounts.platform.config.device_id.enabled,
        "custom" => accounts.platform.config.custom_id.enabled,
        "provider" => name.provider.as_ref().is_some_and(|name| accounts.providers.get(name).is_some()),
        _ => false,
    }
}

/// The field of requests for a name of this kind.
pub fn field(kind: Kind) -> &'static str {
    match kind {
        Kind::Email => "email",
        Kind::Phone => "phone_number",
        Kind::Username => "username",
        Kind::Device => "device_id",
        Kind::Custom => "custom_id",
        Kind::Provider => "provider",
    }
}

/// The username that a user has chosen, as a name of an account.
pub fn username(text: &str) -> Result<Identity, ApiError> {
    let name = usernames::choose(text).map_err(|detail| ApiError::field("username", detail))?;
    Ok(Identity {
        kind: Kind::Username,
        value: name.value,
        look: Some(name.look),
        proven: false,
        origin: None,
    })
}
