//! Service keys: what the operator's own programs show instead of a sign-in. Each is made on the command line, shown
//! once, stored as a hash, and good for its scopes alone.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::base64url::decode;
use crate::clock::World;
use crate::secret::Secret;

/// What a service key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything below `/v1/admin`.
    Admin,
    /// Saying who somebody is: signing in by `custom_id`, and `client_ip`.
    Trusted,
}

impl Scope {
    /// All there are.
    pub const ALL: [Scope; 2] = [Scope::Admin, Scope::Trusted];

    /// As stored, and as on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Admin => "admin",
            Scope::Trusted => "trusted",
        }
    }
}

/// The scopes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Each once, in the order of [`Scope::ALL`].
    pub fn new(given: &[Scope]) -> Scopes {
        Scopes(Scope::ALL.into_iter().filter(|scope| given.contains(scope)).collect())
    }

    /// As they are stored, with spaces between. One that a newer doorward knows is none here.
    pub fn stored(text: &str) -> Scopes {
        let named = |scope: &Scope| text.split(' ').any(|word| word == scope.as_str());
        Scopes(Scope::ALL.into_iter().filter(named).collect())
    }

    /// Is it one of them?
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// Their names.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|scope| scope.as_str().to_owned()).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

/// What a service key begins with: scanners for leaked secrets know one by it.
pub const PREFIX: &str = "dw_sk_";
/// Bytes behind it: the id and the secret.
const BYTES: usize = 16 + 32;

/// A service key as its program has it.
pub struct PlainKey {
    id: Uuid,
    secret: Zeroizing<[u8; 32]>,
}

impl PlainKey {
    /// A new one.
    pub fn mint(world: &World) -> PlainKey {
        let id = Uuid::try_parse(&world.id()).unwrap_or_default();
        PlainKey { id, secret: Zeroizing::new(world.bytes()) }
    }

    /// Reads what may be a key.
    pub fn read(text: &str) -> Option<PlainKey> {
        let bytes: Zeroizing<[u8; BYTES]> = Zeroizing::new(decode(text.strip_prefix(PREFIX)?)?);
        let (id, secret) = bytes.split_first_chunk::<16>()?;
        Some(PlainKey { id: Uuid::from_bytes(*id), secret: Zeroizing::new(secret.try_into().ok()?) })
    }

    /// For the one time that it is shown.
    pub fn write(&self) -> Secret {
        let bytes = Zeroizing::new([self.id.as_bytes().as_slice(), self.secret.as_slice()].concat());
        Secret::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    /// Names its row.
    pub fn id(&self) -> String {
        self.id.to_string()
    }

    /// What is stored of the secret. Nobody can go through 256 bits: a bare hash is enough.
    pub fn hash(&self) -> SecretHash {
        SecretHash(digest(&SHA256, self.secret.as_slice()).as_ref().to_vec())
    }
}

impl fmt::Debug for PlainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PlainKey")
    }
}

/// The hash of a key's secret.
#[derive(Clone)]
pub struct SecretHash(Vec<u8>);

impl SecretHash {
    /// For the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SecretHash {
    fn from(bytes: Vec<u8>) -> SecretHash {
        SecretHash(bytes)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_in_no_other_spelling() {
        let key = PlainKey::mint(&World::default());
        let text = key.write();
        assert!(text.expose().starts_with("dw_sk_") && text.expose().len() == 6 + 64);
        let read = PlainKey::read(text.expose()).unwrap();
        assert_eq!((read.id(), read.hash().as_bytes()), (key.id(), key.hash().as_bytes()));
        for bent in [
            text.expose().replace("dw_sk_", ""),
            text.expose().replace("dw_sk_", "dw_pk_"),
            format!("{}=", text.expose()),
            format!("{}A", text.expose()),
            text.expose()[..69].to_owned(),
        ] {
            assert!(PlainKey::read(&bent).is_none(), "{bent}");
        }
        assert_ne!(PlainKey::mint(&World::default()).hash().as_bytes(), key.hash().as_bytes());
    }

    #[test]
    fn scopes_are_stored_each_once_and_what_nobody_knows_is_none() {
        let scopes = Scopes::new(&[Scope::Trusted, Scope::Admin, Scope::Trusted]);
        assert_eq!(scopes.to_string(), "admin trusted");
        assert_eq!(Scopes::stored("admin trusted"), scopes);
        let future = Scopes::stored("administrator trusted");
        assert!(future.has(Scope::Trusted) && !future.has(Scope::Admin));
    }
}
