//! The keys that a provider signs with: cached, and fetched again if a token names an unknown key.

use std::sync::Arc;

use doorward_core::clock::Millis;
use jsonwebtoken::jwk::{Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde_json::Value;
use url::Url;

use crate::cache::Cached;
use crate::call::{LARGE, ProviderClient};
use crate::outcome::Refusal;

/// Maximum number of keys that are read.
const MOST: usize = 100;

/// The key set of one provider.
#[derive(Default)]
pub(crate) struct Keys(Cached<Vec<Key>>);

/// A public key.
#[derive(Clone)]
pub(crate) struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    /// Microsoft: the issuer that the key signs for, as a template.
    pub(crate) issuer: Option<String>,
    pub(crate) key: DecodingKey,
}

impl Keys {
    /// The key that a token's header names.
    pub(crate) async fn find(
        &self,
        caller: &ProviderClient,
        address: &Url,
        header: &Header,
        now: Millis,
    ) -> Result<Key, Refusal> {
        let keys = self.0.get(now, fetch(caller, address)).await?;
        if let Some(key) = choose(&keys, header)? {
            return Ok(key);
        }
        let newer: Option<Arc<Vec<Key>>> = self.0.newer(&keys, now, fetch(caller, address)).await?;
        match newer.map(|keys| choose(&keys, header)).transpose()?.flatten() {
            Some(key) => Ok(key),
            None => Err(Refusal::Untrusted(
                "The token is signed with a key that the provider does not have.".into(),
            )),
        }
    }
}

async fn fetch(caller: &ProviderClient, address: &Url) -> Result<Vec<Key>, Refusal> {
    let document = caller.get(address, None, LARGE).await?.ok("the key set")?;
    let keys =
        document["keys"].as_array().ok_or_else(|| Refusal::Unreachable("the key set has no keys".into()))?;
    Ok(keys.iter().take(MOST).filter_map(Key::read).collect())
}

/// The key for a header. Without `kid`, only one key may fit (OpenID Connect Core §10.1).
fn choose(keys: &[Key], header: &Header) -> Result<Option<Key>, Refusal> {
    let fits = |key: &&Key| {
        key.key.family() == header.alg.family()
            && key.algorithm.is_none_or(|algorithm| algorithm == header.alg)
    };
    match &header.kid {
        Some(id) => Ok(keys.iter().filter(fits).find(|key| key.id.as_ref() == Some(id)).cloned()),
        None => {
            let mut all = keys.iter().filter(fits);
            match (all.next(), all.next()) {
                (Some(_), Some(_)) => Err(Refusal::Untrusted(
                    "The token does not say which of the provider's keys signed it.".into(),
                )),
                (one, _) => Ok(one.cloned()),
            }
        }
    }
}

impl Key {
    /// Reads a key. `None` if it is not supported or not for signatures.
    fn read(json: &Value) -> Option<Key> {
        let jwk: Jwk = serde_json::from_value(json.clone()).ok()?;
        let signs = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature))
            && jwk.common.key_operations.as_ref().is_none_or(|all| all.contains(&KeyOperations::Verify));
        let algorithm = match jwk.common.key_algorithm {
            Some(named) => Some(Algorithm::try_from(named).ok()?),
            None => None,
        };
        let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| signs)?;
        let issuer = json["issuer"].as_str().map(str::to_owned);
        Some(Key { id: jwk.common.key_id, algorithm, issuer, key })
    }
}
