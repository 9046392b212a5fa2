//! Service keys: credentials of the operator's own programs. A key is created on the command line, shown once,
//! stored as a hash, and valid for its scopes only.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::base64url::decode;
use crate::clock::World;
use crate::secret::Secret;

/// A permission of a service key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything below `/v1/admin`.
    Admin,
    /// Vouching for end users: sign-in with `custom_id`, and `client_ip`.
    Trusted,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Scope; 2] = [Scope::Admin, Scope::Trusted];

    /// Its name in the database and on the command line.
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
    /// Removes duplicates and sorts in the order of [`Scope::ALL`].
    pub fn new(given: &[Scope]) -> Scopes {
        Scopes(Scope::ALL.into_iter().filter(|scope| given.contains(scope)).collect())
    }

    /// Parses stored names, separated by spaces. Ignores unknown names, which a newer doorward may have stored.
    pub fn stored(text: &str) -> Scopes {
        let named = |scope: &Scope| text.split(' ').any(|word| word == scope.as_str());
        Scopes(Scope::ALL.into_iter().filter(named).collect())
    }

    /// True if the key has this scope.
    pub fn has(&self, scope: Scope) -> bool {
        self.0.contains(&scope)
    }

    /// The names of the scopes.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|scope| scope.as_str().to_owned()).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(" "))
    }
}

/// Prefix of a service key, by which scanners for leaked secrets recognise it.
pub const PREFIX: &str = "dw_sk_";
/// Number of bytes after the prefix: the id and the secret.
const BYTES: usize = 16 + 32;

/// A service key in plain text, as its program stores it.
pub struct PlainKey {
    id: Uuid,
    secret: Zeroizing<[u8; 32]>,
}

impl PlainKey {
    /// A new random key.
    pub fn mint(world: &World) -> PlainKey {
        let id = Uuid::try_parse(&world.id()).unwrap_or_default();
        PlainKey { id, secret: Zeroizing::new(world.bytes()) }
    }

    /// Parses a key. `None` if the text is not a service key.
    pub fn read(text: &str) -> Option<PlainKey> {
        let bytes: Zeroizing<[u8; BYTES]> = Zeroizing::new(decode(text.strip_prefix(PREFIX)?)?);
        let (id, secret) = bytes.split_first_chunk::<16>()?;
        Some(PlainKey { id: Uuid::from_bytes(*id), secret: Zeroizing::new(secret.try_into().ok()?) })
    }

    /// The text of the key, which is shown once.
    pub fn write(&self) -> Secret {
        let bytes = Zeroizing::new([self.id.as_bytes().as_slice(), self.secret.as_slice()].concat());
        Secret::from(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.as_slice())))
    }

    /// The id of its row.
    pub fn id(&self) -> String {
        self.id.to_string()
    }

    /// The hash of the secret, which is stored. A hash without a key is enough for 256 random bits.
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
    /// The bytes for the database.
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
    fn a_key_is_parsed_only_in_its_exact_spelling() {
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
    fn scopes_are_stored_without_duplicates_and_unknown_ones_are_ignored() {
        let scopes = Scopes::new(&[Scope::Trusted, Scope::Admin, Scope::Trusted]);
        assert_eq!(scopes.to_string(), "admin trusted");
        assert_eq!(Scopes::stored("admin trusted"), scopes);
        let future = Scopes::stored("administrator trusted");
        assert!(future.has(Scope::Trusted) && !future.has(Scope::Admin));
    }
}
