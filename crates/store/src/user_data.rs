//! Data that an app stores for an account: values as JSON, by key.

use doorward_core::clock::Millis;
use sqlx::Row;

use crate::{StoreError, Tx};

/// All values of an account, sorted by key.
pub async fn list(db: &mut Tx, account: &str) -> Result<Vec<(String, serde_json::Value)>, StoreError> {
    let rows = sqlx::query("select key, value from user_data where account = $1 order by key")
        .bind(account)
        .fetch_all(db)
        .await?;
    let json =
        |error: serde_json::Error| StoreError::Internal(format!("a stored value is not JSON: {error}"));
    rows.into_iter()
        .map(|row| Ok((row.try_get("key")?, serde_json::from_str(row.try_get("value")?).map_err(json)?)))
        .collect()
}

/// Sets or replaces a value.
pub async fn set(
    tx: &mut Tx,
    account: &str,
    key: &str,
    value: &serde_json::Value,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into user_data (account, key, value, updated_at) values ($1, $2, $3, $4)
        on conflict (account, key) do update set value = excluded.value, updated_at = excluded.updated_at",
    )
    .bind(account)
    .bind(key)
    .bind(value.to_string())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Removes a value. Returns false if it does not exist.
pub async fn remove(tx: &mut Tx, account: &str, key: &str) -> Result<bool, StoreError> {
    let done = sqlx::query("delete from user_data where account = $1 and key = $2")
        .bind(account)
        .bind(key)
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}
