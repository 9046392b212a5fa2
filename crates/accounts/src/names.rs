//! What an account is known by: whether a name is taken, and the locks that keep two from taking it at once.

use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use doorward_store::identities::{self, Identity, Kind};
use doorward_store::{StoreError, Tx};

use crate::addresses::contacts;

/// Who asks whether an address is taken may not learn it where the signup is quiet; unless they have it.
pub fn is_secret(name: &Identity) -> bool {
    name.kind == Kind::Email && !name.proven
}

/// Has an account this name, or one that cannot be told from it?
pub async fn is_taken(db: &mut Tx, name: &Identity) -> Result<bool, StoreError> {
    if let Some(holder) = identities::holder(db, name.kind, &name.value).await? {
        // An account that is proven by another name does not keep others from an address that it only claims.
        return Ok(name.kind != Kind::Email || holder.is_proven || !holder.has_another);
    }
    match &name.look {
        Some(look) => identities::looks_taken(db, look, "").await,
        None => Ok(false),
    }
}

/// The refusal of a name that is taken.
pub fn exists(name: &Identity) -> ApiError {
    ApiError { field: Some(contacts::field(name.kind).into()), ..ErrorCode::Exists.into() }
}

/// Locks names in one order for all, before any account: so no two transactions wait for each other.
pub async fn lock(tx: &mut Tx, names: &[Identity]) -> Result<(), StoreError> {
    let mut names: Vec<_> = names.iter().map(|name| (name.kind.as_str(), name.kind, &name.value)).collect();
    names.sort_by_key(|(kind, _, value)| (*kind, *value));
    for (_, kind, value) in names {
        identities::lock(tx, kind, value).await?;
    }
    Ok(())
}
