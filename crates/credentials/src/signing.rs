//! The keys that sign access tokens (ES256): created at the first start, sealed in the database, published as
//! JWKS. [`crate::rotation`] decides when a new key begins to sign.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::clock::{Millis, World};
use doorward_core::secret_keys::SecretKeys;
use doorward_request::platform::Platform;
use doorward_store::signing_keys::{StoredKey, insert, list, lock, reseal};
use doorward_store::{Store, StoreError, transaction};
use serde_json::{Value, json};

use crate::tokens::AccessTokens;

/// All keys that verify, newest first. Another node may add a key at any time: see [`SigningKeys::reload`].
#[derive(Debug)]
pub struct SigningKeys(RwLock<Vec<Arc<SigningKey>>>);

/// One key.
pub struct SigningKey {
    /// The `kid`.
    pub id: String,
    /// The encoded header of every token that the key signs.
    pub header: String,
    pair: EcdsaKeyPair,
    point: Vec<u8>,
    activates_at: Millis,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

fn broken(what: impl fmt::Display) -> StoreError {
    StoreError::Internal(format!("signing keys: {what}"))
}

fn context(id: &str) -> String {
    format!("signing key {id}")
}

impl SigningKeys {
    /// Loads the keys of the database. Creates the first one if there is none.
    pub async fn load(store: &Store, secret: &SecretKeys, world: &World) -> Result<SigningKeys, StoreError> {
        let now = world.now();
        let mut stored = list(&mut *store.read().await?, now).await?;
        if stored.is_empty() {
            let key = generate(secret, world, now)?;
            // Another node may do the same at this moment. All nodes use the key that was stored first.
            stored = store
                .write(transaction!(|tx| {
                    lock(tx).await?;
                    if list(tx, now).await?.is_empty() {
                        insert(tx, &key).await?;
                    }
                    list(tx, now).await
                }))
                .await?;
        }
        let mut keys = Vec::new();
        for stored in stored {
            let key = SigningKey::open(&stored, secret)?;
            if !secret.is_current(&stored.sealed) {
                reseal_with_the_active_key(store, secret, world, stored).await?;
            }
            keys.push(Arc::new(key));
        }
        Ok(SigningKeys(RwLock::new(keys)))
    }

    /// Loads the present keys of the database: adds those of other nodes and drops retired ones.
    pub async fn reload(&self, store: &Store, secret: &SecretKeys, now: Millis) -> Result<(), StoreError> {
        let stored = list(&mut *store.read().await?, now).await?;
        if stored.is_empty() {
            return Ok(());
        }
        let known = self.keys().clone();
        let keys: Result<Vec<_>, StoreError> = stored
            .iter()
            .map(|stored| match known.iter().find(|key| key.id == stored.id) {
                Some(key) => Ok(key.clone()),
                None => SigningKey::open(stored, secret).map(Arc::new),
            })
            .collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys?;
        Ok(())
    }

    fn keys(&self) -> RwLockReadGuard<'_, Vec<Arc<SigningKey>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key that signs: the newest active one.
    pub fn active(&self, now: Millis) -> Option<Arc<SigningKey>> {
        let keys = self.keys();
        keys.iter().find(|key| key.activates_at <= now).or(keys.first()).cloned()
    }

    /// The key with exactly this token header. An exact match implies the right type and algorithm, and that
    /// the header has no other parameters.
    pub fn with_header(&self, header: &str) -> Option<Arc<SigningKey>> {
        self.keys().iter().find(|key| key.header == header).cloned()
    }

    /// The public keys as a JWKS document (RFC 7517).
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.keys().iter().map(|key| key.jwk()).collect::<Vec<_>>() })
    }
}

/// Seals a signing key with the active secret key. A retired secret key can be removed from the file once every
/// node has started with the new one.
async fn reseal_with_the_active_key(
    store: &Store,
    secret: &SecretKeys,
    world: &World,
    stored: StoredKey,
) -> Result<(), StoreError> {
    let context = context(&stored.id);
    let sealed = secret
        .open(&context, &stored.sealed)
        .and_then(|private| secret.seal(world, &context, &private))
        .ok_or_else(|| broken("cannot be sealed"))?;
    store.write(transaction!(|tx| reseal(tx, &stored.id, &stored.sealed, &sealed).await)).await
}

/// Signs and verifies access tokens.
#[derive(Debug)]
pub struct TokenIssuer {
    /// Settings, time, keys and the database.
    pub platform: Arc<Platform>,
    /// The keys that sign access tokens.
    pub signing_keys: SigningKeys,
    /// Writes and verifies access tokens.
    pub access_tokens: AccessTokens,
}

/// Creates a key that signs from `activates_at` on.
pub fn generate(secret: &SecretKeys, world: &World, activates_at: Millis) -> Result<StoredKey, StoreError> {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(broken)?;
    let id = URL_SAFE_NO_PAD.encode(world.bytes::<9>());
    let private = pair.to_pkcs8v1().map_err(broken)?;
    let sealed =
        secret.seal(world, &context(&id), private.as_ref()).ok_or_else(|| broken("cannot be sealed"))?;
    let public_key = pair.public_key().as_ref().to_vec();
    Ok(StoredKey { id, sealed, public_key, created_at: world.now(), activates_at, retires_at: None })
}

impl SigningKey {
    fn open(stored: &StoredKey, secret: &SecretKeys) -> Result<SigningKey, StoreError> {
        let private = secret.open(&context(&stored.id), &stored.sealed).ok_or_else(|| {
            broken(
                "cannot be opened with these secret keys: use the file that this database was created with. If it is \
                 lost, delete the rows of the table signing_keys: then all users must sign in again",
            )
        })?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private).map_err(broken)?;
        let header = format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"}}"#, stored.id);
        Ok(SigningKey {
            id: stored.id.clone(),
            header: URL_SAFE_NO_PAD.encode(header),
            point: pair.public_key().as_ref().to_vec(),
            pair,
            activates_at: stored.activates_at,
        })
    }

    /// Signs a message. The signature has 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        // AWS-LC ignores this argument and uses its own randomness. It exists for compatibility.
        Some(self.pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
    }

    /// True if this key has made the signature.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point).verify(message, signature).is_ok()
    }

    fn jwk(&self) -> Value {
        // An uncompressed point: 4, then x and y.
        let coordinate =
            |from: usize| URL_SAFE_NO_PAD.encode(self.point.get(from..from + 32).unwrap_or_default());
        json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            "kid": self.id, "x": coordinate(1), "y": coordinate(33),
        })
    }
}
