//! Keys that sign access tokens. The private key is sealed with a secret key that is not in the database.

use doorward_core::clock::Millis;
use sqlx::Row;

use crate::engine;
use crate::{StoreError, Tx};

/// A signing key as it is stored.
#[derive(Clone, Debug)]
pub struct StoredKey {
    /// `kid` in tokens and in the JWKS document.
    pub id: String,
    /// The sealed private key.
    pub sealed: Vec<u8>,
    /// The public key, an uncompressed point.
    pub public_key: Vec<u8>,
    /// The time of the creation.
    pub created_at: Millis,
    /// The time from which it signs. It is published before.
    pub activates_at: Millis,
    /// The time from which its signatures are no longer accepted.
    pub retires_at: Option<Millis>,
}

/// Prevents other transactions from adding or changing keys until the end of this one. They can still read
/// keys.
pub async fn lock(tx: &mut Tx) -> Result<(), StoreError> {
    engine::lock_table(tx, "lock table signing_keys in share row exclusive mode").await
}

/// Adds a key.
pub async fn insert(tx: &mut Tx, key: &StoredKey) -> Result<(), StoreError> {
    sqlx::query(
        "insert into signing_keys (id, sealed, public_key, created_at, activates_at, retires_at)
        values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&key.id)
    .bind(key.sealed.as_slice())
    .bind(key.public_key.as_slice())
    .bind(key.created_at)
    .bind(key.activates_at)
    .bind(key.retires_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Replaces the sealed form of a key with one under another secret key.
pub async fn reseal(tx: &mut Tx, id: &str, before: &[u8], sealed: &[u8]) -> Result<(), StoreError> {
    sqlx::query("update signing_keys set sealed = $3 where id = $1 and sealed = $2")
        .bind(id)
        .bind(before)
        .bind(sealed)
        .execute(tx)
        .await?;
    Ok(())
}

/// Sets the time at which all other keys retire, unless they have one.
pub async fn retire_others(tx: &mut Tx, id: &str, at: Millis) -> Result<(), StoreError> {
    sqlx::query("update signing_keys set retires_at = $2 where id <> $1 and retires_at is null")
        .bind(id)
        .bind(at)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes keys that have retired.
pub async fn prune(tx: &mut Tx, now: Millis) -> Result<u64, StoreError> {
    let done = sqlx::query("delete from signing_keys where retires_at <= $1").bind(now).execute(tx).await?;
    Ok(done.rows_affected())
}

/// All keys whose signatures are still accepted, newest first.
pub async fn list(db: &mut Tx, now: Millis) -> Result<Vec<StoredKey>, StoreError> {
    let rows = sqlx::query(
        "select id, sealed, public_key, created_at, activates_at, retires_at
        from signing_keys
        where retires_at is null or retires_at > $1
        order by activates_at desc, id desc",
    )
    .bind(now)
    .fetch_all(db)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(StoredKey {
                id: row.try_get("id")?,
                sealed: row.try_get("sealed")?,
                public_key: row.try_get("public_key")?,
                created_at: row.try_get("created_at")?,
                activates_at: row.try_get("activates_at")?,
                retires_at: row.try_get("retires_at")?,
            })
        })
        .collect()
}
