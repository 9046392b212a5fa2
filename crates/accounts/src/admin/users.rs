//! Finds, shows, creates, disables and deletes accounts, and sets their passwords and roles.

use doorward_core::canonical;
use doorward_core::clock::rfc3339;
use doorward_core::message::Message;
use doorward_core::one_time_code::Scene;
use doorward_core::password_hash::PasswordHash;
use doorward_messages::outbox;
use doorward_protocol::admin::{AdminIdentity, AdminUser};
use doorward_protocol::profile::ProfileFields;
use doorward_request::audit::{Event, Record};
use doorward_request::error::ApiError;
use doorward_request::roles::checked_roles;
use doorward_request::{phones, usernames};
use doorward_store::accounts::{self, Account};
use doorward_store::identities::{self, Identity, Kind};
use doorward_store::{StoreError, challenges, directory, passwords, sessions, transaction};
use uuid::Uuid;

use super::{Operator, locked, unknown_user};
use crate::addresses::contacts::{self, Contact};
use crate::names;

/// An account that an operator creates. It needs an e-mail address, a phone number or a username.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// An e-mail address.
    pub email: Option<String>,
    /// True if the operator vouches that the address belongs to the user.
    pub email_verified: bool,
    /// A phone number. It counts as proven, because the operator vouches for it.
    pub phone_number: Option<String>,
    /// A username.
    pub username: Option<String>,
    /// The hash of the password. A user without a password requests a code and sets one.
    pub password: Option<PasswordHash>,
    /// The roles of the account.
    pub roles: Vec<String>,
    /// The fields of the profile.
    pub profile: ProfileFields,
}

impl Operator {
    /// Finds an account by its id, an e-mail address, a phone number with `+`, or a username.
    pub async fn find_user(&self, text: &str) -> Result<Account, ApiError> {
        self.look_up(text).await?.ok_or_else(unknown_user)
    }

    async fn look_up(&self, text: &str) -> Result<Option<Account>, ApiError> {
        if let Ok(id) = Uuid::try_parse(text) {
            return Ok(accounts::by_id(&mut *self.store.read().await?, &id.to_string()).await?);
        }
        let kind = match text {
            text if text.contains('@') => Kind::Email,
            text if text.starts_with('+') => Kind::Phone,
            _ => Kind::Username,
        };
        self.known_by(kind, text).await
    }

    /// Finds the account that has this name.
    pub(super) async fn known_by(&self, kind: Kind, text: &str) -> Result<Option<Account>, ApiError> {
        let value = match kind {
            Kind::Email => canonical::email(text),
            Kind::Phone => phones::canonical(text, &self.phone).ok(),
            Kind::Username => usernames::canonical(text),
            Kind::Device | Kind::Custom => Some(identities::fingerprint(text)),
            // The value is displayed as it is stored: provider, issuer and subject, with spaces between them.
            Kind::Provider => Some(text.to_owned()),
        };
        let Some(value) = value else { return Ok(None) };
        Ok(accounts::by_identity(&mut *self.store.read().await?, kind, &value).await?)
    }

    /// Returns an account with all its names.
    pub async fn show_user(&self, id: &str) -> Result<AdminUser, ApiError> {
        let mut db = self.store.read().await?;
        let account = accounts::by_id(&mut db, id).await?.ok_or_else(unknown_user)?;
        let names = directory::names(&mut db, id).await?;
        let has_password = directory::password_set_at(&mut db, id).await?.is_some();
        Ok(AdminUser {
            profile: account.to_profile(),
            confirmation_required: account.confirmation_required,
            has_password,
            identities: names.into_iter().map(identity).collect(),
        })
    }

    /// Creates an account and returns its id. Sends no mail.
    pub async fn create_user(&self, new: NewUser) -> Result<String, ApiError> {
        let names = self.names(&new)?;
        let now = self.world.now();
        let account =
            Account { profile: new.profile, ..Account::new(self.world.id(), checked_roles(new.roles)?, now) };
        let (operator, id) = (self.clone(), account.id.clone());
        self.store
            .write(transaction!(|tx| {
                names::lock(tx, &names).await?;
                accounts::insert(tx, &account).await?;
                for name in &names {
                    if names::is_taken(tx, name).await? {
                        return Err(names::exists(name));
                    }
                    identities::insert(tx, name, &account.id, now).await.map_err(|error| match error {
                        // A concurrent request was faster: the unique constraint decides.
                        StoreError::Conflict => names::exists(name),
                        error => error.into(),
                    })?;
                }
                if let Some(hash) = &new.password {
                    passwords::set(tx, &account.id, hash, now).await?;
                }
                let record = Record::of(Event::UserCreated).account(&account.id);
                Ok::<_, ApiError>(operator.record(tx, record, "", now).await?)
            }))
            .await?;
        Ok(id)
    }

    /// The names of a new account, in canonical form.
    fn names(&self, new: &NewUser) -> Result<Vec<Identity>, ApiError> {
        let mut names = Vec::new();
        if let Some(text) = &new.email {
            names.push(Contact::email(text, "email")?.identity(new.email_verified));
        }
        if let Some(text) = &new.phone_number {
            let value = phones::canonical(text, &self.phone)
                .map_err(|detail| ApiError::field("phone_number", detail))?;
            names.push(Contact { kind: Kind::Phone, value }.identity(true));
        }
        if let Some(text) = &new.username {
            names.push(contacts::username(text)?);
        }
        if names.is_empty() {
            return Err(ApiError::field("email", "Give an e-mail address, a phone number, or a username."));
        }
        Ok(names)
    }

    /// Disables an account and ends all its sessions. After the response, this server accepts none of its
    /// tokens. Returns the number of ended sessions.
    pub async fn disable_user(&self, id: &str) -> Result<u64, ApiError> {
        let (operator, id) = (self.clone(), id.to_owned());
        self.store
            .write(transaction!(|tx| {
                let now = operator.world.now();
                locked(tx, &id).await?;
                accounts::set_disabled(tx, &id, true, now).await?;
                let ended = sessions::delete_all(tx, &id).await?;
                let record = Record::of(Event::UserDisabled).account(&id);
                operator.record(tx, record, &format!("{ended} sessions ended"), now).await?;
                Ok(ended)
            }))
            .await
    }

    /// Enables an account again.
    pub async fn enable_user(&self, id: &str) -> Result<(), ApiError> {
        let (operator, id) = (self.clone(), id.to_owned());
        self.store
            .write(transaction!(|tx| {
                let now = operator.world.now();
                locked(tx, &id).await?;
                accounts::set_disabled(tx, &id, false, now).await?;
                Ok(operator.record(tx, Record::of(Event::UserEnabled).account(&id), "", now).await?)
            }))
            .await
    }

    /// Deletes an account and its data. The audit log keeps the records about it, with its id.
    pub async fn delete_user(&self, id: &str) -> Result<(), ApiError> {
        let (operator, id) = (self.clone(), id.to_owned());
        self.store
            .write(transaction!(|tx| {
                locked(tx, &id).await?;
                directory::erase(tx, &id).await?;
                let now = operator.world.now();
                Ok(operator.record(tx, Record::of(Event::UserDeleted).account(&id), "", now).await?)
            }))
            .await
    }

    /// Sets a password. As after a reset by the user, all sessions end, the codes and links sent to the account's
    /// contacts become void except those that verify an address, and the owner is notified by mail. Returns the
    /// number of ended sessions.
    pub async fn set_password(&self, id: &str, hash: PasswordHash) -> Result<u64, ApiError> {
        let (operator, id) = (self.clone(), id.to_owned());
        self.store
            .write(transaction!(|tx| {
                let now = operator.world.now();
                let account = locked(tx, &id).await?;
                passwords::set(tx, &id, &hash, now).await?;
                let ended = sessions::delete_all(tx, &id).await?;
                accounts::touch(tx, &id, now).await?;
                for address in account.email.iter().chain(&account.phone) {
                    challenges::void_others(tx, Scene::VerifyEmail, address).await?;
                }
                if let Some(email) = &account.email {
                    let (world, caller) = (&operator.world, &operator.caller);
                    outbox::notice(tx, world, caller, Message::PasswordChanged, email).await?;
                }
                let record = Record::of(Event::PasswordSet).account(&id);
                operator.record(tx, record, &format!("{ended} sessions ended"), now).await?;
                Ok(ended)
            }))
            .await
    }

    /// Replaces the roles of an account. Access tokens contain the old roles until they are renewed.
    pub async fn set_roles(&self, id: &str, roles: Vec<String>) -> Result<(), ApiError> {
        let roles = checked_roles(roles)?;
        let (operator, id) = (self.clone(), id.to_owned());
        self.store
            .write(transaction!(|tx| {
                let now = operator.world.now();
                let before = locked(tx, &id).await?.roles;
                directory::set_roles(tx, &id, &roles, now).await?;
                let more = format!("[{}] instead of [{}]", roles.join(", "), before.join(", "));
                Ok(operator.record(tx, Record::of(Event::RolesSet).account(&id), &more, now).await?)
            }))
            .await
    }
}

fn identity(name: directory::Name) -> AdminIdentity {
    AdminIdentity {
        kind: name.kind,
        value: name.value,
        verified_at: name.verified_at.map(rfc3339),
        created_at: rfc3339(name.created_at),
    }
}
