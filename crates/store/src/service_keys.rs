//! Service keys. The database has the hash of the secret, and the minute of the last use.

use doorward_core::clock::Millis;
use doorward_core::service_key::{Scopes, SecretHash};
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::{StoreError, Tx};

/// A service key as it is stored.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// The id, a UUID. The key begins with it.
    pub id: String,
    /// The hash of the secret part of the key.
    pub secret_hash: SecretHash,
    /// The name that the operator gave it.
    pub name: String,
    /// The scopes of the key.
    pub scopes: Scopes,
    /// The time of the creation.
    pub created_at: Millis,
    /// The minute of the last use.
    pub last_used_at: Option<Millis>,
    /// The time of the revocation. A revoked key is rejected.
    pub revoked_at: Option<Millis>,
}

fn key(row: &AnyRow) -> Result<StoredKey, StoreError> {
    Ok(StoredKey {
        id: row.try_get("id")?,
        secret_hash: SecretHash::from(row.try_get::<Vec<u8>, _>("secret_hash")?),
        name: row.try_get("name")?,
        scopes: Scopes::stored(row.try_get("scopes")?),
        created_at: row.try_get("created_at")?,
        last_used_at: row.try_get("last_used_at")?,
        revoked_at: row.try_get("revoked_at")?,
    })
}

/// Adds a key.
pub async fn insert(tx: &mut Tx, key: &StoredKey) -> Result<(), StoreError> {
    sqlx::query(
        "insert into service_keys (id, secret_hash, name, scopes, created_at) values ($1, $2, $3, $4, $5)",
    )
    .bind(&key.id)
    .bind(key.secret_hash.as_bytes())
    .bind(&key.name)
    .bind(key.scopes.to_string())
    .bind(key.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// The key with this id, revoked or not.
pub async fn find(db: &mut Tx, id: &str) -> Result<Option<StoredKey>, StoreError> {
    let row = sqlx::query(
        "select id, secret_hash, name, scopes, created_at, last_used_at, revoked_at
        from service_keys
        where id = $1",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.as_ref().map(key).transpose()
}

/// All keys, oldest first.
pub async fn list(db: &mut Tx) -> Result<Vec<StoredKey>, StoreError> {
    let rows = sqlx::query(
        "select id, secret_hash, name, scopes, created_at, last_used_at, revoked_at
        from service_keys
        order by id",
    )
    .fetch_all(db)
    .await?;
    rows.iter().map(key).collect()
}

/// Records a use.
pub async fn touch(tx: &mut Tx, id: &str, minute: Millis) -> Result<(), StoreError> {
    sqlx::query(
        "update service_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)",
    )
    .bind(id)
    .bind(minute)
    .execute(tx)
    .await?;
    Ok(())
}

/// Revokes a key. Returns false if there is no such key, or it is revoked already.
pub async fn revoke(tx: &mut Tx, id: &str, now: Millis) -> Result<bool, StoreError> {
    let done = sqlx::query("update service_keys set revoked_at = $2 where id = $1 and revoked_at is null")
        .bind(id)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}
