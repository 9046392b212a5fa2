//! Names of accounts: checks whether a name is taken, and locks that keep two transactions from taking it at
//! once.

use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_store::identities::{self, Identity, Kind};
use doorward_store::{StoreError, Tx};

use crate::addresses::contacts;

/// True for an e-mail address without proof. With a quiet sign-up, the response must not reveal whether it is
/// taken.
pub fn is_secret(name: &Identity) -> bool {
    name.kind == Kind::Email && !name.proven
}

/// True if an account has this name, or a username that looks the same.
pub async fn is_taken(db: &mut Tx, name: &Identity) -> Result<bool, StoreError> {
    if let Some(holder) = identities::holder(db, name.kind, &name.value).await? {
        // An account with another proven name does not block an address that it never proved.
        return Ok(name.kind != Kind::Email || holder.is_proven || !holder.has_another);
    }
    match &name.look {
        Some(look) => identities::looks_taken(db, look, "").await,
        None => Ok(false),
    }
}

/// The error for a name that is taken.
pub fn exists(name: &Identity) -> ApiError {
    ApiError { field: Some(contacts::field(name.kind).into()), ..ErrorCode::Exists.into() }
}

/// Locks names in sorted order, and before any account. The fixed order prevents deadlocks.
pub async fn lock(tx: &mut Tx, names: &[Identity]) -> Result<(), StoreError> {
    let mut names: Vec<_> = names.iter().map(|name| (name.kind.as_str(), name.kind, &name.value)).collect();
    names.sort_by_key(|(kind, _, value)| (*kind, *value));
    for (_, kind, value) in names {
        identities::lock(tx, kind, value).await?;
    }
    Ok(())
}
