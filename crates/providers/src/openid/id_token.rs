//! Reads, checks and verifies ID tokens (OpenID Connect Core §3.1.3.7).

use aws_lc_rs::digest::{Algorithm as Hash, SHA256, SHA384, SHA512, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_core::clock::Millis;
use doorward_core::escape::plain;
use doorward_core::secret::same;
use doorward_core::strict_json::Strict;
use jsonwebtoken::{Algorithm, Header, decode_header};
use serde_json::{Map, Value};

use crate::openid::jwks::Key;
use crate::outcome::Refusal;

/// Maximum length of an ID token in bytes.
const LONGEST: usize = 16 * 1024;
/// Tolerated difference of clocks in seconds.
const LEEWAY: f64 = 60.0;
/// Maximum number of characters of an audience in the log.
const SHOWN: usize = 100;
/// Maximum length of a subject in ASCII characters (OpenID Connect Core §2).
const LONGEST_SUBJECT: usize = 255;

/// The claims of a token.
pub(crate) type IdClaims = Map<String, Value>;

/// A token after reading. Do not trust it before [`IdToken::verify`].
pub(crate) struct IdToken<'a> {
    pub(crate) header: Header,
    claims: IdClaims,
    message: &'a str,
    signature: &'a str,
}

/// The values that a token must have, except its issuer.
pub(crate) struct Expected<'a> {
    /// The client id of this server.
    pub(crate) client_id: &'a str,
    /// Other trusted audiences.
    pub(crate) audiences: &'a [String],
    /// True if an app got the token. Then it may be for one of the other audiences alone. A token from a flow
    /// of this server must be for this server and issued to it.
    pub(crate) is_brought: bool,
    pub(crate) nonce: Option<&'a str>,
    /// The access token from the same response.
    pub(crate) access_token: Option<&'a str>,
    pub(crate) now: Millis,
}

fn wrong(why: &str) -> Refusal {
    Refusal::Untrusted(why.into())
}

impl<'a> IdToken<'a> {
    /// Reads a token. Its algorithm must be one of `algorithms`, which are all asymmetric.
    pub(crate) fn read(text: &'a str, algorithms: &[Algorithm]) -> Result<IdToken<'a>, Refusal> {
        let shape = || wrong("The token is not a signed JWT.");
        if text.len() > LONGEST || text.matches('.').count() != 2 {
            return Err(shape());
        }
        let (message, signature) = text.rsplit_once('.').ok_or_else(shape)?;
        let (_, payload) = message.split_once('.').ok_or_else(shape)?;
        let header = decode_header(text)
            .map_err(|_| wrong("The token's header cannot be read, or its algorithm is not known."))?;
        if !algorithms.contains(&header.alg) {
            return Err(wrong("The token is signed with an algorithm that is not accepted."));
        }
        let odd = header.typ.as_ref().is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT"));
        if odd || header.crit.is_some() {
            // RFC 8725 §3.11, RFC 7515 §4.1.11
            return Err(wrong("The token is of another type."));
        }
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| shape())?;
        match serde_json::from_slice(&payload) {
            Ok(Strict(Value::Object(claims))) => Ok(IdToken { header, claims, message, signature }),
            _ => Err(shape()),
        }
    }

    /// The claims, before verification.
    pub(crate) fn claims(&self) -> &IdClaims {
        &self.claims
    }

    /// Checks everything except the issuer. Must precede the check of the signature, so that a token for
    /// another client does not cause a fetch of keys.
    pub(crate) fn meets(&self, expected: &Expected<'_>) -> Result<(), Refusal> {
        expected.audience(&self.claims)?;
        expected.time(&self.claims)?;
        subject(&self.claims)?;
        if let Some(nonce) = expected.nonce {
            let given = self.claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
            if !same(given.as_bytes(), nonce.as_bytes()) {
                return Err(Refusal::Mismatch("The token has another nonce than this sign-in.".into()));
            }
        }
        match (self.claims.get("at_hash"), expected.access_token) {
            (Some(hash), Some(token))
                if hash.as_str() != Some(half_hash(self.header.alg, token).as_str()) =>
            {
                Err(wrong("The token belongs to another access token."))
            }
            _ => Ok(()),
        }
    }

    /// The claims, if this key has signed the token.
    pub(crate) fn verify(self, key: &Key) -> Result<IdClaims, Refusal> {
        let message = self.message.as_bytes();
        match jsonwebtoken::crypto::verify(self.signature, message, &key.key, self.header.alg) {
            Ok(true) => Ok(self.claims),
            _ => Err(wrong("The token's signature is not the provider's.")),
        }
    }
}

impl Expected<'_> {
    /// OpenID Connect Core §3.1.3.7, steps 2 to 5: this server is among the audiences, all others are trusted,
    /// and the token was issued to this server.
    fn audience(&self, claims: &IdClaims) -> Result<(), Refusal> {
        let listed = |text: &str| self.audiences.iter().any(|one| one == text);
        let known = |text: &str| text == self.client_id || listed(text);
        let is_ours = |text: &str| text == self.client_id || (self.is_brought && listed(text));
        let all = match claims.get("aud") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) => all.iter().map(|one| one.as_str().unwrap_or_default()).collect(),
            _ => Vec::new(),
        };
        if !all.iter().any(|one| is_ours(one)) {
            return Err(wrong("The token is for another audience."));
        }
        if let Some(other) = all.iter().find(|one| !known(one)) {
            let audience: String = plain(other).chars().take(SHOWN).collect();
            tracing::info!(
                audience,
                "an ID token names an audience that its provider's `audiences` do not list"
            );
            return Err(wrong(
                "The token is also for another audience, which is not in `audiences` of this provider.",
            ));
        }
        match claims.get("azp") {
            Some(party) if !party.as_str().is_some_and(is_ours) => {
                Err(wrong("The token was issued to another client."))
            }
            None if all.len() > 1 => Err(wrong("The token does not name the client that it was issued to.")),
            _ => Ok(()),
        }
    }

    fn time(&self, claims: &IdClaims) -> Result<(), Refusal> {
        let seconds = |name: &str| match claims.get(name) {
            Some(value) => {
                value.as_f64().map(Some).ok_or_else(|| wrong("The token has a time that is not a number."))
            }
            None => Ok(None),
        };
        #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit for 280,000 years")]
        let now = self.now as f64 / 1000.0;
        match seconds("exp")? {
            Some(end) if now < end + LEEWAY => {}
            Some(_) => return Err(wrong("The token has expired.")),
            None => return Err(wrong("The token has no expiry.")),
        }
        match seconds("iat")? {
            Some(begin) if begin <= now + LEEWAY => {}
            Some(_) => return Err(wrong("The token was issued in the future.")),
            None => return Err(wrong("The token does not say when it was made.")),
        }
        match seconds("nbf")? {
            Some(begin) if begin > now + LEEWAY => Err(wrong("The token is not valid yet.")),
            _ => Ok(()),
        }
    }
}

/// The id of the token's user.
pub(crate) fn subject(claims: &IdClaims) -> Result<&str, Refusal> {
    let fits = |text: &&str| {
        (1..=LONGEST_SUBJECT).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    };
    let subject = claims.get("sub").and_then(Value::as_str).filter(fits);
    subject.ok_or_else(|| wrong("The token does not name a user."))
}

/// The left half of a hash (OpenID Connect Core §3.1.3.6).
fn half_hash(algorithm: Algorithm, text: &str) -> String {
    let hash: &'static Hash = match algorithm {
        Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &SHA384,
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &SHA512,
        _ => &SHA256,
    };
    let hash = digest(hash, text.as_bytes());
    let (half, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    URL_SAFE_NO_PAD.encode(half)
}
