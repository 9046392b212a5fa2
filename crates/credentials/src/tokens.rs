//! The tokens themselves: access tokens (RFC 9068), refresh tokens (D-3), revoke-only values (D-10). Writing and
//! reading them; what they are good for is decided in `accounts::sessions`.

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

/// What an access token says (RFC 9068 §2.2). Every claim but `cnf` is required, and each is of exactly this type.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims {
    /// `public_url`
    pub iss: String,
    /// `token.audience`
    pub aud: String,
    /// Id of the account.
    pub sub: String,
    /// `doorward`
    pub client_id: String,
    /// When it was made, in seconds.
    pub iat: i64,
    /// When it ends, in seconds.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
    /// Id of the session.
    pub sid: String,
    /// When the person signed in, in seconds.
    pub auth_time: i64,
    /// Roles of the account.
    pub roles: Vec<String>,
    /// Only in tokens of `/api/v1/auth` (seed R18): the address or name of the account, for people to read. It may be
    /// unproven: only `sub` tells who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Likewise: `sub` once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The key that the session is bound to, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// The key that whoever uses a token must prove to have (RFC 9449 §6.1).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Confirmation {
    /// Its thumbprint (RFC 7638).
    pub jkt: String,
}

/// An access token of ours, verified: its claims can be believed.
#[derive(Debug)]
pub struct AccessTokens {
    issuer: String,
    audience: String,
    cache: Mutex<Cache>,
}

/// Verified tokens by their hash: checking a signature costs more than everything else a read does.
#[derive(Default)]
struct Cache {
    young: HashMap<[u8; 32], Arc<Claims>>,
    old: HashMap<[u8; 32], Arc<Claims>>,
}

/// Verified tokens that are remembered: twice this many at most, about 600 bytes each.
const REMEMBERED: usize = 4096;

/// Longer ones are not ours.
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

    /// Signs; issuer, audience and client are filled in here.
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

    /// Reads and verifies (RFC 9068 §4, RFC 8725): `None` for anything but a token of ours that has not ended.
    ///
    /// The header is compared with ours to the letter, so that no `alg`, `jwk`, `jku` or `crit` of a stranger is
    /// ever looked at.
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

    /// What was not used for two generations is forgotten.
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

/// A refresh token that was read; nothing about it can be believed until [`RefreshToken::is_genuine`].
pub struct RefreshToken {
    key: KeyId,
    session: Uuid,
    /// Which of the session's tokens it is.
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
    // All parts but the last have a fixed length: no two inputs look alike.
    let parts: [&[u8]; 5] = [&[VERSION], &key, session.as_bytes(), &generation.to_be_bytes(), salt];
    keys.mac(key, Purpose::Refresh, &parts)
}

impl RefreshToken {
    /// Writes the token of a session's generation. The same input gives the same token.
    pub fn write(keys: &SecretKeys, session: &str, generation: i64, salt: &[u8]) -> Option<String> {
        let session = Uuid::try_parse(session).ok()?;
        let key = keys.active_id();
        let mac = refresh_mac(keys, key, &session, generation, salt)?;
        let bytes = [&[VERSION], &key[..], session.as_bytes(), &generation.to_be_bytes(), &mac].concat();
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads what may be a token.
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

    /// Id of the session that it claims to be of.
    pub fn session(&self) -> String {
        self.session.to_string()
    }

    /// Did we write it for the session with this salt?
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

/// Writes and reads the value that can do nothing but end a session.
#[derive(Debug)]
pub struct RevokeToken;

impl RevokeToken {
    /// The value for a session.
    pub fn write(keys: &SecretKeys, session: &str) -> Option<String> {
        let session = Uuid::try_parse(session).ok()?;
        let key = keys.active_id();
        let mac = keys.mac(key, Purpose::Revoke, &[&[VERSION], &key, session.as_bytes()])?;
        Some(URL_SAFE_NO_PAD.encode([&[VERSION], &key[..], session.as_bytes(), &mac].concat()))
    }

    /// Id of the session, if the value is ours.
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
        assert!(!token.is_genuine(&keys, b"tlas"), "the database alone has the salt, and nothing else");
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
    fn a_revoke_value_is_no_refresh_token_and_names_one_session() {
        let keys = keys();
        let text = RevokeToken::write(&keys, SESSION).unwrap();
        assert_eq!(RevokeToken::read(&keys, &text).as_deref(), Some(SESSION));
        assert!(RefreshToken::read(&text).is_none());
        assert_eq!(RevokeToken::read(&self::keys(), &text), None);
        assert_eq!(RevokeToken::read(&keys, &RefreshToken::write(&keys, SESSION, 0, b"salt").unwrap()), None);
    }
}
