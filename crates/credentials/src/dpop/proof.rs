//! One proof: a JWS that the browser's key has signed for one request (RFC 9449 §4). This file has all checks
//! of §4.3.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::base64url::decode;
use doorward_core::clock::Millis;
use doorward_core::escape::plain;
use doorward_core::local_address::is_local;
use doorward_core::secret::same;
use doorward_core::secret_keys::SecretKeys;
use doorward_core::strict_json::Strict;
use doorward_protocol::error::ErrorCode;
use doorward_request::error::ApiError;
use serde_json::{Map, Value};
use url::Url;

use super::nonce;

/// Maximum length of a proof in bytes. A proof of the SDK has about 600.
const LONGEST: usize = 4096;
/// Maximum length of `jti` in bytes.
const LONGEST_ID: usize = 128;
/// Maximum number of characters of a wrong address in the error.
const SHOWN: usize = 200;
/// Members of a JWK that only a private or a symmetric key has (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth"];

/// A checked proof. [`Proof::spend`] and [`Proof::show`] ensure that it is used only once.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The key that has signed it.
    pub(super) thumbprint: Thumbprint,
    /// Hash of the key and the `jti`.
    pub(super) id: [u8; 32],
    /// The time at which its nonce expires.
    pub(super) expires_at: Millis,
}

/// The thumbprint of a key (RFC 7638): SHA-256 of its JWK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbprint(String);

/// The request that a proof must match.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The method of the request.
    pub method: &'a str,
    /// The setting `public_url`, which precedes the path. A proxy or a `Host` header does not change it (D-17).
    pub public_url: &'a str,
    /// The path of the request, without the query.
    pub path: &'a str,
    /// With `--dev`, any address of this machine is accepted, because the page may use the proxy of a dev
    /// server.
    pub dev: bool,
    /// The access token of the request.
    pub access_token: Option<&'a str>,
}

/// The reason why a proof is rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// The nonce is missing, expired, or not from this server.
    Nonce,
    /// Another check has failed, with a description.
    Invalid(&'static str),
    /// The proof is for another address, with a description.
    Elsewhere(String),
}

impl From<ProofError> for ApiError {
    fn from(fault: ProofError) -> ApiError {
        match fault {
            ProofError::Nonce => ErrorCode::UseDpopNonce.into(),
            ProofError::Invalid(what) => {
                ApiError { detail: Some(what.into()), ..ErrorCode::InvalidProof.into() }
            }
            ProofError::Elsewhere(what) => ApiError {
                cause: Some(what.clone()),
                detail: Some(what.into()),
                ..ErrorCode::InvalidProof.into()
            },
        }
    }
}

/// The form in `cnf.jkt` and in the database.
impl From<Thumbprint> for String {
    fn from(thumbprint: Thumbprint) -> String {
        thumbprint.0
    }
}

impl Proof {
    /// Makes all checks of RFC 9449 §4.3. The nonce is checked before the signature, so that a request for a
    /// new nonce costs no verification (D-6).
    pub fn check(text: &str, about: About<'_>, keys: &SecretKeys, now: Millis) -> Result<Proof, ProofError> {
        let (message, signature) = parts(text).ok_or(ProofError::Invalid("The proof is not a JWS."))?;
        let (header, claims) =
            message.split_once('.').ok_or(ProofError::Invalid("The proof is not a JWS."))?;
        let header = object(header).ok_or(ProofError::Invalid("The proof's header is not a JSON object."))?;
        let claims =
            object(claims).ok_or(ProofError::Invalid("The proof's payload is not a JSON object."))?;
        let key = PublicKey::of_header(&header)?;
        let id = text_of(&claims, "jti").filter(|id| (1..=LONGEST_ID).contains(&id.len()));
        let id = id.ok_or(ProofError::Invalid("jti must be a text of 1 to 128 bytes."))?;
        // The value does not matter: the nonce determines the age (RFC 9449 §11.1).
        if !claims.get("iat").is_some_and(Value::is_number) {
            return Err(ProofError::Invalid("iat must be a number."));
        }
        about.meets(&claims)?;
        let expires_at = match claims.get("nonce") {
            Some(Value::String(text)) => nonce::good_until(keys, text, now).ok_or(ProofError::Nonce)?,
            Some(_) => return Err(ProofError::Invalid("nonce must be text.")),
            None => return Err(ProofError::Nonce),
        };
        if !key.has_signed(message.as_bytes(), &signature) {
            return Err(ProofError::Invalid("The signature is not that of the key in jwk."));
        }
        let thumbprint = key.thumbprint();
        let id = sha256(&[thumbprint.0.as_str(), id].concat());
        Ok(Proof { thumbprint, id, expires_at })
    }

    /// The thumbprint of its key, as in `cnf.jkt`.
    pub fn key(&self) -> &str {
        &self.thumbprint.0
    }

    /// True if this key has signed the proof. Compares in constant time.
    pub fn is_by(&self, thumbprint: &str) -> bool {
        same(self.thumbprint.0.as_bytes(), thumbprint.as_bytes())
    }

    /// A proof for unit tests. Its key is only a number.
    #[cfg(any(test, feature = "testing"))]
    pub fn for_test(key: u8, expires_at: Millis) -> Proof {
        Proof { thumbprint: Thumbprint(format!("key {key}")), id: [key; 32], expires_at }
    }

    /// The thumbprint of its key as text.
    #[cfg(any(test, feature = "testing"))]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint.0
    }
}

/// The signed part and the signature.
fn parts(text: &str) -> Option<(&str, [u8; 64])> {
    let (message, signature) = text.rsplit_once('.').filter(|_| text.len() <= LONGEST)?;
    Some((message, decode(signature)?))
}

fn object(part: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()? {
        Strict(Value::Object(object)) => Some(object),
        Strict(_) => None,
    }
}

fn text_of<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

fn sha256(text: &str) -> [u8; 32] {
    digest(&SHA256, text.as_bytes()).as_ref().try_into().unwrap_or_default()
}

/// A point on P-256. The verification of a signature fails if it is not on the curve.
struct PublicKey {
    x: [u8; 32],
    y: [u8; 32],
}

impl PublicKey {
    fn of_header(header: &Map<String, Value>) -> Result<PublicKey, ProofError> {
        if text_of(header, "typ") != Some("dpop+jwt") {
            return Err(ProofError::Invalid("typ must be dpop+jwt."));
        }
        if text_of(header, "alg") != Some("ES256") {
            return Err(ProofError::Invalid("alg must be ES256."));
        }
        // RFC 7515 §4.1.11: a critical extension that is not supported must be rejected.
        if header.contains_key("crit") {
            return Err(ProofError::Invalid("crit is not supported."));
        }
        let jwk = header.get("jwk").and_then(Value::as_object);
        jwk.and_then(PublicKey::of_jwk).ok_or(ProofError::Invalid("jwk must be a public key on P-256."))
    }

    fn of_jwk(jwk: &Map<String, Value>) -> Option<PublicKey> {
        let fits = text_of(jwk, "kty") == Some("EC") && text_of(jwk, "crv") == Some("P-256");
        if !fits || PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return None;
        }
        Some(PublicKey { x: decode(text_of(jwk, "x")?)?, y: decode(text_of(jwk, "y")?)? })
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let point = [&[4], &self.x[..], &self.y].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
    }

    /// RFC 7638 §3: the required members, in this order, without spaces.
    fn thumbprint(&self) -> Thumbprint {
        let [x, y] = [self.x, self.y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        Thumbprint(URL_SAFE_NO_PAD.encode(sha256(&jwk)))
    }
}

impl About<'_> {
    /// Checks that `htm`, `htu` and, with an access token, `ath` match this request.
    fn meets(&self, claims: &Map<String, Value>) -> Result<(), ProofError> {
        if text_of(claims, "htm") != Some(self.method) {
            return Err(ProofError::Invalid("htm is not the method of this request."));
        }
        let address = text_of(claims, "htu");
        let address = address.ok_or(ProofError::Invalid("htu must be text: the address of the request."))?;
        if !self.is_at(address) {
            // Without the query, which may contain a secret.
            let bare = address.split(['?', '#']).next().unwrap_or_default();
            let (ours, given) = (self.public_url, plain(bare));
            let given: String = given.chars().take(SHOWN).collect();
            return Err(ProofError::Elsewhere(format!(
                "htu is not the address of this request. It must be public_url, {ours}, with the path of the request, and is \"{given}\"."
            )));
        }
        let Some(token) = self.access_token else { return Ok(()) };
        let hash = URL_SAFE_NO_PAD.encode(sha256(token));
        match text_of(claims, "ath") {
            Some(given) if same(given.as_bytes(), hash.as_bytes()) => Ok(()),
            _ => Err(ProofError::Invalid("ath is not the hash of the access token.")),
        }
    }

    fn is_at(&self, address: &str) -> bool {
        if address.strip_prefix(self.public_url) == Some(self.path) {
            return true;
        }
        let own = normal(&[self.public_url, self.path].concat());
        own.is_some() && (normal(address) == own || (self.dev && self.is_at_this_machine(address)))
    }

    /// True if the path is the same, after the path of `public_url`, on any port of this machine.
    fn is_at_this_machine(&self, address: &str) -> bool {
        let Ok(url) = Url::parse(address) else { return false };
        let prefix = Url::parse(self.public_url).map(|ours| ours.path().trim_end_matches('/').to_owned());
        let own =
            normal(&[&url.origin().ascii_serialization(), &*prefix.unwrap_or_default(), self.path].concat());
        is_local(&url) && own.is_some() && normal(address) == own
    }
}

/// The address without query and fragment, normalised by RFC 3986 §6.2.2 and §6.2.3. `None` unless it is an
/// http or https address without a user name and password.
fn normal(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let fits = plain && matches!(url.scheme(), "https" | "http") && url.username().is_empty();
    (fits && url.password().is_none()).then(|| url.origin().ascii_serialization() + &unescaped(url.path()))
}

/// A path with percent-encoding only where it is necessary, in capital letters.
fn unescaped(path: &str) -> String {
    let mut pieces = path.split('%');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let code = piece.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok()).map(char::from);
        match (code, piece.get(2..)) {
            (Some(letter), Some(rest)) if letter.is_ascii_alphanumeric() || "-._~".contains(letter) => {
                plain.push(letter);
                plain.push_str(rest);
            }
            (Some(_), Some(rest)) => {
                plain.push('%');
                plain.push_str(&piece.get(..2).unwrap_or_default().to_ascii_uppercase());
                plain.push_str(rest);
            }
            _ => {
                plain.push('%');
                plain.push_str(piece);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_d01_an_address_is_normalised_before_it_is_compared() {
        let about = About {
            method: "GET",
            public_url: "https://auth.example.com",
            path: "/v1/profile/a-b%2Fc",
            dev: false,
            access_token: None,
        };
        for (address, same) in [
            ("https://auth.example.com/v1/profile/a-b%2Fc", true),
            ("https://auth.example.com/v1/profile/a-b%2Fc?x=1#y", true),
            ("HTTPS://AUTH.Example.com:443/v1/profile/%61%2db%2fc", true),
            ("https://auth.example.com/v1/./x/../profile/a-b%2Fc", true),
            ("https://auth.example.com/v1/profile/a-b/c", false),
            ("https://auth.example.com/v1/profile/a-b%2Fc/", false),
            ("https://auth.example.com/V1/profile/a-b%2Fc", false),
            ("https://auth.example.com:8443/v1/profile/a-b%2Fc", false),
            ("http://auth.example.com/v1/profile/a-b%2Fc", false),
            ("https://user@auth.example.com/v1/profile/a-b%2Fc", false),
            ("https://auth.example.com\\v1\\profile\\a-b%2Fc", false),
            (" https://auth.example.com/v1/profile/a-b%2Fc", false),
            ("https://auth.example.com/v1/pro\nfile/a-b%2Fc", false),
            ("/v1/profile/a-b%2Fc", false),
            ("", false),
        ] {
            assert_eq!(about.is_at(address), same, "{address}");
        }
    }

    #[test]
    fn a_thumbprint_is_computed_as_in_rfc_7638() {
        // The key of RFC 9449 §4.1 and its thumbprint of §6.1.
        let key = PublicKey {
            x: decode("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs").unwrap(),
            y: decode("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA").unwrap(),
        };
        assert_eq!(key.thumbprint().0, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    }
}
