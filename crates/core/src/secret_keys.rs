//! The secret keys (D-4): a file outside the database with one active key and retired ones. They authenticate
//! tokens with MACs, and encrypt data that must not be readable in the database. All nodes use a copy of the same
//! file.

use std::fmt;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::clock::World;
use crate::files::Draft;

/// The id of a key, which tokens and sealed values contain.
pub type KeyId = [u8; 4];

/// The keys of the file, the active one first.
pub struct SecretKeys(Vec<SecretKey>);

struct SecretKey {
    id: KeyId,
    refresh: hmac::Key,
    revoke: hmac::Key,
    replay: hmac::Key,
    code: hmac::Key,
    nonce: hmac::Key,
    cursor: hmac::Key,
    flow: hmac::Key,
    captcha: hmac::Key,
    limit: hmac::Key,
    device: hmac::Key,
    seal: LessSafeKey,
}

/// The purpose of a MAC. Each has a separate derived key.
#[derive(Clone, Copy, Debug)]
pub enum Purpose {
    /// Refresh tokens (D-3).
    Refresh,
    /// Revoke-only values (D-10).
    Revoke,
    /// Bodies of requests with an idempotency key (D-16).
    Replay,
    /// One-time codes, which are too short for a hash without a key.
    Code,
    /// Nonces of DPoP proofs (D-5).
    Nonce,
    /// Cursors of paged lists.
    Cursor,
    /// The `oauthKey` of sign-ins with a provider.
    Flow,
    /// Captcha challenges with a proof of work.
    Captcha,
    /// Names of budgets, which are made from addresses.
    Limit,
    /// Tokens of known devices.
    Device,
}

const HEADER: &str = "# doorward secret keys: one per line. The first is active, the others are retired.\n\
    # With this file and the database an attacker can sign in to every account: do not back them up together.\n";

impl SecretKeys {
    /// True if the setting holds keys and not the path of a file. Also true for an invalid key: an error about a
    /// path would print it.
    pub fn looks_like_keys(setting: &str) -> bool {
        setting.lines().any(|line| {
            line.trim()
                .split_once(':')
                .is_some_and(|(id, _)| id.len() == 8 && u32::from_str_radix(id, 16).is_ok())
        })
    }

    /// Adds a new active key in front of those of a file. Replaces the file atomically.
    pub fn rotate(file: &Path, world: &World) -> std::io::Result<()> {
        let file = &file.canonicalize()?;
        let before = Zeroizing::new(std::fs::read_to_string(file)?);
        SecretKeys::parse(&before).map_err(std::io::Error::other)?;
        let (comments, keys): (Vec<&str>, Vec<&str>) =
            before.lines().partition(|line| line.trim_start().starts_with('#'));
        let mut after = Zeroizing::new(String::new());
        for line in comments {
            after.push_str(line);
            after.push('\n');
        }
        after.push_str(&SecretKeys::generate(world));
        for line in keys {
            after.push_str(line);
            after.push('\n');
        }
        let owned = std::fs::metadata(file)?;
        let mut draft = Draft::of(file, 0o600)?;
        // The server may run as another user than this command.
        fchown(draft.file(), Some(owned.uid()), Some(owned.gid()))?;
        draft.file().set_permissions(std::fs::Permissions::from_mode(owned.mode() & 0o777))?;
        draft.write_all(after.as_bytes())?;
        draft.replace()
    }

    /// The ids of the keys, the active one first.
    pub fn ids(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|key| format!("{:08x}", u32::from_be_bytes(key.id)))
    }

    /// Creates a file with a new key, readable by its owner only. Returns an error if the file exists.
    pub fn create(file: &Path, world: &World) -> std::io::Result<()> {
        let mut draft = Draft::of(file, 0o600)?;
        draft.write_all(HEADER.as_bytes())?;
        draft.write_all(SecretKeys::generate(world).as_bytes())?;
        draft.create()
    }

    /// A line for the key file, with a new id and a new key.
    pub fn generate(world: &World) -> Zeroizing<String> {
        let id = u32::from_be_bytes(world.bytes());
        let key = Zeroizing::new(world.bytes::<32>());
        Zeroizing::new(format!("{id:08x}:{}\n", URL_SAFE_NO_PAD.encode(key.as_slice())))
    }

    /// Parses the content of a key file.
    pub fn parse(text: &str) -> Result<SecretKeys, String> {
        let mut keys: Vec<SecretKey> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = SecretKey::parse(line).ok_or_else(|| {
                format!(
                    "line {} is not a key: it must have the form that `doorward keys generate` prints",
                    at + 1
                )
            })?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(format!("line {} repeats the id of another key", at + 1));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            Err("contains no key: `doorward keys generate` prints one".into())
        } else {
            Ok(SecretKeys(keys))
        }
    }

    fn find(&self, id: KeyId) -> Option<&SecretKey> {
        self.0.iter().find(|key| key.id == id)
    }

    fn active(&self) -> Option<&SecretKey> {
        self.0.first()
    }

    /// The id of the active key.
    pub fn active_id(&self) -> KeyId {
        self.active().map_or([0; 4], |key| key.id)
    }

    /// A MAC over the concatenated parts, with the key of that id. `None` if the file does not contain that key.
    pub fn mac(&self, id: KeyId, purpose: Purpose, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let mut context = hmac::Context::with_key(self.find(id)?.mac_key(purpose));
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref().try_into().ok()
    }

    /// True if the value was sealed with the active key. Otherwise the caller should seal it again.
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        sealed.get(1..5) == Some(self.active_id().as_slice())
    }

    /// Encrypts with the active key. The result can only be opened with the same `context`.
    pub fn seal(&self, world: &World, context: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let key = self.active()?;
        let nonce = world.bytes::<12>();
        let mut sealed = plain.to_vec();
        let aad = Aad::from(context.as_bytes());
        key.seal.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        Some([&[1], key.id.as_slice(), &nonce, &sealed].concat())
    }

    /// Decrypts a value of [`SecretKeys::seal`], with the key that sealed it. `None` for a wrong context, or an
    /// unknown key.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (version, rest) = sealed.split_first()?;
        let (id, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, rest) = rest.split_first_chunk::<12>()?;
        if *version != 1 {
            return None;
        }
        let mut plain = Zeroizing::new(rest.to_vec());
        let aad = Aad::from(context.as_bytes());
        let key = &self.find(*id)?.seal;
        let length = key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

impl SecretKey {
    fn parse(line: &str) -> Option<SecretKey> {
        let (id, key) = line.trim().split_once(':')?;
        let id = (id.len() == 8).then(|| u32::from_str_radix(id, 16).ok())??.to_be_bytes();
        let key = Zeroizing::new(URL_SAFE_NO_PAD.decode(key).ok()?);
        // A generated key has 32 random bytes. A pattern like 000… or aaa… was not generated.
        let distinct = key.iter().collect::<std::collections::BTreeSet<_>>().len();
        if key.len() != 32 || distinct < 8 {
            return None;
        }
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"doorward").extract(&key);
        Some(SecretKey {
            id,
            refresh: mac_key(&root, b"refresh token")?,
            revoke: mac_key(&root, b"revoke token")?,
            replay: mac_key(&root, b"idempotency")?,
            code: mac_key(&root, b"one-time code")?,
            nonce: mac_key(&root, b"proof nonce")?,
            cursor: mac_key(&root, b"list cursor")?,
            flow: mac_key(&root, b"provider flow")?,
            captcha: mac_key(&root, b"captcha")?,
            limit: mac_key(&root, b"limit")?,
            device: mac_key(&root, b"known device")?,
            seal: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*derive(&root, b"seal")?).ok()?),
        })
    }

    fn mac_key(&self, purpose: Purpose) -> &hmac::Key {
        match purpose {
            Purpose::Refresh => &self.refresh,
            Purpose::Revoke => &self.revoke,
            Purpose::Replay => &self.replay,
            Purpose::Code => &self.code,
            Purpose::Nonce => &self.nonce,
            Purpose::Cursor => &self.cursor,
            Purpose::Flow => &self.flow,
            Purpose::Captcha => &self.captcha,
            Purpose::Limit => &self.limit,
            Purpose::Device => &self.device,
        }
    }
}

fn derive(root: &hkdf::Prk, label: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    root.expand(&[label], hkdf::HKDF_SHA256).ok()?.fill(key.as_mut_slice()).ok()?;
    Some(key)
}

fn mac_key(root: &hkdf::Prk, label: &[u8]) -> Option<hmac::Key> {
    Some(hmac::Key::new(hmac::HMAC_SHA256, derive(root, label)?.as_slice()))
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> String {
        SecretKeys::generate(&World::default()).to_string()
    }

    #[test]
    fn a_retired_key_opens_what_it_sealed_in_the_same_context_only() {
        let world = World::default();
        let old = line();
        let before = SecretKeys::parse(&old).unwrap();
        let sealed = before.seal(&world, "signing key 1", b"secret").unwrap();
        let after = SecretKeys::parse(&format!("{HEADER}{}{old}", line())).unwrap();
        assert_ne!(after.active_id(), before.active_id());
        assert_eq!(after.open("signing key 1", &sealed).unwrap().as_slice(), b"secret");
        assert!(after.open("signing key 2", &sealed).is_none());
        assert!(SecretKeys::parse(&line()).unwrap().open("signing key 1", &sealed).is_none());
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(after.open("signing key 1", &bent).is_none(), "byte {at}");
        }
    }

    #[test]
    fn sec_l01_a_missing_or_weak_key_is_refused() {
        for bad in
            ["", "# nothing", "changeme", "00000001:", "00000001:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert!(SecretKeys::parse(bad).is_err(), "{bad}");
        }
        let key = line();
        assert!(SecretKeys::parse(&format!("{key}{key}")).unwrap_err().contains("repeats"));
    }

    #[test]
    fn each_purpose_has_a_different_mac() {
        let keys = SecretKeys::parse(&line()).unwrap();
        let of = |purpose| keys.mac(keys.active_id(), purpose, &[b"same"]).unwrap();
        let all = [
            Purpose::Refresh,
            Purpose::Revoke,
            Purpose::Replay,
            Purpose::Code,
            Purpose::Nonce,
            Purpose::Cursor,
            Purpose::Flow,
            Purpose::Captcha,
            Purpose::Limit,
            Purpose::Device,
        ];
        let macs = all.map(of);
        for (at, mac) in macs.iter().enumerate() {
            assert!(macs.iter().skip(at + 1).all(|other| other != mac));
        }
    }
}
