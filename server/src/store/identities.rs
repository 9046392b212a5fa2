//! Identities: the names that an account is known by, each of them unique.

use super::{StoreError, Tx, engine};
use crate::clock::Millis;
use crate::mail::Channel;

/// What sort of name it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An e-mail address in canonical form.
    Email,
    /// A phone number in E.164.
    Phone,
}

impl Kind {
    /// What sort of address it is.
    pub fn of(address: &str) -> Kind {
        match Channel::of(address) {
            Channel::Mail => Kind::Email,
            Channel::Sms => Kind::Phone,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Phone => "phone",
        }
    }
}

/// Locks a name until the end of the transaction, whether anybody has it or not: who asks for it then, and takes it,
/// is alone in doing so.
pub async fn lock(tx: &mut Tx, kind: Kind, value: &str) -> Result<(), StoreError> {
    let name = format!("identity {} {value}", kind.as_str());
    engine::lock(tx, "select 1 from pg_advisory_xact_lock(hashtextextended($1, 0))", &name).await
}

/// Gives an account a name; [`StoreError::Conflict`] when another has it.
pub async fn insert(
    tx: &mut Tx,
    kind: Kind,
    value: &str,
    account: &str,
    now: Millis,
) -> Result<(), StoreError> {
    sqlx::query("insert into identities (kind, value, account, created_at) values ($1, $2, $3, $4)")
        .bind(kind.as_str())
        .bind(value)
        .bind(account)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Is there an account with this name?
pub async fn exists(db: &mut Tx, kind: Kind, value: &str) -> Result<bool, StoreError> {
    Ok(owner(db, kind, value).await?.is_some())
}

/// Id of the account with this name.
pub async fn owner(db: &mut Tx, kind: Kind, value: &str) -> Result<Option<String>, StoreError> {
    let account = sqlx::query_scalar("select account from identities where kind = $1 and value = $2")
        .bind(kind.as_str())
        .bind(value)
        .fetch_optional(db)
        .await?;
    Ok(account)
}

/// Was the name proven, or has the account nothing that it could be taken away from (SECURITY A03)? An address that
/// was only claimed does not open an account which is somebody's by another proof.
pub async fn opens(db: &mut Tx, kind: Kind, value: &str) -> Result<bool, StoreError> {
    let row = sqlx::query(
        "select 1 from identities i
        where i.kind = $1 and i.value = $2 and (i.verified_at is not null or not exists (
            select 1 from identities o
            where o.account = i.account and o.kind <> i.kind
                and (o.verified_at is not null or o.kind in ('device', 'custom'))))",
    )
    .bind(kind.as_str())
    .bind(value)
    .fetch_optional(db)
    .await?;
    Ok(row.is_some())
}

/// Notes that the name was proven, the first time it was. False when the account does not have it (any more).
pub async fn verify(
    tx: &mut Tx,
    kind: Kind,
    value: &str,
    account: &str,
    now: Millis,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "update identities set verified_at = coalesce(verified_at, $4)
        where kind = $1 and value = $2 and account = $3",
    )
    .bind(kind.as_str())
    .bind(value)
    .bind(account)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}
