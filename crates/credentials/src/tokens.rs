//! Writes and reads tokens: access tokens (RFC 9068), refresh tokens (D-3), revoke-only values (D-10).
//! `accounts::sessions` decides what a token permits.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base64url::decode;
use doorward_core::clock::Millis;
use doorward_core::secret::same;
use doorward_core::secret_keys::{KeyId, Purpose, SecretKeys};
use doorward_protocol::session::CLIENT_ID;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::signing::SigningKeys;

/// The claims of an access token (RFC 9068 §2.2). All but `username`, `id` and `cnf` are required, and each has
/// exactly this type.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims {
    /// The setting `public_url`.
    pub iss: String,
    /// The setting `token.audience`.
    pub aud: String,
    /// The id of the account.
    pub sub: String,
    /// Always `doorward`.
    pub client_id: String,
    /// The time of issue, in seconds since 1970.
    pub iat: i64,
    /// The end of validity, in seconds since 1970.
    pub exp: i64,
    /// The id of the token.
    pub jti: String,
    /// The id of the session.
    pub sid: String,
    /// The time of the sign-in, in seconds since 1970.
    pub auth_time: i64,
    /// Roles of the account.
    pub roles: Vec<String>,
    /// Only in tokens of `/api/v1/auth` (seed R18): the address or name of the account, for display. It may be
    /// unproven. Only `sub` identifies the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Only in tokens of `/api/v1/auth`: the same value as `sub`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The key that the session is bound to, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The key that a request with the token must prove (RFC 9449 §6.1).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Confirmation {
    /// The thumbprint of the key (RFC 7638).
    pub jkt: String,
}

/// Signs and verifies the access tokens of one issuer and audience.
#[derive(Debug)]
pub struct AccessTokens {
    issuer: String,
    audience: String,
    cache: Mutex<Cache>,
}

/// Verified tokens by their hash. The check of a signature costs more than the rest of a read request.
#[derive(Default)]
struct Cache {
    young: HashMap<[u8; 32], Arc<Claims>>,
    old: HashMap<[u8; 32], Arc<Claims>>,
}

/// Number of verified tokens in each of the two generations of the cache. A token takes about 600 bytes.
const REMEMBERED: usize = 4096;

/// Maximum length of an access token in bytes.
const LONGEST: usize = 4096;

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cache")
    }
}

impl AccessTokens {
    /// For this issuer and audience.
    pub fn new(issuer: &str, audience: &str) -> AccessTokens {
        AccessTokens { issuer: issuer.into(), audience: audience.into(), cache: Mutex::default() }
    }

    /// Signs the claims. Fills in issuer, audience and client.
    pub fn sign(&self, keys: &SigningKeys, claims: Claims, now: Millis) -> Option<String> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            client_id: CLIENT_ID.into(),
            ..claims
        };
        let key = keys.active(now)?;
        let mut token = key.header.clone();
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&claims).ok()?, &mut token);
        let signature = key.sign(token.as_bytes())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Some(token)
    }

    /// Reads and verifies a token (RFC 9068 §4, RFC 8725). `None` unless this server has issued it and it has
    /// not expired.
    ///
    /// The header must be exactly one of this server's own, so that an `alg`, `jwk`, `jku` or `crit` of an
    /// attacker is never evaluated.
    pub fn verify(&self, keys: &SigningKeys, token: &str, now: Millis) -> Option<Arc<Claims>> {
        if token.len() > LONGEST {
            return None;
        }
        let hash: [u8; 32] = digest::digest(&digest::SHA256, token.as_bytes()).as_ref().try_into().ok()?;
        let cached = self.cache().find(&hash);
        let claims = match cached {
            Some(claims) => claims,
            None => {
                let claims = Arc::new(self.check(keys, token)?);
                self.cache().remember(hash, claims.clone());
                claims
            }
        };
        (claims.exp.checked_mul(1000)? > now).then_some(claims)
    }

    fn check(&self, keys: &SigningKeys, token: &str) -> Option<Claims> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        let key = keys.with_header(header)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if !key.verify(message.as_bytes(), &signature) {
            return None;
        }
        let claims: Claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let ours = claims.iss == self.issuer && claims.aud == self.audience && claims.client_id == CLIENT_ID;
        ours.then_some(claims)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cache {
    fn find(&mut self, hash: &[u8; 32]) -> Option<Arc<Claims>> {
        if let Some(claims) = self.young.get(hash) {
            return Some(claims.clone());
        }
        let claims = self.old.remove(hash)?;
        self.remember(*hash, claims.clone());
        Some(claims)
    }

    /// Adds a token. Tokens that were not used for two generations are dropped.
    fn remember(&mut self, hash: [u8; 32], claims: Arc<Claims>) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash, claims);
    }
}

/// Bytes of a refresh token: version, key id, session id, generation, MAC.
const REFRESH_BYTES: usize = 1 + 4 + 16 + 8 + 32;
/// Bytes of a revoke-only value: version, key id, session id, MAC.
const REVOKE_BYTES: usize = 1 + 4 + 16 + 32;
const VERSION: u8 = 1;

/// A refresh token after reading. Do not trust it before [`RefreshToken::is_genuine`].
pub struct RefreshToken {
    key: KeyId,
    session: Uuid,
    /// The generation of the session that the token belongs to.
    pub generation: i64,
    mac: [u8; 32],
}

fn refresh_mac(
    keys: &SecretKeys,
    key: KeyId,
    session: &Uuid,
    generation: i64,
    salt: &[u8],
) -> Option<[u8; 32]> {
    // All parts but the last have a fixed length, so different inputs have different bytes.
    let parts: [&[u8]; 5] = [&[VERSION], &key, session.as_bytes(), &generation.to_be_bytes(), salt];
    keys.mac(key, Purpose::Refresh, &parts)
}

impl RefreshToken {
    /// Writes the token of a session's generation. The same input results in the same token.
    pub fn write(keys: &SecretKeys, session: &str, generation: i64, salt: &[u8]) -> Option<String> {
        let session = Uuid::try_parse(session).ok()?;
        let key = keys.active_id();
        let mac = refresh_mac(keys, key, &session, generation, salt)?;
        let bytes = [&[VERSION], &key[..], session.as_bytes(), &generation.to_be_bytes(), &mac].concat();
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a text that may be a refresh token.
    pub fn read(text: &str) -> Option<RefreshToken> {
        let bytes: [u8; REFRESH_BYTES] = decode(text)?;
        let (version, rest) = bytes.split_first()?;
        let (key, rest) = rest.split_first_chunk::<4>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (generation, mac) = rest.split_first_chunk::<8>()?;
        (*version == VERSION).then_some(RefreshToken {
            key: *key,
            session: Uuid::from_bytes(*session),
            generation: i64::from_be_bytes(*generation),
            mac: mac.try_into().ok()?,
        })
    }

    /// The id of the session that the token names.
    pub fn session(&self) -> String {
        self.session.to_string()
    }

    /// True if this server has issued the token for the session with this salt.
    pub fn is_genuine(&self, keys: &SecretKeys, salt: &[u8]) -> bool {
        refresh_mac(keys, self.key, &self.session, self.generation, salt)
            .is_some_and(|mac| same(&mac, &self.mac))
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken")
    }
}

/// Writes and reads the value that can only end a session.
#[derive(Debug)]
pub struct RevokeToken;

impl RevokeToken {
    /// Writes the value for a session.
    pub fn write(keys: &SecretKeys, session: &str) -> Option<String> {
        let session = Uuid::try_parse(session).ok()?;
        let key = keys.active_id();
        let mac = keys.mac(key, Purpose::Revoke, &[&[VERSION], &key, session.as_bytes()])?;
        Some(URL_SAFE_NO_PAD.encode([&[VERSION], &key[..], session.as_bytes(), &mac].concat()))
    }

    /// The id of the session, if this server has issued the value.
    pub fn read(keys: &SecretKeys, text: &str) -> Option<String> {
        let bytes: [u8; REVOKE_BYTES] = decode(text)?;
        let (version, rest) = bytes.split_first()?;
        let (key, rest) = rest.split_first_chunk::<4>()?;
        let (session, given) = rest.split_first_chunk::<16>()?;
        let mac = keys.mac(*key, Purpose::Revoke, &[&[VERSION], key, session])?;
        (*version == VERSION && same(&mac, given)).then(|| Uuid::from_bytes(*session).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use doorward_core::clock::World;

    const SESSION: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    fn keys() -> SecretKeys {
        SecretKeys::parse(&SecretKeys::generate(&World::default())).unwrap()
    }

    #[test]
    fn sec_t06_a_refresh_token_is_genuine_only_as_it_was_written() {
        let keys = keys();
        let text = RefreshToken::write(&keys, SESSION, 7, b"salt").unwrap();
        let token = RefreshToken::read(&text).unwrap();
        assert_eq!((token.session().as_str(), token.generation), (SESSION, 7));
        assert!(token.is_genuine(&keys, b"salt"));
        assert!(!token.is_genuine(&keys, b"tlas"), "the MAC depends on the salt");
        assert!(!token.is_genuine(&self::keys(), b"salt"));
        for (at, letter) in text.char_indices() {
            let other = if letter == 'A' { "B" } else { "A" };
            let mut bent = text.clone();
            bent.replace_range(at..=at, other);
            let genuine = RefreshToken::read(&bent).is_some_and(|token| token.is_genuine(&keys, b"salt"));
            assert!(!genuine, "letter {at}");
        }
    }

    #[test]
    fn sec_t05_only_one_spelling_of_a_token_is_read() {
        let keys = keys();
        let text = RefreshToken::write(&keys, SESSION, 7, b"salt").unwrap();
        for bent in
            [format!("{text}="), format!(" {text}"), format!("{text}\n"), text.replace(['-', '_'], "+") + "A"]
        {
            assert!(RefreshToken::read(&bent).is_none(), "{bent}");
        }
    }

    #[test]
    fn a_revoke_token_is_not_a_refresh_token_and_names_one_session() {
        let keys = keys();
        let text = RevokeToken::write(&keys, SESSION).unwrap();
        assert_eq!(RevokeToken::read(&keys, &text).as_deref(), Some(SESSION));
        assert!(RefreshToken::read(&text).is_none());
        assert_eq!(RevokeToken::read(&self::keys(), &text), None);
        assert_eq!(RevokeToken::read(&keys, &RefreshToken::write(&keys, SESSION, 0, b"salt").unwrap()), None);
    }
}
