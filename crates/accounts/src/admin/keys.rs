//! Service keys: creating, listing and revoking them.

use doorward_core::service_key::{PlainKey, Scopes};
use doorward_protocol::error::ErrorCode;
use doorward_request::audit::{Event, Record};
use doorward_request::error::ApiError;
use doorward_store::service_keys::{self, StoredKey};
use doorward_store::transaction;
use uuid::Uuid;

use super::Operator;

/// Maximum length of a name in characters.
const NAME: usize = 128;

impl Operator {
    /// Creates a service key. The plain key, which is returned first, cannot be read again later.
    pub async fn create_key(&self, name: &str, scopes: Scopes) -> Result<(PlainKey, StoredKey), ApiError> {
        if name.chars().count() > NAME || name.chars().any(char::is_control) {
            return Err(ApiError::field("name", "This must be one line of at most 128 characters."));
        }
        let plain = PlainKey::mint(&self.world);
        let key = StoredKey {
            id: plain.id(),
            secret_hash: plain.hash(),
            name: name.to_owned(),
            scopes,
            created_at: self.world.now(),
            last_used_at: None,
            revoked_at: None,
        };
        let (operator, stored) = (self.clone(), key.clone());
        self.store
            .write(transaction!(|tx| {
                service_keys::insert(tx, &stored).await?;
                let more = format!("{} with {}", stored.id, stored.scopes);
                let record = Record::of(Event::ServiceKeyCreated);
                operator.record(tx, record, &more, stored.created_at).await
            }))
            .await?;
        Ok((plain, key))
    }

    /// All service keys, including revoked ones.
    pub async fn keys(&self) -> Result<Vec<StoredKey>, ApiError> {
        Ok(service_keys::list(&mut *self.store.read().await?).await?)
    }

    /// Revokes a service key. From then on requests with it are rejected.
    pub async fn revoke_key(&self, id: &str) -> Result<(), ApiError> {
        let unknown = || ApiError {
            detail: Some("There is no such service key, or it was revoked before.".into()),
            ..ErrorCode::NotFound.into()
        };
        let id = Uuid::try_parse(id).map_err(|_| unknown())?.to_string();
        let operator = self.clone();
        self.store
            .write(transaction!(|tx| {
                let now = operator.world.now();
                if !service_keys::revoke(tx, &id, now).await? {
                    return Err(unknown());
                }
                let record = Record::of(Event::ServiceKeyRevoked);
                Ok(operator.record(tx, record, &id, now).await?)
            }))
            .await
    }
}
