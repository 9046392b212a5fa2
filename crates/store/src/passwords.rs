//! Password hashes, at most one for each account.

use doorward_core::clock::Millis;
use doorward_core::password_hash::PasswordHash;
use sqlx::Row;

use crate::{StoreError, Tx, accounts};

/// Sets or replaces the password, and forgets the devices that the account remembers.
pub async fn set(tx: &mut Tx, account: &str, hash: &PasswordHash, now: Millis) -> Result<(), StoreError> {
    sqlx::query(
        "insert into passwords (account, hash, updated_at) values ($1, $2, $3)
        on conflict (account) do update set hash = excluded.hash, updated_at = excluded.updated_at",
    )
    .bind(account)
    .bind(hash.as_str())
    .bind(now)
    .execute(&mut *tx)
    .await?;
    accounts::forget_devices(tx, account).await
}

/// Removes the password, and forgets the devices that the account remembers. Returns false if there was no
/// password.
pub async fn remove(tx: &mut Tx, account: &str) -> Result<bool, StoreError> {
    let done =
        sqlx::query("delete from passwords where account = $1").bind(account).execute(&mut *tx).await?;
    accounts::forget_devices(tx, account).await?;
    Ok(done.rows_affected() > 0)
}

/// Replaces a hash by a stronger one of the same password. Does nothing if the password was changed
/// meanwhile.
pub async fn upgrade(
    tx: &mut Tx,
    account: &str,
    from: &PasswordHash,
    to: &PasswordHash,
) -> Result<(), StoreError> {
    sqlx::query("update passwords set hash = $3 where account = $1 and hash = $2")
        .bind(account)
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// The hash of an account's password.
pub async fn of(db: &mut Tx, account: &str) -> Result<Option<PasswordHash>, StoreError> {
    let row =
        sqlx::query("select hash from passwords where account = $1").bind(account).fetch_optional(db).await?;
    row.map(|row| Ok(PasswordHash::from(row.try_get::<String, _>("hash")?))).transpose()
}
