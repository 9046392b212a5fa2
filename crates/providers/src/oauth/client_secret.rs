//! The client secret for Apple: a JWT that is signed with the operator's key.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use doorward_core::clock::Millis;
use doorward_core::secret::Secret;
use serde_json::json;

use crate::outcome::{Refusal, Wrong};

/// The audience of the secret.
const ISSUER: &str = "https://appleid.apple.com";
/// Lifetime of a client secret in seconds. It is used for one call.
const LIFE: Millis = 5 * 60;

/// The key that signs the client secrets.
pub(crate) struct ClientSecretKey {
    team: String,
    id: String,
    pair: EcdsaKeyPair,
}

impl fmt::Debug for ClientSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecretKey")
    }
}

impl ClientSecretKey {
    /// Reads the key from the content of the .p8 file. A variable may contain it on one line, with `\n` for
    /// line ends.
    pub(crate) fn read(settings: &doorward_config::Provider) -> Result<ClientSecretKey, Wrong> {
        let wrong = ("private_key", "must be the content of the .p8 file from Apple: a key on P-256, in PEM");
        let text = settings.private_key.expose().replace("\\n", "\n");
        let base64: String = text.lines().map(str::trim).filter(|line| !line.starts_with('-')).collect();
        let der = zeroize::Zeroizing::new(STANDARD.decode(base64).map_err(|_| wrong)?);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).map_err(|_| wrong)?;
        Ok(ClientSecretKey { team: settings.team_id.clone(), id: settings.key_id.clone(), pair })
    }

    /// A client secret for one call.
    pub(crate) fn sign(&self, client_id: &str, now: Millis) -> Result<Secret, Refusal> {
        let now = now / 1000;
        let header = json!({ "alg": "ES256", "kid": self.id });
        let claims =
            json!({ "iss": self.team, "iat": now, "exp": now + LIFE, "aud": ISSUER, "sub": client_id });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes());
        let signature = signature.map_err(|_| Refusal::Setup("private_key cannot sign".into()))?;
        Ok(Secret::from(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_private_key_is_refused_at_start_and_not_shown() {
        for text in
            ["hunter2", "", "-----x-----\nhunter2\n-----x-----", "-----x-----\naHVudGVyMg==\n-----x-----"]
        {
            let settings = doorward_config::Provider {
                private_key: String::from(text).into(),
                ..doorward_config::Provider::default()
            };
            let (key, error) = ClientSecretKey::read(&settings).err().unwrap();
            assert!(key == "private_key" && !error.contains("hunter"), "{error}");
        }
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let text = STANDARD.encode(pair.to_pkcs8v1().unwrap());
        for ends in ["\n", "\\n", "\r\n"] {
            let text = format!("-----x-----{ends}{text}{ends}-----x-----{ends}");
            let settings = doorward_config::Provider {
                private_key: text.into(),
                ..doorward_config::Provider::default()
            };
            assert!(ClientSecretKey::read(&settings).is_ok(), "{ends:?}");
        }
    }
}
