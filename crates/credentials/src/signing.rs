//! The keys that sign access tokens (ES256): made at first start, sealed in the database, published as JWKS. When a
//! new one takes over is decided in [`crate::rotation`].

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

/// All keys that verify, the newest first. Another node may add one at any time: see [`SigningKeys::reload`].
#[derive(Debug)]
pub struct SigningKeys(RwLock<Vec<Arc<SigningKey>>>);

/// One key.
pub struct SigningKey {
    /// `kid`
    pub id: String,
    /// The first part of every token that it signs, as it stands there.
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
    /// Reads the keys; makes the first one.
    pub async fn load(store: &Store, secret: &SecretKeys, world: &World) -> Result<SigningKeys, StoreError> {
        let now = world.now();
        let mut stored = list(&mut *store.read().await?, now).await?;
        if stored.is_empty() {
            let key = generate(secret, world, now)?;
            // Another node may have done the same in this moment: whichever came first is everybody's.
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

    /// Takes up what the database has now: keys that another node made, and that some have retired.
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

    /// The key that signs: the newest that is active.
    pub fn active(&self, now: Millis) -> Option<Arc<SigningKey>> {
        let keys = self.keys();
        keys.iter().find(|key| key.activates_at <= now).or(keys.first()).cloned()
    }

    /// The key whose header a token has, to the letter: type, algorithm and key are right, and nothing else is there.
    pub fn with_header(&self, header: &str) -> Option<Arc<SigningKey>> {
        self.keys().iter().find(|key| key.header == header).cloned()
    }

    /// The public halves (RFC 7517).
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.keys().iter().map(|key| key.jwk()).collect::<Vec<_>>() })
    }
}

/// So that a retired secret key can leave the file once every node has started with the new one.
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
    /// What the tokens say of this server.
    pub access_tokens: AccessTokens,
}

/// A new key that signs from then on.
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
                "cannot be opened with these secret keys: use the file that this database was made with. If that is \
                 lost, delete the rows of the table signing_keys: everybody has to sign in again",
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

    /// A signature, 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        // AWS-LC takes its randomness itself; the argument is there for the older interface.
        Some(self.pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
    }

    /// Is it a signature of this key?
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
