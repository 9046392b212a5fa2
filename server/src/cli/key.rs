//! `doorward key …`: service keys, for the operator's own programs.

use doorward_core::clock::rfc3339;
use doorward_core::service_key::{Scope, Scopes};
use doorward_store::service_keys::StoredKey;
use serde::Serialize;

use super::complain;
use super::operator::{Ask, Verdict, confirm, plain, tell, tell_document, tell_line, work};

/// A service key in the output of `--json`.
#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    scopes: Vec<String>,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// Only in the output of `create`.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl From<StoredKey> for Shown {
    fn from(stored: StoredKey) -> Shown {
        Shown {
            id: stored.id,
            name: stored.name,
            scopes: stored.scopes.names(),
            created_at: rfc3339(stored.created_at),
            last_used_at: stored.last_used_at.map(rfc3339),
            revoked_at: stored.revoked_at.map(rfc3339),
            key: None,
        }
    }
}

/// Creates a key. Only the key is written to stdout, so that it can be redirected into a protected file.
pub(super) fn create(ask: &Ask, name: &str, scopes: &[Scope]) -> Verdict {
    let (plain, stored) =
        work(&ask.settings, async |operator, _| Ok(operator.create_key(name, Scopes::new(scopes)).await?))?;
    let key = plain.write();
    if ask.json {
        return tell_document(&Shown { key: Some(key.expose().to_owned()), ..stored.into() });
    }
    tell(key.expose())?;
    complain(&format_args!(
        "this is the key {}. It is not shown again: only a hash of it is stored",
        stored.id
    ));
    Ok(())
}

/// Prints all keys; with `--json` one per line.
pub(super) fn list(ask: &Ask) -> Verdict {
    let keys = work(&ask.settings, async |operator, _| Ok(operator.keys().await?))?;
    for key in keys.into_iter().map(Shown::from) {
        if ask.json {
            tell_line(&key)?;
            continue;
        }
        let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
        let state = key.revoked_at.map_or(used, |at| format!("revoked {at}"));
        tell(format_args!("{}  {:<13}  {state:<34}  {}", key.id, key.scopes.join(" "), plain(&key.name)))?;
    }
    Ok(())
}

/// Revokes a key.
pub(super) fn revoke(ask: &Ask, id: &str, yes: bool) -> Verdict {
    confirm(&format!("The key {} will not work any more.", plain(id)), yes)?;
    work(&ask.settings, async |operator, _| Ok(operator.revoke_key(id).await?))?;
    if ask.json { tell_document(&serde_json::json!({})) } else { Ok(tell("The key is revoked.")?) }
}
